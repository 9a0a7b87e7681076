"""Sounds, rebuilt as log-mel spectrograms."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.modalities.arrays import npy
from mmzoo.modalities.audio.griffin_lim import sound_of
from mmzoo.modalities.base import padded
from mmzoo.modalities.rebuilding import Rebuilding, along, grown, hidden_parts, patches
from mmzoo.modalities.shown import Shown, png

if TYPE_CHECKING:
    import keras

    from mmzoo.modalities.audio import Audio

LONGEST = 128  # steps of a rebuilt spectrogram; where there are more frames, several are one step
WIDE, HIGH = 8, 10  # steps and bands of a patch


class Spectrogram(Rebuilding):
    """The log-mel spectrogram as towers read it, (steps, bands): at mean 0 and deviation 1 over the clip.

    Of frames that were given in the waveform's place, these.
    """

    measures: ClassVar[str] = "snr"

    def __init__(self, item: Audio) -> None:
        self.item, self.bands = item, item.num_mel_bins
        unit = round(0.002 * item.sample_rate)
        self.window, self.hop = 16 * unit, 5 * unit
        self.frames = item.frames or max(1 + (item.shape[0] - self.window) // self.hop, 1)
        self.pool = -(-self.frames // LONGEST)
        self.steps = -(-self.frames // self.pool)
        super().__init__((self.steps, self.bands), np.tile(np.arange(self.bands), self.steps))

    def target(self, value: Raw) -> np.ndarray:
        return self.target_of(self.item.decode(value)[None]).numpy()[0]  # type: ignore[no-any-return]

    @cached_property
    def _frames(self) -> keras.layers.Layer:
        """What makes the frames, and says which are real."""
        from mmzoo.modalities.audio.spectrogram import GivenFrames, LogMel

        return GivenFrames() if self.item.frames else LogMel(self.item.sample_rate, num_mel_bins=self.bands)

    def target_of(self, batch: Tensor) -> Tensor:
        import tensorflow as tf

        values, mask = self._frames(batch)
        rest = self.pool * self.steps - self.frames
        real = tf.pad(tf.cast(mask, tf.float32)[..., None], ((0, 0), (0, rest), (0, 0)))
        parts = tf.reshape(tf.pad(values, ((0, 0), (0, rest), (0, 0))) * real, (-1, self.steps, self.pool, self.bands))
        count = tf.reduce_sum(tf.reshape(real, (-1, self.steps, self.pool, 1)), axis=2)
        mean = tf.reduce_sum(parts, axis=2) / tf.maximum(count, 1.0)
        return tf.reshape(tf.where(count > 0, mean, np.float32(np.nan)), (-1, self.cells))

    def layers(self, embedding: Tensor, units: int, name: str) -> Tensor:
        import keras

        return keras.layers.Reshape((units,), dtype="float32", name=f"{name}.flat")(
            grown(embedding, (self.steps, self.bands, 1), name)
        )

    def hide(self, batch: Tensor, keys: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Patches of eight steps and ten bands are silent: they are taken out of the sound's short-time spectrum."""
        import tensorflow as tf

        rows, columns = along(self.steps, -(-self.steps // WIDE)), along(self.bands, -(-self.bands // HIGH))
        hidden = hidden_parts(keys, int(rows.max() + 1) * int(columns.max() + 1), share)
        cells = patches(hidden, rows, columns)
        wanted = tf.reshape(cells, (-1, self.cells))
        if self.item.frames:
            covered = tf.repeat(cells, self.pool, axis=1)[:, : self.frames]
            return tf.where(covered, tf.zeros((), batch.dtype), batch), wanted
        step = self.window // 4
        length = batch.shape[1]
        padding = [[0, 0], [self.window, self.window + -length % step]]
        spectrum = tf.signal.stft(tf.pad(batch, padding), self.window, step, fft_length=self.window)
        # Which of the steps a frame is in by its middle, and which band a frequency is most of.
        middle = np.arange(spectrum.shape[1]) * step - self.window // 2
        at = rows[np.clip(middle // (self.hop * self.pool), 0, self.steps - 1)]
        band = columns[band_of(self.item.sample_rate, self.window, self.bands)]
        kept = tf.cast(~patches(hidden, at, band), tf.complex64)
        inverse = tf.signal.inverse_stft_window_fn(step)
        sound = tf.signal.inverse_stft(spectrum * kept, self.window, step, self.window, window_fn=inverse)
        # Zeros at the end are no sound, and stay none.
        real = tf.cumsum(tf.abs(batch), axis=1, reverse=True) > 0
        return tf.where(real, sound[:, self.window : self.window + length], 0.0), wanted

    def to_file(self, cells: np.ndarray) -> tuple[str, bytes]:
        """A WAV, see `mmzoo.modalities.audio.griffin_lim`; of given frames these."""
        frames = np.repeat(cells.reshape(self.shape), self.pool, axis=0)[: self.frames]
        if self.item.frames:
            return ".npy", npy(frames)
        wave = sound_of(frames, self.item.sample_rate, self.window, self.hop)
        return ".wav", self.item.to_file(padded(wave, *self.item.shape))

    def shown(self, cells: np.ndarray) -> Shown:
        """Time from left to right, pitch upwards; the loudest is white."""
        real = cells.reshape(self.shape)
        levels = np.clip((np.nan_to_num(real, nan=-3.0) + 2.0) / 5.0, 0.0, 1.0)
        return Shown(picture=png((levels.T[::-1] * 255).astype(np.uint8)))


def band_of(sample_rate: int, window: int, bands: int) -> np.ndarray:
    """The band that each frequency of a window's spectrum counts most in, int (window // 2 + 1,)."""
    from mmzoo.modalities.audio.spectrogram import mel_weights

    weights = mel_weights(sample_rate, window, bands)
    found = weights.argmax(axis=1)
    above = np.flatnonzero(weights.any(axis=1))
    found[above[-1] :] = found[above[-1]]  # what is above all bands
    return np.asarray(found)
