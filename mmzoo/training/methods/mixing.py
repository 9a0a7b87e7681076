"""Examples mixed in pairs, all modalities and labels alike: MixUp and CutMix.

Of an example a share stays, one number for all that it has, and the rest is its partner's: the loss is that of both
labels in these shares. Where only one of the two has a modality, it stays whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.draws import uniforms
from mmzoo.errors import require
from mmzoo.modalities.base import Modality
from mmzoo.options import Range
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import TrainingMethod

if TYPE_CHECKING:
    from mmzoo.spec import Spec
    from mmzoo.training.settings import Training

SALT = 2000  # the first of what is drawn here; `stream` and the augmentations have those below
QUANTILES = 4096


class Mixing(TrainingMethod):
    """Neighbours of a batch are mixed: the first and the second are partners, and so on.

    Args:
        alpha: the share that stays is drawn from Beta(alpha, alpha); small for a little of the other, 1 for any share
            alike.
    """

    multiple = 2
    takes_texts = False
    mix: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    """What mixes pictures, sounds and sensors: `(own, partner's, share that is kept, keys) -> mixed`."""

    def __init__(self, *, alpha: Annotated[float, Range(0.01, 100)] = 0.2) -> None:
        self.alpha = alpha

    def check(self, spec: Spec, training: Training) -> None:
        several = sum(issubclass(methods[name], Mixing) for name in training.method_names) > 1
        require(not several, "Examples are mixed in one way; name one of 'mixup' and 'cutmix'.")

    def batch(
        self, inputs: dict[str, Tree], labels: Tree, weights: Tree, keys: Tensor, items: dict[str, Modality | None]
    ) -> tuple[dict[str, Tree], Tree, Tree]:
        """Labels and weights are pairs from here on, the example's own and its partner's."""
        inputs, share = self.mixed(inputs, keys, items)
        weights = tf.ones_like(share) if weights is None else weights
        labels = (labels, {name: partners(label) for name, label in labels.items()})
        return inputs, labels, (share * weights, (1 - share) * partners(weights))

    def mixed(
        self, inputs: dict[str, Tree], keys: Tensor, items: dict[str, Modality | None]
    ) -> tuple[dict[str, Tree], Tensor]:
        """The inputs mixed, and the share of its own that an example keeps, float32 (B,).

        Args:
            inputs: of an even number of examples.
            keys, items: see `TrainingMethod.batch`.
        """

        def compiled(inputs: dict[str, Tree], keys: Tensor) -> tuple[dict[str, Tree], Tensor]:
            share = self.shares(keys)
            own, other = inputs["present"], partners(inputs["present"])
            found = {"present": own | other}
            for index, (name, item) in enumerate(items.items()):
                both = own[:, index] & other[:, index]
                kept = tf.where(both, share, tf.cast(own[:, index] | ~other[:, index], tf.float32))
                mixed = item.mixed(inputs[name], partners(inputs[name]), kept, keys) if item else None
                if mixed is None:
                    # Every part of an input, such as frames and which of them are real, is drawn alike.
                    mixed = keras.tree.map_structure(
                        lambda part, kept=kept: self.mix(part, partners(part), kept, keys), inputs[name]
                    )
                found[name] = mixed
            return found, share

        found, share = tf.function(compiled, jit_compile=True, autograph=False)(inputs, keys)
        return found, share

    def shares(self, keys: Tensor) -> Tensor:
        """Of Beta(alpha, alpha), float32 (B,): its quantile at an even draw, straight between `QUANTILES` of them."""
        from scipy.special import betaincinv

        table = tf.constant(betaincinv(self.alpha, self.alpha, np.linspace(0, 1, QUANTILES + 1)), tf.float32)
        place = uniforms(keys, SALT) * QUANTILES
        low = tf.cast(place, tf.int32)
        part = place - tf.cast(low, tf.float32)
        return tf.gather(table, low) * (1 - part) + tf.gather(table, low + 1) * part


def partners(tensor: Tensor) -> Tensor:
    """The rows (B, ...) with the first and the second exchanged, the third and the fourth, and so on."""
    pairs = tf.reshape(tensor, (-1, 2, *tensor.shape[1:]))
    return tf.reshape(pairs[:, ::-1], (-1, *tensor.shape[1:]))


def along(value: Tensor, tensor: Tensor) -> Tensor:
    """A number for each row (B,) so that it meets (B, ...)."""
    return tf.reshape(value, (-1, *[1] * (len(tensor.shape) - 1)))


def added(own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
    """`share * own + (1 - share) * other`, rounded in integers; a number beside none (NaN), as in a gap, is whole."""
    share = along(share, own)
    if own.dtype == tf.bool:
        return (own & (share > 0)) | (other & (share < 1))
    one, two = tf.cast(own, tf.float32), tf.cast(other, tf.float32)
    mixed = share * tf.where(tf.math.is_nan(one), two, one) + (1 - share) * tf.where(tf.math.is_nan(two), one, two)
    # Nothing of an absent side may come through, not even in the place of a gap.
    mixed = tf.where(share == 1, one, tf.where(share == 0, two, mixed))
    return tf.cast(tf.round(mixed), own.dtype) if own.dtype.is_integer else tf.cast(mixed, own.dtype)


def cutmix(own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
    """A box of pictures (B, [frames,] H, W, C), else a stretch of steps (B, T, ...), is `other`."""
    rank = len(own.shape)
    axes = (rank - 3, rank - 2) if rank > 3 else (1,)
    lost = (1 - share) ** (1 / len(axes))
    draws = uniforms(keys, SALT + 1, (2,))
    inside = along(tf.ones_like(share, tf.bool), own)
    for k, axis in enumerate(axes):
        size = own.shape[axis]
        width = tf.round(lost * size)
        start = tf.round(draws[:, k] * (size - width))
        place = tf.reshape(tf.range(size, dtype=tf.float32), [-1 if a == axis else 1 for a in range(rank)])
        inside &= (place >= along(start, own)) & (place < along(start + width, own))
    return tf.where(inside, other, own)


@methods.register("mixup")
class MixUp(Mixing):
    """Pairs of examples are added, with all their modalities and labels (Zhang et al. 2018, arXiv:1710.09412).

    Pictures, sounds and sensors are; words and columns of tables cannot be added: of them the share is taken.
    """

    mix = staticmethod(added)


@methods.register("cutmix")
class CutMix(Mixing):
    """A part of each example is another one's, in all modalities and labels (Yun et al. 2019, arXiv:1905.04899).

    Of a picture it is a box, which lies inside, so that its share is the drawn one; of a sound a stretch; of words and
    columns of tables the share.
    """

    mix = staticmethod(cutmix)
