"""The log-mel spectrogram of a waveform, in ops that every export format has."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.tokens import until_last

FLOOR = 1e-5  # added to the mel power before the logarithm: -50 dB under full scale speech, above rounding


def mel_weights(sample_rate: int, window: int, num_mel_bins: int, low: float = 60.0) -> np.ndarray:
    """Triangular filters (window // 2 + 1, num_mel_bins), float64, on the HTK mel scale `2595 log10(1 + f / 700)`."""

    def mel(hertz: float | np.ndarray) -> np.ndarray:
        return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(low), mel(sample_rate / 2), num_mel_bins + 2)
    bins = mel(np.arange(window // 2 + 1) * sample_rate / window)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights: np.ndarray = np.maximum(0.0, np.minimum(rise, fall))
    weights[0] = 0.0  # the constant part is no sound
    return weights


@keras.saving.register_keras_serializable("mmzoo")
class LogMel(keras.layers.Layer):
    """Waveform (B, N) -> log-mel (B, T, num_mel_bins), normalised per clip, and its mask bool (B, T).

    Frames of 32 ms every 10 ms under a Hann window; T = 1 + (N - window) // hop.
    A frame is real if a sample at or after its start is not zero. Each clip's
    log-mel is brought to mean 0 and deviation 1 over its real frames, and is 0 in
    the others.

    The Fourier transform is a product with sines and cosines (builtins of TFLite and valid in
    ONNX, where an FFT is neither) of a quarter of the window: what they have in common in its
    four quarters is added up before, which are the first two splits of an FFT.
    """

    in_float32 = True

    def __init__(self, sample_rate: int, *, num_mel_bins: int = 64, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.unit = round(0.002 * sample_rate)  # of both: so a frame is made of whole parts of hops
        self.window, self.hop = 16 * self.unit, 5 * self.unit
        quarter, half = self.window // 4, self.window // 2
        place = np.arange(1, quarter + 1)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(half + 1) / self.window)
        outer, inner = hann[place], hann[half - place]
        outer[-1], inner[-1] = outer[-1] / 2, inner[-1] / 2  # the ends of two quarters are one sample
        self.outer, self.inner = outer.astype(np.float32), inner.astype(np.float32)
        mel = mel_weights(sample_rate, self.window, num_mel_bins).astype(np.float32)
        bins = {"even": np.arange(2, half, 2), "odd": np.arange(1, half, 2)}  # the first and the last are in no band
        angle = {name: 2 * np.pi * np.outer(place, chosen) / self.window for name, chosen in bins.items()}
        self.cosines = {name: np.cos(each).astype(np.float32) for name, each in angle.items()}
        self.sines = {name: np.sin(each).astype(np.float32) for name, each in angle.items()}
        self.mel = {name: mel[chosen] for name, chosen in bins.items()}
        self.width = num_mel_bins

    def compute_output_spec(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shape = x.shape[0], self.frames(x.shape[1])
        return keras.KerasTensor((*shape, self.width), "float32"), keras.KerasTensor(shape, "bool")

    def frames(self, samples: int) -> int:
        """How many there are of a clip."""
        return 1 + (samples - self.window) // self.hop

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        frames = self.log_mel(x)
        mask = real_frames(x, self.hop)[:, : frames.shape[1]]
        return normalised(frames, mask, (1, 2)), mask

    def log_mel(self, x: Tensor) -> Tensor:
        """The logarithm of the power in each band, (B, T, num_mel_bins), not normalised."""
        first, second, third, fourth, middle = self.quarters(x)
        outer_sum, inner_sum = (first + fourth) * self.outer, (second + third) * self.inner
        outer_gap, inner_gap = (first - fourth) * self.outer, (second - third) * self.inner
        # cos(pi k - a) = (-1)^k cos a and sin(pi k - a) = -(-1)^k sin a: bins k of one parity take the same sums.
        even = self.power("even", outer_sum + inner_sum, outer_gap - inner_gap, middle)
        odd = self.power("odd", outer_sum - inner_sum, outer_gap + inner_gap, -middle)
        return ops.log(even + odd + FLOOR)

    def power(self, bins: str, symmetric: Tensor, opposed: Tensor, middle: Tensor) -> Tensor:
        """What the bins of one parity give to the power in each band."""
        real = ops.matmul(symmetric, self.cosines[bins]) + middle
        return ops.matmul(ops.square(real) + ops.square(ops.matmul(opposed, self.sines[bins])), self.mel[bins])

    def quarters(self, x: Tensor) -> list[Tensor]:
        """Of each frame the samples at n, window / 2 - n, window / 2 + n and window - n, and its middle (B, T, 1).

        n goes from 1 to a quarter of the window: (B, T, window / 4). Sample 0 is under the window's zero.
        """
        hop, unit = self.hop, self.unit
        count = self.frames(x.shape[1])
        size = (count + 3) * hop  # a frame of 16 units reaches into the fourth hop of 5
        x = ops.pad(x, ((0, 0), (0, max(0, size + 1 - x.shape[1]))))
        forward = ops.reshape(x[:, 1 : size + 1], (-1, count + 3, hop))
        backward = ops.flip(ops.reshape(x[:, :size], (-1, count + 3, hop)), axis=2)

        def joined(hops: Tensor, *parts: tuple[int, int, int]) -> Tensor:
            """Of each frame's hop k the units from a to b, for each (k, a, b)."""
            cuts = [hops[:, k : k + count, a * unit : b * unit] for k, a, b in parts]
            return cuts[0] if len(cuts) == 1 else ops.concatenate(cuts, axis=2)

        return [
            joined(forward, (0, 0, 4)),
            joined(backward, (1, 2, 5), (0, 0, 1)),
            joined(forward, (1, 3, 5), (2, 0, 2)),
            joined(backward, (3, 4, 5), (2, 0, 3)),
            backward[:, 1 : 1 + count, 2 * unit - 1 : 2 * unit],
        ]


@keras.saving.register_keras_serializable("mmzoo")
class Mfcc(LogMel):
    """Waveform (B, N) -> mel-frequency cepstral coefficients (B, T, num_mel_bins // 2) and their mask bool (B, T).

    Davis & Mermelstein 1980: the orthonormal cosine transform (DCT-II) of the log-mel, of which the first
    half of the coefficients is kept; each is brought to mean 0 and deviation 1 over the clip's real frames.
    """

    def __init__(self, sample_rate: int, *, num_mel_bins: int = 40, **kwargs: object) -> None:
        super().__init__(sample_rate, num_mel_bins=num_mel_bins, **kwargs)
        place = np.outer(np.arange(num_mel_bins) + 0.5, np.arange(num_mel_bins // 2))
        cosines = np.cos(np.pi * place / num_mel_bins) * np.sqrt(2 / num_mel_bins)
        cosines[:, 0] /= np.sqrt(2)
        self.transform = cosines.astype(np.float32)
        self.width = num_mel_bins // 2

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        frames = ops.matmul(self.log_mel(x), self.transform)
        mask = real_frames(x, self.hop)[:, : frames.shape[1]]
        return normalised(frames, mask, (1,)), mask


@keras.saving.register_keras_serializable("mmzoo")
class GivenFrames(keras.layers.Layer):
    """Frames that were computed elsewhere (B, T, F), with the mask of those at or before the last that is not zero."""

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        loud = ops.cast(ops.max(ops.abs(x), axis=2) > 0, "float32")
        return x, until_last(loud)


def real_frames(x: Tensor, hop: int) -> Tensor:
    """Is a sample at or after each hop's first not zero? float (B, N) -> bool (B, N / hop, rounded up)."""
    hops = -(-x.shape[1] // hop)  # the rest after the last whole hop with it
    x = ops.pad(x, ((0, 0), (0, hops * hop - x.shape[1])))
    loud = ops.max(ops.abs(ops.reshape(x, (-1, hops, hop))), axis=2) > 0
    return until_last(ops.cast(loud, "float32"))


def normalised(frames: Tensor, mask: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Mean 0 and deviation 1 over `axes` of the frames (B, T, F) that `mask` (B, T) says are real; 0 in the others."""
    kept = ops.cast(mask, "float32")[..., None]
    per_frame = frames.shape[2] if 2 in axes else 1
    count = ops.maximum(ops.sum(kept, axis=1, keepdims=True) * per_frame, 1.0)
    mean = ops.sum(frames * kept, axis=axes, keepdims=True) / count
    spread = ops.sum(ops.square(frames - mean) * kept, axis=axes, keepdims=True) / count
    return (frames - mean) / ops.sqrt(spread + 1e-3) * kept


@keras.saving.register_keras_serializable("mmzoo")
class SpecAugment(keras.layers.Layer):
    """In training, sets random stretches of time and of frequency to 0, the mean (Park et al. 2019, arXiv:1904.08779).

    (B, T, F) -> (B, T, F). Two masks of up to a fifth of each axis an example.
    """

    def __init__(self, share: float = 0.2, masks: int = 2, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.share, self.masks = share, masks
        self.seeds = keras.random.SeedGenerator()

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        if not training:
            return x
        for axis in (1, 2):
            length = x.shape[axis]
            for _ in range(self.masks):
                draw = keras.random.uniform((2, ops.shape(x)[0], 1), seed=self.seeds)
                width = draw[0] * (self.share * length)
                start = draw[1] * (length - width)
                at = ops.arange(length, dtype="float32")[None]
                keep = ops.cast(ops.logical_or(at < start, at >= start + width), x.dtype)
                x = x * ops.expand_dims(keep, 3 - axis)
        return x
