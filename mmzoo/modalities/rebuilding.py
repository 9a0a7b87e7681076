"""How an input is rebuilt from an embedding: what of it, and by which layers."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.errors import require
from mmzoo.modalities.shown import Shown

MOST_CELLS = 2**16
"""Numbers that are rebuilt of one example, at most: the last layer has a row of weights for each."""
SALT = 3000  # the first of what is drawn here; augmentations, `stream` and the mixing have those below
SMALLEST = 4  # the side of the map that a rebuilt one grows from, at most
WIDEST, THINNEST = 128, 16  # channels of the first and the last map
HIDDEN = 256  # units of the layer before a table or a series


class Rebuilding:
    """The numbers that are to be rebuilt of an example of one input, `cells` in an array of `shape`.

    A cell holds a number, or, where `sizes` says so, the place of one of several values.

    Args:
        shape: of the array.
        groups: which of the means and deviations is each cell's, int (cells,): a channel's, a band's, a column's.
        sizes: how many values there are, by the cell that holds the place of one; none of cells of numbers.
    """

    measures: ClassVar[str] = ""
    """What is told beside R2: "psnr", "snr" or "accuracy"."""
    limits: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    """Between which a rebuilt number lies."""
    dtype: ClassVar[str] = "float32"
    """Of an encoded target."""

    def __init__(self, shape: tuple[int, ...], groups: np.ndarray, sizes: dict[int, int] | None = None) -> None:
        self.shape, self.cells, self.groups, self.sizes = shape, math.prod(shape), groups, sizes or {}
        require(
            self.cells <= MOST_CELLS,
            f"An input of {self.cells:,} numbers is too large to be rebuilt, which goes up to {MOST_CELLS:,}; make it "
            "smaller.",
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What each cell is called."""
        return tuple(str(k + 1) for k in range(self.cells))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of answers; none where an answer is no row."""
        return ()

    def values(self, cell: int) -> tuple[str, ...]:
        """What a cell that is in `sizes` can hold."""
        raise NotImplementedError

    def target(self, value: Raw) -> np.ndarray:
        """The array of a raw value; NaN in cells that it says nothing of.

        Raises:
            MMZooError: the value cannot be decoded.
        """
        raise NotImplementedError

    def target_of(self, batch: Tensor) -> Tensor:
        """In a graph of tf.data: `target` of decoded examples (B, ...), float (B, cells)."""
        raise NotImplementedError

    def layers(self, embedding: Tensor, units: int, name: str) -> Tensor:
        """Layers from an embedding (B, any) to float32 (B, units): a number for each cell, or one for each value."""
        raise NotImplementedError

    @property
    def has_end(self) -> bool:
        """Is there a last part of it, which `hide_end` hides?"""
        return type(self).hide_end is not Rebuilding.hide_end

    def hide_end(self, batch: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """As `hide`, of what has an order in time: the last of what is there, never all of it."""
        raise NotImplementedError

    def hide(self, batch: Tensor, keys: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """In a graph of tf.data: decoded examples with a share of their parts hidden, and which cells these are.

        Args:
            batch: (B, ...), as `Modality.decode` gives them.
            keys: int64 (B,), what is drawn comes from (`mmzoo.draws`).
            share: of the parts, above 0 and below 1.

        Returns:
            The changed batch, and bool (B, cells).
        """
        raise NotImplementedError

    def readable(self, cells: np.ndarray) -> np.ndarray | str | dict[str, object]:
        """What a user is given of rebuilt cells, (cells,): here the array."""
        return cells.reshape(self.shape)

    def to_file(self, cells: np.ndarray) -> tuple[str, bytes]:
        """Rebuilt cells, (cells,), as a file that the input reads: how its name ends, and its bytes."""
        raise NotImplementedError

    def shown(self, cells: np.ndarray) -> Shown:
        """How cells, (cells,), are shown on a page; NaN where nothing is known."""
        raise NotImplementedError


def hidden_parts(keys: Tensor, count: int, share: float) -> Tensor:
    """Which of `count` parts are hidden, bool (B, count): always as many, one at least, and never all."""
    import tensorflow as tf

    from mmzoo.draws import uniforms

    order = tf.argsort(uniforms(keys, SALT, (count,)), axis=1)
    rank = tf.argsort(order, axis=1)  # the place of each part in a random order
    return rank < min(max(round(share * count), 1), max(count - 1, 1))


def along(length: int, parts: int) -> np.ndarray:
    """Which of `parts` equal stretches each place of an axis is in, int (length,)."""
    return np.arange(length) * parts // length


def patches(hidden: Tensor, rows: np.ndarray, columns: np.ndarray) -> Tensor:
    """Hidden patches of a map as its places, bool (B, H, W).

    Args:
        hidden: bool (B, patches), row by row.
        rows, columns: which row of patches each row of the map is in, and each column, int (H,) and (W,).
    """
    import tensorflow as tf

    across = int(columns.max()) + 1
    return tf.gather(hidden, rows[:, None] * across + columns[None], axis=1)


def grown(embedding: Tensor, shape: tuple[int, int, int], name: str) -> Tensor:
    """A map (B, H, W, C) by transposed convolutions, each twice as large as the one before it (Zeiler et al. 2010).

    They add what is fine to a coarse map that is linear in the embedding: colours and outlines are learned in few steps
    so, as the first principal components are.

    Args:
        embedding: float (B, any).
        name: what the layers' names begin with.
    """
    import keras

    high, wide, channels = shape
    doublings = max(math.ceil(math.log2(min(high, wide) / SMALLEST)), 0)
    first = -(-high // 2**doublings), -(-wide // 2**doublings)
    x = keras.layers.Dense(math.prod(first) * WIDEST, activation="gelu", name=f"{name}.spread")(embedding)
    x = keras.layers.Reshape((*first, WIDEST), name=f"{name}.map")(x)
    for step in range(doublings):
        width = max(WIDEST >> (step + 1), THINNEST)
        # A kernel that is a multiple of the stride reaches every place equally often: there is no chequerboard.
        x = keras.layers.Conv2DTranspose(width, 4, 2, padding="same", activation="gelu", name=f"{name}.larger{step}")(x)
    fine = keras.layers.Conv2D(channels, 3, padding="same", dtype="float32", name=f"{name}.cells")(x)
    sides = [side * 2 ** min(doublings, 1) for side in first]
    coarse = keras.layers.Dense(math.prod(sides) * channels, dtype="float32", name=f"{name}.coarse")(embedding)
    coarse = keras.layers.Reshape((*sides, channels), dtype="float32", name=f"{name}.coarse_map")(coarse)
    if doublings > 1:
        scale = 2 ** (doublings - 1)
        coarse = keras.layers.UpSampling2D(
            scale, interpolation="bilinear", dtype="float32", name=f"{name}.coarse_cells"
        )(coarse)
    return (fine + coarse)[:, :high, :wide]


def perceived(embedding: Tensor, units: int, name: str) -> Tensor:
    """Numbers (B, units) by a perceptron with one hidden layer, from an embedding (B, any)."""
    import keras

    x = keras.layers.Dense(HIDDEN, activation="gelu", name=f"{name}.hidden")(embedding)
    return keras.layers.Dense(units, dtype="float32", name=f"{name}.cells")(x)
