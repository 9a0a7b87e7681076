"""A convolutional network on the waveform itself."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.modalities.audio import Audio
from mmzoo.tokens import Tokens, until_last
from mmzoo.towers import scoped, towers


@towers.register("waveform_cnn", serves="audio")
def waveform_cnn(
    x: Tensor, item: Audio, *, filters: Sequence[int] = (32, 64, 96, 128), kernel: int = 9, dropout: float = 0.1
) -> Tokens:
    """1-D convolutions on the samples, each a quarter as long as the one before (Dai et al. 2017, arXiv:1610.00087).

    float32 (B, N) -> `Tokens` (B, N / 4**len(filters), filters[-1]).

    Args:
        kernel: taps of each filter but the first, which has 80.
        dropout: share of the last features left out in training.
    """
    name = scoped(item)
    require(
        not item.frames and item.shape[0] >= 4 ** len(filters),
        f"Tower 'waveform_cnn' needs at least {4 ** len(filters)} samples, not frames or a shorter sound, "
        f"in input '{item.name}'.",
    )
    # Loudness says nothing of what is said: each clip is brought to a root mean square of 1.
    power = ops.mean(ops.square(x), axis=1, keepdims=True)
    x = (x / ops.sqrt(power + 1e-6))[..., None]
    mask = ops.abs(x[..., 0]) > 0
    for index, width in enumerate(filters):
        taps = kernel if index else 80
        layer = keras.layers.Conv1D(width, taps, 4, padding="same", use_bias=False, name=name(f"conv{index}"))
        x = keras.layers.BatchNormalization(name=name(f"norm{index}"))(layer(x))
        x = keras.layers.ReLU(name=name(f"relu{index}"))(x)
    step = 4 ** len(filters)
    short = -mask.shape[1] % step
    loud = ops.reshape(ops.pad(ops.cast(mask, "float32"), ((0, 0), (0, short))), (-1, x.shape[1], step))
    real = until_last(ops.max(loud, axis=2))
    return Tokens(keras.layers.Dropout(dropout, name=name("dropout"))(x), real)
