"""A file is what it was or complete."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmzoo.errors import MMZooError
from mmzoo.files import write_file


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.json"
    write_file(path, b"one")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MMZooError, match=r"card.json' could not be written \(No space left on device\); free some"):
        write_file(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_flushed_before_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    flush = os.fsync

    def note(handle: int) -> None:
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        flush(handle)

    monkeypatch.setattr(os, "fsync", note)
    write_file(tmp_path / "a", b"one")
    assert seen == [["a.new"], ["a"]]
