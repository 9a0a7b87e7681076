"""Every augmentation: the same example gives the same variant in any batch; and each does what its name says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow
from PIL import ImageEnhance, ImageOps
from scipy import fft, ndimage

import mmzoo
from mmzoo.augmentations import augmentations
from mmzoo.augmentations.image import equalized, posterized, sharpened, solarized, stretched, warped
from mmzoo.draws import keys_of
from mmzoo.errors import MMZooError
from tests.conftest import usual

RANDOM = np.random.default_rng(0)
WORDS = ["the quick brown fox", "één twee drie vier", "word", "", "a b c d e f g h", "x" * 24]
KINDS: dict[str, tuple[Any, np.ndarray]] = {
    "image": (
        lambda chosen: mmzoo.Image("image", size=24, augmentations=chosen),
        RANDOM.integers(0, 256, (6, 24, 24, 3)).astype(np.uint8),
    ),
    "audio": (
        lambda chosen: mmzoo.Audio("sound", sample_rate=8000, seconds=0.25, augmentations=chosen),
        np.pad(RANDOM.normal(size=(6, 1500)) * 0.1, ((0, 0), (0, 500))).astype(np.float32),
    ),
    "sensor": (
        lambda chosen: mmzoo.Sensor(
            "motion", channels=2, steps=40, means=[0, 1], deviations=[1, 2], augmentations=chosen
        ),
        np.cumsum(RANDOM.normal(size=(6, 40, 2)), axis=1).astype(np.float32),
    ),
    "text": (
        lambda chosen: mmzoo.Text("words", max_bytes=24, augmentations=chosen),
        np.array([list(text.encode().ljust(24, b"\0")) for text in WORDS], np.uint8),
    ),
}
KEYS = keys_of(3, tf.range(6, dtype=tf.int64), tf.zeros(6, tf.int64))


def varied(name: str, batch: np.ndarray, keys: Any = KEYS, **options: float) -> np.ndarray:
    make, _ = KINDS[augmentations.facts(name)["serves"]]
    return np.asarray(make([mmzoo.Augmentation(name, **options)]).augment(tf.constant(batch), keys))


@pytest.mark.parametrize("name", usual(augmentations.names(), {*augmentations.names()} - {"rand_augment"}))
def test_each_of_the_zoo(name: str) -> None:
    """Its spec goes through JSON; another key is another variant; the batch around an example does not matter."""
    make, batch = KINDS[augmentations.facts(name)["serves"]]
    item = make([name])
    spec = mmzoo.Spec([item], "concat", [mmzoo.Binary("label")])
    assert mmzoo.Spec.from_json(spec.to_json()) == spec
    found = varied(name, batch)
    assert (found.shape, found.dtype) == (batch.shape, batch.dtype)
    later = [varied(name, batch, keys_of(3, tf.range(6, dtype=tf.int64), tf.fill([6], np.int64(k)))) for k in (1, 2, 3)]
    assert any((found != other).any() for other in later)
    assert any((batch != other).any() for other in [found, *later])
    alone = varied(name, batch[2:4], KEYS[2:4])
    np.testing.assert_allclose(
        alone.astype(float), found[2:4].astype(float), atol=1 if batch.dtype == np.uint8 else 1e-5
    )


def test_bad_choices() -> None:
    def spec(*chosen: Any) -> mmzoo.Spec:
        return mmzoo.Spec([mmzoo.Image("image", augmentations=chosen)], "concat", [mmzoo.Binary("label")])

    with pytest.raises(MMZooError, match="Did you mean 'flip'"):
        spec("flop")
    with pytest.raises(
        MMZooError, match="'gain' is for audio, but input 'image' is image; for image there are: affine"
    ):
        spec("gain")
    with pytest.raises(MMZooError, match="option of augmentation 'affine' called 'angle'"):
        spec(mmzoo.Augmentation("affine", angle=3))
    with pytest.raises(MMZooError, match="'degrees' of augmentation 'affine' must be a number"):
        spec(mmzoo.Augmentation("affine", degrees="much"))
    with pytest.raises(MMZooError, match="must be a list of names, not 'flip'"):
        mmzoo.Image("image", augmentations="flip")
    with pytest.raises(MMZooError, match="its augmentations change waveforms"):
        mmzoo.Audio("sound", frames=10, augmentations=["gain"])
    assert mmzoo.Audio("sound", frames=10).augmentations == ()
    assert not mmzoo.Image("image", augmentations=[]).augmentations


def test_warping_is_bilinear_interpolation() -> None:
    batch = KINDS["image"][1]
    transform = RANDOM.uniform(-0.2, 0.2, (6, 6)) + np.eye(2, 3).ravel()
    found = np.asarray(warped(tf.constant(batch), tf.constant(transform, tf.float32)))
    place = np.arange(24) - 11.5
    y, x = np.meshgrid(place, place, indexing="ij")
    for k, (a, b, c, d, e, f) in enumerate(transform):
        at = [d * x + e * y + f * 24 + 11.5, a * x + b * y + c * 24 + 11.5]
        for channel in range(3):
            wanted = ndimage.map_coordinates(batch[k, ..., channel].astype(float), at, order=1, mode="nearest")
            assert np.abs(found[k, ..., channel] - wanted).max() <= 0.51


def test_pictures() -> None:
    batch = KINDS["image"][1]
    flipped = varied("flip", batch)
    same = [(flipped[k] == batch[k]).all() for k in range(6)]
    mirrored = [(flipped[k] == batch[k, :, ::-1]).all() for k in range(6)]
    assert all(a or b for a, b in zip(same, mirrored, strict=True))
    np.testing.assert_array_equal(varied("affine", batch, degrees=0, scale=0, shift=0), batch)
    np.testing.assert_array_equal(varied("crop", batch, scale=1, ratio=1), batch)
    np.testing.assert_array_equal(varied("color_jitter", batch, brightness=0), batch)
    found = varied("shift", batch, share=0.25)
    for k in range(6):
        padded = np.pad(batch[k], ((6, 6), (6, 6), (0, 0)), mode="edge")
        windows = [padded[y : y + 24, x : x + 24] for y in range(13) for x in range(13)]
        assert sum(np.array_equal(found[k], window) for window in windows) == 1
    grey = varied("color_jitter", np.full((6, 24, 24, 3), 100, np.uint8), brightness=0.5, contrast=0.9, saturation=0.9)
    assert all(len(np.unique(each)) == 1 for each in grey)
    assert grey.min() >= 50
    assert grey.max() <= 150
    hidden = (varied("cutout", np.zeros_like(batch), share=1, side=0.5) == 127).all(axis=-1)
    assert (hidden.sum(axis=(1, 2)) <= 13 * 13).all()
    assert (hidden.sum(axis=(1, 2)) >= 36).all()


def test_levels_and_sharpness_are_those_of_pillow() -> None:
    coarse = [Pillow.fromarray(RANDOM.integers(40, 200, (5, 5, 3)).astype(np.uint8)).resize((48, 40)) for _ in range(5)]
    flat = Pillow.fromarray(np.full((40, 48, 3), 77, np.uint8))
    pictures = [*coarse, flat]
    batch = tf.constant(np.stack([np.asarray(picture) for picture in pictures]))

    def all_of(change: Any) -> np.ndarray:
        return np.stack([np.asarray(change(picture)) for picture in pictures])

    half = tf.fill([6], 0.5)
    np.testing.assert_array_equal(equalized(batch), all_of(ImageOps.equalize))
    np.testing.assert_array_equal(posterized(batch, half), all_of(lambda picture: ImageOps.posterize(picture, 6)))
    np.testing.assert_array_equal(solarized(batch, half), all_of(lambda picture: ImageOps.solarize(picture, 128)))
    found = np.asarray(stretched(batch)).astype(int)
    assert np.abs(found - all_of(ImageOps.autocontrast)).max() <= 1
    for factor in (0.3, 1.0, 1.7):
        found = np.asarray(sharpened(batch, tf.fill([6], factor))).astype(int)
        wanted = all_of(lambda picture, factor=factor: ImageEnhance.Sharpness(picture).enhance(factor))
        assert np.abs(found - wanted).max() <= 1


def test_sounds() -> None:
    batch = KINDS["audio"][1]
    shifted = varied("time_shift", batch)
    for k in range(6):
        steps = [s for s in range(-200, 201) if np.array_equal(shifted[k], moved(batch[k], s))]
        assert len(steps) == 1
    louder = varied("gain", batch, decibels=6)[:, :1500] / batch[:, :1500]
    assert np.ptp(louder, axis=1).max() < 1e-5
    assert (np.abs(20 * np.log10(louder)) <= 6.001).all()
    added = varied("noise", batch, low=20, high=20) - batch
    ratio = 10 * np.log10((batch**2).sum(axis=1) / (added**2).sum(axis=1))
    np.testing.assert_allclose(ratio, 20, atol=0.5)
    assert not added[:, 1500:].any()
    tone = np.tile(np.sin(2 * np.pi * 1000 * np.arange(2000) / 8000), (6, 1)).astype(np.float32)
    peaks = np.abs(np.fft.rfft(varied("speed", tone, share=0.2), 16000)).argmax(axis=1) / 2
    assert ((peaks >= 795) & (peaks <= 1205)).all()
    assert np.ptp(peaks) > 50
    quiet = (varied("silence", np.ones_like(batch), share=0.5) == 0).sum(axis=1)
    assert (quiet <= 1000).all()
    assert quiet.max() > 200


def test_a_band_of_frequencies_is_stopped() -> None:
    """As by SciPy's transform in float64: within a band of the mel scale nothing is left, beside it all is."""
    count, length, rate = 64, 2001, 8000
    keys = keys_of(5, tf.range(count, dtype=tf.int64), tf.zeros(count, tf.int64))
    item = mmzoo.Audio(
        "sound", sample_rate=rate, seconds=0.250125, augmentations=[mmzoo.Augmentation("frequency_mask", share=0.3)]
    )
    assert item.shape == (length,)
    batch = RANDOM.normal(size=(count, length)).astype(np.float32)
    spectrum = fft.rfft(batch.astype(np.float64))
    share = np.abs(fft.rfft(np.asarray(item.augment(tf.constant(batch), keys)).astype(np.float64)) / spectrum)
    stopped = share < 0.1
    mel = 2595 * np.log10(1 + fft.rfftfreq(length, 1 / rate) / 700)
    wide, starts = [], []
    for row, bins in zip(share, stopped, strict=True):
        at = np.flatnonzero(bins)
        np.testing.assert_allclose(row[~bins], 1, atol=1e-3)
        if len(at):
            assert len(at) == at[-1] - at[0] + 1  # one band
            wide.append((mel[at[-1]] - mel[at[0]]) / mel[-1])
            starts.append(mel[at[0]] / mel[-1])
    assert len(wide) > 0.9 * count
    assert max(wide) <= 0.3
    np.testing.assert_allclose(np.mean(wide), 0.15, atol=0.03)  # even up to the share
    assert min(starts) < 0.1
    assert max(starts) > 0.7
    # What was padding stays padding, and so is masked as before.
    padded = np.pad(batch[:, :1200], ((0, 0), (0, 801)))
    assert not np.asarray(item.augment(tf.constant(padded), keys))[:, 1200:].any()


def moved(wave: np.ndarray, steps: int) -> np.ndarray:
    out = np.zeros_like(wave)
    if steps >= 0:
        out[steps:] = wave[: len(wave) - steps]
    else:
        out[:steps] = wave[-steps:]
    return out


def test_sensors() -> None:
    batch = KINDS["sensor"][1].copy()
    noise = varied("jitter", batch, share=0.5) - batch
    np.testing.assert_allclose(noise.std(axis=(0, 1)), [0.5, 1.0], rtol=0.2)
    factors = (varied("scaling", batch, share=0.3) - [0, 1]) / (batch - [0, 1])
    assert np.ptp(factors, axis=1).max() < 1e-2
    ramp = np.tile(np.arange(40.0)[None, :, None], (6, 1, 2)).astype(np.float32)
    bent = varied("time_warp", ramp, share=0.2)
    assert (np.diff(bent, axis=1) > 0).all()
    np.testing.assert_allclose(bent[:, [0, -1]], ramp[:, [0, -1]], atol=1e-3)
    assert np.abs(bent - ramp).max() > 1
    batch[:, 10:14] = np.nan
    for name in augmentations.names(serves="sensor"):
        gaps = np.isnan(varied(name, batch)).sum(axis=1)
        assert ((gaps >= 3) & (gaps <= 8)).all(), name


def texts(found: np.ndarray) -> list[str]:
    return [bytes(row).rstrip(b"\0").decode() for row in found]


def test_texts() -> None:
    batch = KINDS["text"][1]
    for before, after in zip(WORDS, texts(varied("word_dropout", batch, share=0.5)), strict=True):
        left = iter(before.split())
        assert all(word in left for word in after.split()), (before, after)  # in their order
        assert bool(after.split()) == bool(before.split())
    assert texts(varied("word_dropout", batch, share=0)) == WORDS
    for before, after in zip(WORDS, texts(varied("word_swap", batch, share=1)), strict=True):
        words = before.split()
        wanted = [pair for k in range(0, len(words) - 1, 2) for pair in (words[k + 1], words[k])]
        assert after.split() == wanted + words[len(wanted) :]
    full = np.frombuffer(b"one two three fouuuuuuur", np.uint8)[None].repeat(6, axis=0)
    assert set(texts(varied("word_swap", full, share=1))) == {"two one three fouuuuuuur"}


def test_ids() -> None:
    item = mmzoo.Text("words", tokenizer="words", tokens=6, vocabulary=["a"] * 9, augmentations=["word_swap"])
    ids = np.tile(np.array([[1, 2, 3, 0, 0, 0]], np.int32), (200, 1))
    keys = keys_of(1, tf.range(200, dtype=tf.int64), tf.zeros(200, tf.int64))
    found = {tuple(row) for row in np.asarray(item.augment(tf.constant(ids), keys)).tolist()}
    assert found == {(1, 2, 3, 0, 0, 0), (2, 1, 3, 0, 0, 0)}
    drop = mmzoo.Text("words", tokenizer="words", tokens=6, vocabulary=["a"] * 9, augmentations=["word_dropout"])
    kept = np.asarray(drop.augment(tf.constant(ids), keys))
    assert (kept != 0).any(axis=1).all()
    assert 0.8 < (kept != 0).sum() / 600 < 0.97
