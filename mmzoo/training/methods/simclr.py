"""Two random variants of an example find each other among all others of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.choice import Method
from mmzoo.errors import as_tuple, check_strings, require, unknown
from mmzoo.names import variant_output
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.tokens import masked_mean
from mmzoo.training.loss import Batch, above_zero
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.graph.parts import Parts
    from mmzoo.training.settings import Training


@methods.register("simclr")
class SimCLR(TrainingMethod):
    """Each input's tower learns to tell an example from others, however it is augmented (arXiv:2002.05709).

    Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations". Every example is in a
    batch twice, augmented anew each time, also in what is dropped out and hidden. The mean of what a tower puts out
    goes through a perceptron of one hidden layer, which is thrown away after training; the loss is the cross-entropy
    of finding the other variant by their cosines (NT-Xent). It needs no label, and is added to the loss of the tasks,
    whose weight may be 0: then give no validation records, so that the last epoch is kept.

    Args:
        weight: how much this counts.
        temperature: by which cosines are divided.
        dim: numbers of the vectors that are compared.
        inputs: whose towers learn this; all, if none is named.
    """

    multiple = 2
    pairs = True
    unlabelled = True
    term = "simclr_loss"

    def __init__(
        self,
        *,
        weight: Annotated[float, Range(0.0, 100.0)] = 1.0,
        temperature: Annotated[float, Range(0.01, 10.0)] = 0.1,
        dim: Annotated[int, Range(2, 4096)] = 64,
        inputs: Sequence[str] = (),
    ) -> None:
        self.weight, self.temperature, self.dim = weight, temperature, dim
        self.inputs = as_tuple("The inputs of the method 'simclr'", inputs)
        check_strings("The inputs of the method 'simclr'", self.inputs)

    def check(self, spec: Spec, training: Training) -> None:
        for name in self.inputs:
            if name not in spec.input_names:
                raise unknown("input for the method 'simclr' called", name, spec.input_names)
        others = {Method.of(each).name for each in training.methods}
        require(
            not others & {"mixup", "cutmix"},
            "The neighbours of a batch are variants of one example with the method 'simclr', which cannot be mixed; "
            "leave out 'mixup' and 'cutmix'.",
        )
        require(
            training.grad_accum_steps == 1,
            "The method 'simclr' compares the examples of a whole batch; set 'grad_accum_steps' to 1.",
        )

    def outputs(self, parts: Parts) -> dict[str, Tensor]:
        """The vectors (B, dim) that are compared, by input."""
        found: dict[str, Tensor] = {}
        for name in self.inputs or parts.inputs:
            x = keras.ops.cast(masked_mean(*parts.tower_tokens(name)), "float32")
            output = variant_output(name)
            x = keras.layers.Dense(x.shape[-1], activation="relu", dtype="float32", name=f"{output}.hidden")(x)
            found[output] = keras.layers.Dense(self.dim, dtype="float32", name=f"{output}.vector")(x)
        return found

    def build(self, learner: Learner) -> None:
        self.places = {
            variant_output(name): place
            for place, name in enumerate(learner.spec.input_names)
            if not self.inputs or name in self.inputs
        }

    def added_loss(self, batch: Batch, outputs: dict[str, Tensor]) -> Tensor:
        losses = [
            nt_xent(outputs[name], batch.present[:, place], self.temperature) for name, place in self.places.items()
        ]
        return self.weight * batch.share * tf.add_n(losses) / len(losses)


def nt_xent(vectors: Tensor, present: Tensor, temperature: float) -> Tensor:
    """The normalized temperature-scaled cross-entropy, float32 (): the mean over those whose other variant is there.

    Args:
        vectors: float32 (B, D), of any length; the variants of an example are neighbours, the first and the second ...
        present: bool (B,), what is not there neither asks nor is asked.
    """
    unit = tf.math.l2_normalize(vectors, axis=1)
    cosines = tf.matmul(unit, unit, transpose_b=True) / temperature
    count = vectors.shape[0]
    other = tf.range(count) + 1 - 2 * (tf.range(count) % 2)
    asked = present[None] & ~tf.eye(count, dtype=tf.bool)
    logits = tf.where(asked, cosines, -1e9)
    each = tf.reduce_logsumexp(logits, axis=1) - tf.gather(cosines, other, batch_dims=1)
    both = tf.cast(present & tf.gather(present, other), tf.float32)
    return tf.reduce_sum(each * both) / above_zero(tf.reduce_sum(both))
