"""Spectrograms as librosa and Whisper make them, for towers whose weights were trained on those."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.modalities.audio.spectrogram import real_frames

RATE = 16000  # samples a second, of the sounds that the weights were trained on
STEP = 400  # a rate that divides by it has whole windows, hops and halves of hops


def slaney_weights(num_mel_bins: int, window: int = RATE // 40) -> np.ndarray:
    """Triangular filters (window // 2 + 1, num_mel_bins), float64, of area 1 each, for sounds at `RATE`.

    The mel scale of Slaney's Auditory Toolbox (1998): linear up to 1 kHz, 15 mel, then a logarithm.
    """

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mel - 15.0)))

    highest = 15.0 + 27.0 * np.log(RATE / 2000.0) / np.log(6.4)
    edges = hertz(np.linspace(0.0, highest, num_mel_bins + 2))
    bins = np.arange(window // 2 + 1)[:, None] * RATE / window
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights: np.ndarray = np.maximum(0.0, np.minimum(rise, fall)) * 2.0 / (edges[2:] - edges[:-2])
    return weights


@keras.saving.register_keras_serializable("mmzoo")
class PowerMel(keras.layers.Layer):
    """Waveform (B, N) -> power in mel bands (B, T, num_mel_bins), and which frames are real, bool (B, T).

    Frames of 25 ms every 10 ms under a Hann window. The first is centred on the first sample, and what lies before that
    is reflected; behind the last sample there is silence. T is the least multiple of `multiple` whose hops hold N
    samples. A frame is real if a sample at or after its hop's first is not zero.

    The bands are those of a sound at 16 kHz whatever the rate: one with fewer samples has nothing in the upper ones, as
    if it had been resampled, and of one with more nothing above 8 kHz is heard.

    Args:
        sample_rate: a multiple of `STEP`.
        multiple: of frames.
    """

    in_float32 = True

    def __init__(self, sample_rate: int, *, num_mel_bins: int, multiple: int = 1, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.sample_rate, self.num_mel_bins, self.multiple = sample_rate, num_mel_bins, multiple
        self.window, self.hop = sample_rate // 40, sample_rate // 100
        heard = min(self.window, RATE // 40) // 2 + 1  # bins of 40 Hz
        place = np.arange(self.window)
        # A sound of half the samples has half the sum.
        hann = (0.5 - 0.5 * np.cos(2 * np.pi * place / self.window)) * RATE / sample_rate
        angle = 2 * np.pi * np.outer(place, np.arange(heard)) / self.window
        self.cosines = (hann[:, None] * np.cos(angle)).astype(np.float32)
        self.sines = (hann[:, None] * np.sin(angle)).astype(np.float32)
        self.mel = slaney_weights(num_mel_bins)[:heard].astype(np.float32)

    def get_config(self) -> dict[str, object]:
        own = {"sample_rate": self.sample_rate, "num_mel_bins": self.num_mel_bins, "multiple": self.multiple}
        return {**super().get_config(), **own}

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        count = self.frames(x.shape[1])
        return self.power(x, count), real_frames(x, self.hop)[:, :count]

    def frames(self, samples: int) -> int:
        """How many frames a sound has."""
        length = self.multiple * self.hop
        return -(-samples // length) * self.multiple

    def power(self, x: Tensor, count: int) -> Tensor:
        """Of each of `count` frames the power in each band, (B, count, num_mel_bins)."""
        half = self.window // 2
        size = (count + 2) * self.hop  # a frame reaches into the half of its third hop
        before = ops.flip(x[:, 1 : half + 1], axis=1)
        x = ops.concatenate([before, ops.pad(x, ((0, 0), (0, max(0, size - half - x.shape[1]))))], axis=1)
        hops = ops.reshape(x[:, :size], (-1, count + 2, self.hop))
        parts = [hops[:, :-2], hops[:, 1:-1], hops[:, 2:, : self.hop // 2]]
        frames = ops.concatenate(parts, axis=2)
        real, imaginary = ops.matmul(frames, self.cosines), ops.matmul(frames, self.sines)
        return ops.matmul(ops.square(real) + ops.square(imaginary), self.mel)


@keras.saving.register_keras_serializable("mmzoo")
class WhisperMel(PowerMel):
    """Waveform (B, N) -> Whisper's log-mel (B, T, num_mel_bins), and which pairs of frames are real, bool (B, T / 2).

    The logarithm to base 10, cut off 80 dB under the loudest of the clip, (log + 4) / 4. T is even.
    """

    def __init__(self, sample_rate: int, *, num_mel_bins: int = 80, **kwargs: Any) -> None:
        super().__init__(sample_rate, **{"num_mel_bins": num_mel_bins, "multiple": 2, **kwargs})

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        count = self.frames(x.shape[1])
        log = ops.log(ops.maximum(self.power(x, count), 1e-10)) * (1.0 / np.log(10.0))
        log = ops.maximum(log, ops.max(log, axis=(1, 2), keepdims=True) - 8.0)
        return (log + 4.0) / 4.0, real_frames(x, 2 * self.hop)[:, : count // 2]


@keras.saving.register_keras_serializable("mmzoo")
class VoiceMel(PowerMel):
    """Waveform (B, N) -> power in mel bands, in windows (B, W, 160, num_mel_bins), and which of them are real (B, W).

    A sound that is fainter than `LEVEL` is first brought to it. Windows of 1.6 seconds overlap by half; behind the
    sound's end there is silence. One of which less than three quarters hold sound was heard in the window before it;
    but the first is always heard.
    """

    LENGTH = 160
    LEVEL = 10 ** (-30 / 20)  # root mean square over the frames that are real: 30 dB below full scale

    def __init__(self, sample_rate: int, *, num_mel_bins: int = 40, **kwargs: Any) -> None:
        super().__init__(sample_rate, **{"num_mel_bins": num_mel_bins, "multiple": self.LENGTH // 2, **kwargs})

    def windows(self, samples: int) -> int:
        """How many windows a sound has."""
        return max(self.frames(samples) * 2 // self.LENGTH - 1, 1)

    def call(self, x: Tensor) -> tuple[Tensor, Tensor]:
        half, count = self.LENGTH // 2, self.windows(x.shape[1])
        real = real_frames(x, self.hop)
        length = ops.sum(ops.cast(real, "float32"), axis=1, keepdims=True) * self.hop
        rms = ops.sqrt(ops.sum(ops.square(x), axis=1, keepdims=True) / ops.maximum(length, 1.0))
        mel = self.power(x * ops.maximum(self.LEVEL / ops.maximum(rms, 1e-6), 1.0), (count + 1) * half)
        mel = ops.reshape(mel, (-1, count + 1, half, self.num_mel_bins))
        real = ops.pad(real, ((0, 0), (0, (count + 1) * half - real.shape[1])))
        # Of window k, which begins with half k, what lies behind three quarters is the second part of half k + 1.
        heard = ops.any(ops.reshape(real, (-1, count + 1, half))[:, 2:, half // 2 :], axis=2)
        mask = ops.concatenate([ops.any(real, axis=1, keepdims=True), heard], axis=1)
        return ops.concatenate([mel[:, :-1], mel[:, 1:]], axis=2), mask
