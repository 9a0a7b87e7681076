"""Kept features that are damaged, of a stranger, or in a folder that others may write: not read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from mmzoo.training.features import cache
from tests.cache.case import GOOD, LIKE, entry, files, key

ENTRIES = {
    "NaN": entry({"00": np.where(GOOD == 3, np.nan, GOOD).astype(np.float32)}),
    "infinity": entry({"00": np.where(GOOD == 3, np.inf, GOOD).astype(np.float32)}),
    "more rows": entry({"00": np.zeros((3, 3), np.float32)}),
    "fewer rows": entry({"00": np.zeros((1, 3), np.float32)}),
    "narrower": entry({"00": np.zeros((2, 2), np.float32)}),
    "an axis more": entry({"00": np.zeros((2, 3, 1), np.float32)}),
    "float64": entry({"00": GOOD.astype(np.float64)}),
    "whole numbers": entry({"00": GOOD.astype(np.int32)}),
    "truth values": entry({"00": GOOD.astype(bool)}),
    "another name": entry({"01": GOOD}),
    "one more": entry({"00": GOOD, "01": GOOD}),
    "none": entry({}),
    "nothing": b"",
    "a hash alone": hashlib.sha256(b"").digest(),
    "no safetensors": hashlib.sha256(b"x" * 99).digest() + b"x" * 99,
    "a long header": hashlib.sha256(b"\xff" * 99).digest() + b"\xff" * 99,
    "large": b"\0" * 200_000,
}


@pytest.mark.parametrize("what", ENTRIES)
def test_a_file_with_a_right_hash_may_lie(place: Path, what: str) -> None:
    """Anything but the arrays that are wanted, all finite, is computed anew and written over."""
    place.mkdir()
    path = place / f"{key('a')}.features"
    path.write_bytes(ENTRIES[what])
    like = keras.KerasTensor((None, 3))
    np.testing.assert_array_equal(cache.kept("x", key("a"), like, (2,), lambda: GOOD), GOOD)
    np.testing.assert_array_equal(cache.kept("x", key("a"), like, (2,), lambda: pytest.fail("it is there")), GOOD)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def to_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def to_a_good_one(path: Path) -> None:
    path.with_name("good").write_bytes(entry({"00": GOOD}))
    path.symlink_to(path.with_name("good"))


def of_everybody(path: Path) -> None:
    path.write_bytes(entry({"00": GOOD}))
    path.chmod(0o666)


@pytest.mark.parametrize("make", [fifo, to_zero, to_a_good_one, of_everybody])
def test_only_a_plain_file_of_ones_own_is_read(place: Path, make: Callable[[Path], None]) -> None:
    place.mkdir()
    path = place / f"{key('a')}.features"
    make(path)
    wanted = GOOD + 1
    np.testing.assert_array_equal(cache.kept("x", key("a"), keras.KerasTensor((None, 3)), (2,), lambda: wanted), wanted)
    assert path.is_file()
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (place / "good").exists() or (place / "good").read_bytes() == entry({"00": GOOD})


def test_a_folder_that_others_may_write_is_not_used(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.mkdir()
    path = place / f"{key('a')}.features"
    path.write_bytes(entry({"00": GOOD}))
    path.chmod(0o600)
    like = keras.KerasTensor((None, 3))
    np.testing.assert_array_equal(cache.kept("x", key("a"), like, (2,), lambda: pytest.fail("it is there")), GOOD)
    for change in (lambda: place.chmod(0o777), lambda: monkeypatch.setattr(os, "getuid", lambda: 12345)):
        capsys.readouterr()
        change()
        np.testing.assert_array_equal(cache.kept("x", key("a"), like, (2,), lambda: GOOD + 1), GOOD + 1)
        assert "is not this user's own folder, or others may write into it; chmod go-w" in capsys.readouterr().out
        place.chmod(0o755)
    assert [each.name for each in place.iterdir()] == [path.name]
    assert path.read_bytes() == entry({"00": GOOD})


def test_a_link_to_ones_own_folder_is_followed(place: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    place.symlink_to(tmp_path / "disk")
    for _ in range(2):
        cache.kept("x", key("a"), keras.KerasTensor((None, 3)), (2,), lambda: GOOD)
    assert len(files(tmp_path / "disk")) == 1


def test_a_new_folder_is_for_its_user_alone(place: Path) -> None:
    cache.kept("x", key("a"), keras.KerasTensor((None, 3)), (2,), lambda: GOOD)
    assert place.stat().st_mode & 0o777 == 0o700


def test_only_files_of_its_own_names_are_removed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run left goes after a day, old features where there is no room; nothing else."""
    place.mkdir()
    monkeypatch.setattr(cache, "LIMIT", 1200)
    beside = [f".mmzoo-{key('a')}.new", f".mmzoo-{key('b')}.new"]
    others = ["a.features", f"{key('g')}.features", f"{key('a')}.features.txt", "notes.txt", f"x.mmzoo-{key('a')}.new"]
    for name in (*beside, *others, f"{key('1')}.features"):
        (place / name).write_bytes(b"half" * 50)
        os.utime(place / name, (1.0, 1.0))
    os.utime(place / beside[1])
    (place / "npm").mkdir()
    (place / f"{key('2')}.features").mkdir()
    (place / f"{key('3')}.features").symlink_to(place / "notes.txt")
    cache.kept("x", key("c"), LIKE, (), lambda: np.zeros(250, np.float32))
    left = {*others, beside[1], "npm", f"{key('2')}.features", f"{key('3')}.features", f"{key('c')}.features"}
    assert {path.name for path in place.iterdir()} == left
