"""Pictures, rebuilt as pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.modalities.rebuilding import Rebuilding, along, grown, hidden_parts, patches
from mmzoo.modalities.shown import Shown, png

if TYPE_CHECKING:
    from mmzoo.modalities.image import Image

LARGEST = 64  # pixels a side of a rebuilt picture
PATCHES = 8  # a side
GREY = 127  # of what is hidden: nothing, where a tower scales pixels to -1 .. 1


class Pixels(Rebuilding):
    """The pixels of a picture, squeezed to 64 a side where it is larger; RGB from 0 to 255."""

    measures: ClassVar[str] = "psnr"
    limits: ClassVar[tuple[float, float]] = (0.0, 255.0)
    dtype: ClassVar[str] = "float16"  # which holds 0 to 255 exactly

    def __init__(self, item: Image) -> None:
        self.side = min(item.size, LARGEST)
        self.item, self.size = replace(item, size=self.side), item.size
        super().__init__((self.side, self.side, 3), np.tile(np.arange(3), self.side**2))

    def target(self, value: Raw) -> np.ndarray:
        return self.item.decode(value).astype(np.float32)

    def target_of(self, batch: Tensor) -> Tensor:
        import tensorflow as tf

        pixels = tf.cast(batch, tf.float32)
        if self.size != self.side:
            pixels = tf.image.resize(pixels, (self.side, self.side), "area")
        return tf.reshape(pixels, (-1, self.cells))

    def layers(self, embedding: Tensor, units: int, name: str) -> Tensor:
        import keras

        return keras.layers.Reshape((units,), dtype="float32", name=f"{name}.flat")(
            grown(embedding, (self.side, self.side, 3), name)
        )

    def hide(self, batch: Tensor, keys: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Patches of an eighth of the side become grey (He et al. 2022, "Masked Autoencoders", arXiv:2111.06377)."""
        import tensorflow as tf

        hidden = hidden_parts(keys, PATCHES**2, share)
        own, cells = along(self.size, PATCHES), along(self.side, PATCHES)
        covered = patches(hidden, own, own)[..., None]
        wanted = tf.repeat(tf.reshape(patches(hidden, cells, cells), (-1, self.side**2)), 3, axis=1)
        return tf.where(covered, tf.constant(GREY, batch.dtype), batch), wanted

    def readable(self, cells: np.ndarray) -> np.ndarray:
        """The picture, uint8 (side, side, 3)."""
        return np.asarray(np.clip(np.rint(np.nan_to_num(cells)), 0, 255), np.uint8).reshape(self.shape)

    def to_file(self, cells: np.ndarray) -> tuple[str, bytes]:
        return ".png", png(self.readable(cells))

    def shown(self, cells: np.ndarray) -> Shown:
        return Shown(picture=png(self.readable(cells)))
