"""What a column of pictures, or of sounds, says of the size that an input is to have."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo.choice import Tower

RNG = np.random.default_rng(0)


def picture(width: int, height: int, *, grey: bool = False) -> bytes:
    out = io.BytesIO()
    pixels = RNG.integers(0, 256, (height, width) if grey else (height, width, 3)).astype(np.uint8)
    Pillow.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("installed", [True, False])
def test_pictures(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones stay small; pretrained weights serve all that are not small and grey."""
    monkeypatch.setattr("mmzoo.modalities.image.best_installed", lambda towers: towers[0] if installed else "")

    def found(*values: object) -> tuple[int, str, dict[str, object]]:
        item = mmzoo.Image.guessed("x", values)
        tower = Tower.of(item.tower)
        return item.size, tower.name, tower.options

    scratch = "efficientnet_lite2" if installed else "small_cnn"
    for values, size, resolution, filters in (
        ([picture(32, 30)] * 3, 32, 160, [32, 64, 128]),
        ([picture(20, 64)] * 3, 64, 160, [32, 64, 128, 128]),
        ([picture(300, 200)] * 3, 224 if installed else 128, 224, [32, 64, 128, 128, 128]),
        ([picture(40, 40)] * 30 + [picture(900, 900)], 40, 160, [32, 64, 128]),
        ([RNG.integers(0, 256, (48, 50, 3)).astype(np.uint8)], 50, 160, [32, 64, 128, 128]),
        ([picture(100, 100, grey=True)], 100, 160, [32, 64, 128, 128, 128]),
        ([b"rust", picture(60, 60)], 60, 160, [32, 64, 128, 128]),
    ):
        assert found(*values) == (size, scratch, {"resolution": resolution} if installed else {"filters": filters})
    item = mmzoo.Image.guessed("x", [picture(8, 8, grey=True)] * 3)
    assert (item.size, Tower.of(item.tower)) == (16, Tower("small_cnn", filters=[32, 64]))
    assert item.augmentations == (), "a digit in a mirror is no digit"
    assert mmzoo.Image.guessed("x", [b"rust"]).size == 96


def test_sounds(tmp_path: Path) -> None:
    """The commonest rate of the files, up to 16 kHz; as long as all, or nineteen of twenty."""
    paths = []
    for number, (rate, seconds) in enumerate([(8000, 0.6)] * 3 + [(11025, 0.71)]):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], RNG.normal(size=int(rate * seconds)) * 0.1, rate)
    item = mmzoo.Audio.guessed("x", paths)
    assert (item.sample_rate, item.seconds) == (8000, 0.8)
    wave = RNG.normal(size=44100).astype(np.float32) * 0.1
    item = mmzoo.Audio.guessed("x", [(wave, 44100)] * 40 + [(wave[:100], 44100)])
    assert (item.sample_rate, item.seconds) == (16000, 1.0)
    item = mmzoo.Audio.guessed("x", [(np.tile(wave, 30), 44100)])
    assert (item.sample_rate, item.seconds) == (16000, 10.0)
    assert mmzoo.Audio.guessed("x", ["nowhere.wav"]).seconds == 2.0
