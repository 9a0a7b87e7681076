"""A file is what it was or complete; no link is followed, nothing but plain files is read."""

from __future__ import annotations

import copy
import os
import pickle
import signal
from pathlib import Path

import pytest
from matplotlib import pyplot

from mmzoo.errors import DataError, MMZooError
from mmzoo.figures import write_figure
from mmzoo.files import BESIDE, read_file, subfolder, write_file
from mmzoo.training.stopping import Interrupted


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
    assert [len(names) for names in seen] == [1, 1]
    assert BESIDE.fullmatch(seen[0][0])
    assert seen[1] == ["a"]


def test_a_link_where_a_file_is_written_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mine = home / "mine"
    mine.write_bytes(b"mine")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("a", "a.new", "b.png", "b.png.new"):
        (run / name).symlink_to(mine)
    write_file(run / "a", b"ours")
    figure, _ = pyplot.subplots()
    write_figure(figure, run / "b.png")
    assert mine.read_bytes() == b"mine"
    assert (run / "a").read_bytes() == b"ours"
    assert (run / "b.png").read_bytes().startswith(b"\x89PNG")
    assert not (run / "a").is_symlink()
    assert (run / "a.new").is_symlink()  # not ours, so left alone


@pytest.mark.parametrize("stands_there", ["link", "file", "link to nothing"])
def test_a_subfolder_that_is_a_link_or_a_file_is_refused(tmp_path: Path, stands_there: str) -> None:
    path = tmp_path / "pictures"
    if stands_there == "file":
        path.write_bytes(b"")
    else:
        path.symlink_to(tmp_path if stands_there == "link" else tmp_path / "nowhere")
    with pytest.raises(MMZooError, match=r"pictures' is a link or a file .* remove it first"):
        subfolder(tmp_path, "pictures")
    assert subfolder(tmp_path, "made").is_dir()
    assert subfolder(tmp_path, "made").is_dir()
    with pytest.raises(MMZooError, match="cannot be made"):
        subfolder(tmp_path / "gone", "pictures")


def test_only_plain_files_are_read_and_nothing_is_waited_for(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"x" * 100)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(plain)
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert read_file(plain) == read_file(tmp_path / "link") == b"x" * 100
    for path in (tmp_path / "pipe", tmp_path / "zero", tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match="not a plain file"):
            read_file(path)
    with pytest.raises(OSError, match="is a link"):
        read_file(tmp_path / "link", links=False)
    with pytest.raises(OSError, match="is a link"):
        read_file(tmp_path / "loop")
    with pytest.raises(OSError, match="100 bytes, over the limit of 99"):
        read_file(plain, limit=99)
    for bad in ("a\0b", "a\ud800b"):
        with pytest.raises(OSError, match="not one that a file can have"):
            read_file(bad)


@pytest.mark.parametrize("error", [MMZooError("m"), DataError("m", "c"), Interrupted("m", signal.SIGTERM)])
def test_errors_survive_being_copied_and_handed_to_another_process(error: Exception) -> None:
    for found in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(found) is type(error)
        assert str(found) == "m"
        assert vars(found) == vars(error)
