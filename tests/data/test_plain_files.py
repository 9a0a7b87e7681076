"""Pipes, devices, folders and what /proc makes up, in the place of a file: refused at once, by whoever reads one."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mmzoo
from mmzoo.errors import DataError, MMZooError
from mmzoo.fingerprints import exact
from mmzoo.modalities.audio.sounds import extent_of
from mmzoo.modalities.audio.wav import read_plain

if not hasattr(os, "mkfifo"):
    pytest.skip("this system has no such files", allow_module_level=True)

ENDINGS = ("", ".wav", ".flac", ".mp4", ".gif", ".npy", ".csv", ".parquet", ".jpg", ".txt", ".m4a")
ITEMS = (
    mmzoo.Image("picture", size=16),
    mmzoo.Audio("sound", sample_rate=8000, seconds=0.1),
    mmzoo.Audio("features", frames=4, num_mel_bins=4),
    mmzoo.Video("clip", frames=2, size=16),
    mmzoo.Sensor("watch", channels=2, steps=4),
)
READERS: dict[str, Callable[[Any], Any]] = {
    **{item.name: item.decode for item in ITEMS},
    "extent": extent_of,
    "guessed sensor": lambda path: mmzoo.Sensor.guessed("watch", [path]),
    "packed image": mmzoo.Image.to_stored,
    "packed audio": mmzoo.Audio.to_stored,
    "packed video": mmzoo.Video.to_stored,
    "packed sensor": mmzoo.Sensor.to_stored,
}


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


THINGS: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a socket": bound,
    "a folder": Path.mkdir,
    "a link to zeros": link("/dev/zero"),
    "a link to random numbers": link("/dev/urandom"),
    "a link to a terminal": link("/dev/tty"),
    "a link to the kernel's log": link("/proc/kmsg"),
    "a link to memory": link("/proc/self/mem"),
    "a link to what is made up": link("/proc/self/status"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": link("nowhere"),
}


@pytest.fixture(autouse=True)
def guard() -> Iterator[None]:
    """Whatever waits is woken, and fails."""

    def late(*_: Any) -> None:
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("thing", THINGS)
def test_what_is_no_plain_file_is_refused_at_once(thing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    for ending in ENDINGS:
        path = Path(f"value{ending}")
        THINGS[thing](path)
        assert read_plain(path, 1) is None
        for reader in READERS.values():
            for value in (path, str(path)):
                with pytest.raises(DataError, match=r"^[^\n]+\.$"):
                    reader(value)
        mmzoo.Audio.guessed("sound", [path])  # guesses what it can; decoding will name it


def test_hashes_of_files(tmp_path: Path) -> None:
    pipe(tmp_path / "pipe")
    with pytest.raises((MMZooError, OSError)):
        exact(tmp_path / "pipe")


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 5000, "", b"", bytearray(), memoryview(b"")])
@pytest.mark.parametrize("reader", READERS)
def test_paths_that_no_file_can_have(reader: str, value: Any) -> None:
    with pytest.raises(DataError, match=r"^[^\n]+\.$"):
        READERS[reader](value)
