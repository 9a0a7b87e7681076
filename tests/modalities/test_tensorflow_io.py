"""What mmzoo computes of sounds, against the functions of tensorflow-io that need no library of its own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.augmentations.audio import sounding
from mmzoo.modalities.audio.spectrogram import FLOOR, LogMel, SpecAugment
from tests.conftest import usual

RATE, BANDS = 16000, 64
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def audio() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its native library does not load on this TensorFlow, and is not needed
        return pytest.importorskip("tensorflow_io").audio


def test_log_mel_is_theirs(audio: Any) -> None:
    wave = (RANDOM.normal(size=RATE) * 0.1).astype(np.float32)
    layer = LogMel(RATE, num_mel_bins=BANDS)
    ours = np.asarray(layer.log_mel(wave[None]))[0]
    spectrum = audio.spectrogram(wave, nfft=layer.window, window=layer.window, stride=layer.hop)
    mel = audio.melscale(spectrum**2, rate=RATE, mels=BANDS, fmin=60, fmax=RATE // 2)
    decibels = np.asarray(audio.dbscale(tf.sqrt(mel + FLOOR), top_db=200))  # of amplitudes
    np.testing.assert_allclose(ours * 10 / np.log(10), decibels[: len(ours)], atol=2e-3)  # theirs go on beyond the end


@pytest.mark.long
@pytest.mark.parametrize("axis", usual([1, 2], {1}))
def test_masks_are_as_wide_as_theirs_and_in_the_same_places(axis: int, audio: Any) -> None:
    """How often each step, or each band, is hidden: by theirs 0 to 8 whole ones, by ours any width up to 8."""
    count, length = 2000, 40
    mask = audio.time_mask if axis == 1 else audio.freq_mask
    theirs = [np.asarray(mask(tf.ones((length, length)), param=9)) == 0 for _ in range(count)]
    layer = SpecAugment(0.2, masks=1)
    ours = np.asarray(layer(tf.ones((count, length, length)), training=True)) == 0
    hidden = [np.asarray(each).all(axis=3 - axis).mean(axis=0) for each in (ours, theirs)]
    np.testing.assert_allclose(*hidden, atol=0.05)
    assert hidden[0].max() > 0.1


def test_what_sounds_ends_where_they_trim(audio: Any) -> None:
    waves = np.zeros((4, 500), np.float32)
    for row, (start, stop) in enumerate([(0, 500), (20, 300), (7, 8), (100, 101)]):
        waves[row, start:stop] = 0.1 + RANDOM.random(stop - start)
    ends = np.asarray(sounding(tf.constant(waves))).sum(axis=1)
    for row in range(4):
        _, stop = audio.trim(waves[row], axis=0, epsilon=1e-6)
        assert ends[row] == int(stop)
