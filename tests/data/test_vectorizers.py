"""What models that are no networks read of each kind of input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmzoo.modalities.audio.spectrogram import LogMel
from mmzoo.modalities.audio.vectorizer import log_mel, sound_vector
from mmzoo.modalities.defaults import Defaults
from mmzoo.modalities.image.vectorizer import edges, picture_vector
from mmzoo.modalities.sensor.vectorizer import series_vector, spectrum
from mmzoo.modalities.vectorizer import means_of_parts
from tests.zoo import INPUTS, value


@pytest.mark.parametrize("kind", sorted(INPUTS))
def test_every_kind_has_one(kind: str) -> None:
    """Rows of one width, finite but for what a row of a table does not have; and the default serves any kind."""
    made, options = INPUTS[kind]
    item = made("x", **options)
    values = [value(kind, row) for row in range(4)]
    matrix: Any = item.vectorizer().fit(values).transform(values)
    matrix = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    assert matrix.shape[0] == 4 and matrix.dtype == np.float32
    assert kind == "tabular" or np.isfinite(matrix).all()
    assert len(np.unique(matrix, axis=0)) > 1
    flat = Defaults.vectorizer(item.fit(values)).transform(values)
    np.testing.assert_array_equal(flat[2], item.fit(values).decode(values[2]).reshape(-1).astype(np.float32))


def test_pictures() -> None:
    """Stripes have edges of one direction, whatever their contrast; a flat picture has none."""
    assert picture_vector(np.zeros((32, 32, 3), np.uint8)).shape == (944,)
    assert not edges(np.full((32, 32), 0.5)).any()
    waves = np.tile(np.sin(np.arange(32)), (32, 1))
    standing, lying = edges(0.2 * waves), edges(0.2 * waves.T)
    assert standing[..., 0].sum() > 10 * standing[..., 4].sum()
    assert lying[..., 4].sum() > 10 * lying[..., 0].sum()
    np.testing.assert_allclose(edges(2 * waves), edges(waves), atol=0.05)
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    assert picture_vector(red)[-64:].argmax() == 48 and picture_vector(red)[-64:].max() == 1


def test_a_log_mel_is_that_of_the_graph() -> None:
    wave = np.random.default_rng(0).normal(size=4000).astype(np.float32) * 0.1
    found = log_mel(np.concatenate([wave, np.zeros(500, np.float32)]), 8000, 20)
    wanted = np.asarray(LogMel(8000, num_mel_bins=20).log_mel(wave[None]))[0]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert log_mel(np.zeros(100), 8000, 20).shape == (0, 20)
    assert not sound_vector(np.zeros((0, 20))).any()
    vector = sound_vector(found)
    assert len(vector) == 13 * 20 + 2
    np.testing.assert_allclose(vector[:20] + vector[-2], found.mean(axis=0), rtol=1e-4)


def test_series() -> None:
    time = np.arange(256)
    slow, fast = np.sin(2 * np.pi * time / 128), np.sin(2 * np.pi * time / 4)
    assert spectrum(slow).argmax() < spectrum(fast).argmax()
    both = np.stack([slow, -slow], axis=1)
    vector = series_vector(np.concatenate([both, np.full((44, 2), np.nan)]))
    assert vector[-2] == pytest.approx(-1), "the channels are opposite"
    assert vector[-1] == pytest.approx(np.log1p(256)), "the end is no gap"
    np.testing.assert_allclose(vector[:2], [slow.mean(), slow.std()], atol=1e-6)
    for odd in (np.full((9, 2), np.nan), np.ones((1, 2)), np.ones((0, 2))):
        assert np.isfinite(series_vector(odd)).all() and len(series_vector(odd)) == len(vector)


def test_means_of_parts() -> None:
    np.testing.assert_array_equal(means_of_parts(np.arange(8.0), 4), [0.5, 2.5, 4.5, 6.5])
    np.testing.assert_array_equal(means_of_parts(np.array([3.0]), 3), [3, 3, 3])
