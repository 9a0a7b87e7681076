"""What mmzoo computes of sounds, against the functions of tensorflow-io that need no library of its own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.augmentations.audio import sounding
from mmzoo.modalities.spectrogram import FLOOR, LogMel, SpecAugment

RATE, BANDS = 16000, 64
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def audio() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its native library does not load on this TensorFlow, and is not needed
        return pytest.importorskip("tensorflow_io").audio


def test_log_mel_is_theirs(audio: Any) -> None:
    wave = (RANDOM.normal(size=RATE) * 0.1).astype(np.float32)
    layer = LogMel(RATE, bands=BANDS)
    ours = np.asarray(layer.log_mel(wave[None]))[0]
    spectrum = audio.spectrogram(wave, nfft=layer.window, window=layer.window, stride=layer.hop)
    mel = audio.melscale(spectrum**2, rate=RATE, mels=BANDS, fmin=60, fmax=RATE // 2)
    decibels = np.asarray(audio.dbscale(tf.sqrt(mel + FLOOR), top_db=200))  # of amplitudes
    np.testing.assert_allclose(ours * 10 / np.log(10), decibels[: len(ours)], atol=2e-3)  # theirs go on beyond the end


@pytest.mark.parametrize("axis", [1, 2])
def test_masks_are_as_wide_as_theirs(axis: int, audio: Any) -> None:
    """A mask's width and place have the same law: how much of each row or column they hide on average."""
    count, length = 3000, 40
    frames = tf.ones((length, length))
    mask = audio.time_mask if axis == 1 else audio.freq_mask
    theirs = np.mean([np.asarray(mask(frames, param=8)) == 0 for _ in range(count)], axis=0)
    layer = SpecAugment(0.2, masks=1)
    ours = np.asarray(layer(tf.ones((count, length, length)), training=True)) == 0
    other = ours.all(axis=axis)  # hidden by the mask of the other axis
    ours = (ours & ~np.expand_dims(other, axis)).mean(axis=0) / (1 - other.mean(axis=0, keepdims=True)).reshape(
        (1, -1) if axis == 1 else (-1, 1)
    )
    # Theirs are of whole steps, from 0 to 7; ours of any width up to 8.
    across = tuple(k for k in (0, 1) if k != axis - 1)
    np.testing.assert_allclose(ours.mean(axis=across), theirs.mean(axis=across), atol=0.035)


def test_what_sounds_ends_where_they_trim(audio: Any) -> None:
    waves = np.zeros((4, 500), np.float32)
    for row, (start, stop) in enumerate([(0, 500), (20, 300), (7, 8), (100, 101)]):
        waves[row, start:stop] = 0.1 + RANDOM.random(stop - start)
    ends = np.asarray(sounding(tf.constant(waves))).sum(axis=1)
    for row in range(4):
        _, stop = audio.trim(waves[row], axis=0, epsilon=1e-6)
        assert ends[row] == int(stop)
