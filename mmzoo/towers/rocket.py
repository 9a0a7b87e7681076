"""Fixed convolution kernels whose outputs are counted, and a sequence's statistics: features that need no training."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Annotated

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.declared import frozen_behind
from mmzoo.errors import require
from mmzoo.layers import pooled
from mmzoo.modalities.base import Modality
from mmzoo.options import Range
from mmzoo.tokens import Tokens, masked_max, masked_mean
from mmzoo.towers import towers
from mmzoo.towers.sequence import Encoder, check_encoder, sequence_tower

TAPS = 9
LEVELS = (-1.0, 0.0, 1.0)
"""Where outputs are counted above, in root mean squares of the kernel's output over the sequence."""
QUANTILES = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Where the numbers themselves are counted above, in deviations over the training records."""
SHARPNESS = 4.0
"""Of the sigmoid that counts: smooth, so that gradients pass and what rounds otherwise counts nearly the same."""
MOST_NUMBERS = 2**24
"""In all kernels of a tower: they are constants of the graph."""


def check_beside(item: Modality, *, beside: Tower | str | None, **_options: object) -> None:
    """The tower beside the kernels reads sequences and knows its options."""
    if beside is not None:
        check_encoder(item, beside, "stand beside kernels")


@sequence_tower("rocket", check_beside)
def rocket(
    tokens: Tokens,
    name: Callable[[str], str],
    *,
    width: Annotated[int, Range(1, 1024)] = 84,
    dilations: Annotated[int, Range(1, 12)] = 6,
    dropout: float = 0.3,
    beside: Tower | str | None = None,
    signals: int = 0,
) -> Tokens:
    """The features of fixed random kernels and simple statistics (MiniRocket; Dempster et al. 2021, arXiv:2012.08791).

    `Tokens` (B, T, any) -> (B, 1, features). Nothing but their scale is learnt, so few records are enough.

    Args:
        width: kernels of each dilation; of a text, also the width of its embedding.
        dilations: 1, 2, 4 ... times the distance between the taps of a kernel.
        dropout: share of the features left out in training.
        beside: a tower for sequences that trains, by name or `Tower(name, option=...)`; the mean and the maximum of its
            tokens stand beside the features.
        signals: the first so many numbers of a token are convolved, and of the others only the mean is taken; all of
            them, if 0. A sensor's channels, if it is not given.
    """
    numbers = TAPS * (signals or tokens.values.shape[-1]) * width * dilations
    require(
        numbers <= MOST_NUMBERS,
        f"The kernels of '{name('kernels')}' would hold {numbers} numbers, over the limit of {MOST_NUMBERS}; give a "
        "smaller width.",
    )
    layer = RandomKernels(width, dilations, signals, name=name("kernels"))
    if beside is None:  # what trains beside the kernels reads what they read
        frozen_behind(tokens.values, layer)
    values, mask = layer(*tokens)
    # Few records make few steps: the averages over the batches must be theirs, and not the zeros they start from. What
    # is absent and the windows in the padding are none of them.
    norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-4, name=name("norm"))
    values = keras.layers.Dropout(dropout, name=name("dropout"))(norm(values, mask=mask))
    values = ops.where(mask[..., None], values, 0.0)
    if beside is not None:
        chosen = Tower.of(beside)
        encode: Encoder = towers[chosen.name].encoder  # type: ignore[attr-defined]
        found = encode(tokens, lambda part: name(f"beside.{part}"), **chosen.options)
        values = ops.concatenate([values, pooled(found)[:, None]], axis=-1)
    return Tokens(values, mask)


@keras.saving.register_keras_serializable("mmzoo")
class RandomKernels(keras.layers.Layer):
    """Features of a sequence: float (B, T, D), bool (B, T) -> float32 (B, 1, features), bool (B, 1).

    The kernels are MiniRocket's: nine taps, of which three are 2 and the others -1, over a random choice of the
    channels. Of each output, three soft counts of the steps above a level, the logarithm of its root mean square and
    its maximum; the levels are in units of the sequence's own root mean square, so nothing is fitted. Beside them of
    each channel mean, deviation, extremes, mean step and five counts above a level.

    Args:
        width: kernels of each dilation.
        signals: channels that are convolved; of the others there is only the mean. All, if 0.
        seed: of the channels that a kernel sees.
    """

    in_float32 = True

    def __init__(self, width: int, dilations: int, signals: int = 0, seed: int = 0, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.width, self.dilations, self.signals, self.seed = width, dilations, signals, seed

    def get_config(self) -> dict[str, object]:
        own = {"width": self.width, "dilations": self.dilations, "signals": self.signals, "seed": self.seed}
        return {**super().get_config(), **own}

    def call(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = ops.where(mask[..., None], x, 0.0)
        channels = self.signals or x.shape[2]
        signals = x[..., :channels]
        found = self.statistics(signals, mask)
        if x.shape[2] > channels:
            found.append(masked_mean(x[..., channels:], mask))
        # Constants, as those of a log-mel: what has no weights is computed once only if nothing augments its input.
        for place, kernel in enumerate(kernels(channels, self.width, self.dilations, self.seed)):
            out = ops.conv(signals, kernel, padding="same", dilation_rate=2**place)
            rms = ops.sqrt(masked_mean(ops.square(out), mask) + 1e-6)
            relative = out / rms[:, None]
            found += [*counts(relative, LEVELS, mask), ops.log(rms + 1e-3), masked_max(relative, mask)]
        return ops.concatenate(found, axis=-1)[:, None], ops.any(mask, axis=1, keepdims=True)

    def statistics(self, x: Tensor, mask: Tensor) -> list[Tensor]:
        """Of the numbers themselves."""
        mean = masked_mean(x, mask)
        deviation = ops.sqrt(masked_mean(ops.square(x - mean[:, None]), mask) + 1e-6)
        both = ops.logical_and(mask[:, 1:], mask[:, :-1])
        step = masked_mean(ops.abs(x[:, 1:] - x[:, :-1]), both)
        logs = [ops.log(each + 1e-2) for each in (deviation, step)]
        return [mean, *logs, masked_max(x, mask), -masked_max(-x, mask), *counts(x, QUANTILES, mask)]


def kernels(channels: int, width: int, dilations: int, seed: int) -> list[np.ndarray]:
    """The kernels of each dilation, float32 (9, channels, width): three taps of 2, six of -1, on some channels."""
    chosen = np.array(list(combinations(range(TAPS), 3)))
    random = np.random.RandomState(seed)  # whose numbers no version of NumPy changes: they are part of the model
    found = []
    for _ in range(dilations):
        taps = -np.ones((width, TAPS))
        order = np.concatenate([random.permutation(len(chosen)) for _ in range(-(-width // len(chosen)))])[:width]
        taps[np.arange(width)[:, None], chosen[order]] = 2.0
        seen = np.zeros((channels, width))
        for kernel in range(width):
            count = int(2 ** random.uniform(0, np.log2(min(channels, TAPS) + 1)))
            seen[random.choice(channels, count, replace=False), kernel] = 1.0
        found.append((taps.T[:, None] * seen).astype(np.float32))
    return found


def counts(x: Tensor, levels: tuple[float, ...], mask: Tensor) -> list[Tensor]:
    """Of float (B, T, D) the share of the real steps above each level, (B, D) each, by a sigmoid."""
    return [masked_mean(ops.sigmoid(SHARPNESS * (x - level)), mask) for level in levels]
