"""Training on examples that are made as hard as a small change can make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.errors import MMZooError, require
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.loss import Batch
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.training.settings import Training

REACH = 2.5  # how far the steps of "pgd" would go in all, in sizes, if they all went one way


class Adversarial(TrainingMethod):
    """Half of the loss is that of examples changed so that their loss rises, see `Attack`.

    Args:
        epsilon: how far a number of an example is changed at most, in standard deviations of its numbers.
    """

    steps = 1
    takes_texts = False

    def __init__(self, *, epsilon: Annotated[float, Range(1e-6, 10)] = 0.1) -> None:
        self.epsilon = epsilon

    def check(self, spec: Spec, training: Training) -> None:
        for item in spec.inputs:
            require(
                not any(getattr(item, each, ()) for each in ("categories", "dates", "multi_categories")),
                f"Input '{item.name}' has categories or dates, which cannot be changed a little; leave them out, or "
                "train without 'fgsm' and 'pgd'.",
            )

    def build(self, learner: Learner) -> None:
        self.attack = Attack(learner.spec, learner.model, self.steps, self.epsilon)

    def harder(self, batch: Batch, loss_of: Callable[[dict[str, Tensor]], Tensor]) -> dict[str, Tensor] | None:
        return self.attack.outputs(batch.inputs, self.attack(batch.inputs, loss_of))


@methods.register("fgsm")
class FGSM(Adversarial):
    """Half of the loss is that of examples changed by one small step that raises it (arXiv:1412.6572).

    Goodfellow, Shlens & Szegedy 2015, the fast gradient sign method.
    """


@methods.register("pgd")
class PGD(Adversarial):
    """Half of the loss is that of examples changed by five steps that raise it (Madry et al. 2018, arXiv:1706.06083).

    Projected gradient descent from the example itself.
    """

    steps = 5


class Attack:
    """Changes each example, within a small box, in the way that raises its loss.

    What is changed of an input is the first tensor of floats behind it: a waveform as it is, a picture's pixels once
    they are floats, the embeddings of tokens, or the features of a frozen network. The box reaches `epsilon`
    standard deviations of the example's own numbers to either side. Nothing is drawn, and no example changes another.

    Args:
        model: from what a feed gives to the model's outputs.
        steps: along the sign of the gradient; of several each is shorter, and back into the box.
        epsilon: half of the box's width.

    Raises:
        MMZooError: an input has no such tensor.
    """

    def __init__(self, spec: Spec, model: keras.Model, steps: int, epsilon: float) -> None:
        self.steps, self.epsilon = steps, epsilon
        cut = [first_floats(model, item.name) for item in spec.inputs]
        entry = keras.tree.flatten(model.input)
        # Where an input is floats already, it is changed itself.
        self.stay = [k for k, tensor in enumerate(entry) if all(tensor is not other for other in cut)]
        self.front = keras.Model(entry, cut)
        self.back = keras.Model([*(entry[k] for k in self.stay), *cut], model.output)

    def outputs(self, inputs: dict[str, Tree], changed: list[Tensor], training: bool = True) -> dict[str, Tensor]:
        """The model's outputs with `changed` in place of the first floats of each input."""
        flat = keras.tree.flatten(inputs)
        outputs: dict[str, Tensor] = self.back([*(flat[k] for k in self.stay), *changed], training=training)
        return outputs

    def __call__(self, inputs: dict[str, Tree], loss_of: Callable[[dict[str, Tensor]], Tensor]) -> list[Tensor]:
        """The first floats of each input as the attack leaves them; constants to whoever differentiates.

        Args:
            loss_of: from the model's outputs to the loss that is to rise.
        """
        clean = [
            tf.stop_gradient(x) for x in keras.tree.flatten(self.front(keras.tree.flatten(inputs), training=False))
        ]
        reach = [self.epsilon * deviations(x) for x in clean]
        changed = clean
        step = 1.0 if self.steps == 1 else REACH / self.steps
        for _ in range(self.steps):
            with tf.GradientTape() as tape:
                tape.watch(changed)
                loss = loss_of(self.outputs(inputs, changed, training=False))
            slopes = tape.gradient(loss, changed, unconnected_gradients="zero")
            moved = [x + tf.cast(step, x.dtype) * r * sign(g) for x, r, g in zip(changed, reach, slopes, strict=True)]
            changed = [tf.clip_by_value(x, c - r, c + r) for x, c, r in zip(moved, clean, reach, strict=True)]
            changed = [tf.stop_gradient(x) for x in changed]
        return changed


def sign(slope: Tensor) -> Tensor:
    """The sign of a gradient; 0 where it is no number, as behind a gap in a series."""
    return tf.where(tf.math.is_nan(slope), tf.zeros_like(slope), tf.sign(slope))


def deviations(x: Tensor) -> Tensor:
    """The standard deviation of each example's own numbers (B, 1, ...), gaps (NaN) left out; 0 where there are none."""
    axes = list(range(1, len(x.shape)))
    real = tf.cast(~tf.math.is_nan(x), x.dtype)
    filled = tf.where(tf.math.is_nan(x), tf.zeros_like(x), x)
    count = tf.maximum(tf.reduce_sum(real, axes, keepdims=True), 1)
    mean = tf.reduce_sum(filled, axes, keepdims=True) / count
    return tf.sqrt(tf.reduce_sum(real * (filled - mean) ** 2, axes, keepdims=True) / count)


def first_floats(model: keras.Model, name: str) -> Tensor:
    """An input's first tensor of floats: itself, or of the nodes that hang on it alone the earliest that has one."""
    start = model.input[name]
    for tensor in keras.tree.flatten(start):
        if "float" in tensor.dtype:
            return tensor  # a waveform, or the features of a frozen network
    reached = {id(tensor) for tensor in keras.tree.flatten(start)}
    presence = {id(model.input["present"])}
    for _, nodes in sorted(model._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            sources = {id(tensor) for tensor in node.input_tensors}
            if not sources & reached or sources - reached - presence:
                continue
            reached |= {id(tensor) for tensor in node.outputs}
            for tensor in node.outputs:
                if "float" in tensor.dtype and len(tensor.shape) > 1:
                    return tensor
    raise MMZooError(
        f"Input '{name}' never becomes floats that could be changed a little; train without 'fgsm' and 'pgd'."
    )
