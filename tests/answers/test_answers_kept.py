"""Answers that were begun: gone on with after Ctrl-C, a kill or a full disk, to the same bytes; nothing is lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mmzoo
from mmzoo.answers.written.part import PartFile
from mmzoo.errors import MMZooError
from tests.answers.case import ROOT, ask, write_table


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_what_was_begun_is_gone_on_with(
    run: mmzoo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, ending: str
) -> None:
    """Stopped by Ctrl-C after three pieces, damaged in several ways, and in the end the same bytes."""
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    table = write_table(tmp_path / "new.csv", 100, 1)
    whole, out = tmp_path / f"whole{ending}", tmp_path / f"answers{ending}"
    run.write_answers(table, whole, explain=True, columns=("*",))
    part = tmp_path / f"answers{ending}.part"
    append = PartFile.append

    def interrupted(self: PartFile, rows: Any, tally: Any) -> None:
        append(self, rows, tally)
        if len(self.tallies) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "append", interrupted)
        code, _, err = ask(capsys, "predict", run.folder, table, "--out", out, "--explain", "--columns", "all")
        assert code == 130
        assert f"48 answers are kept in '{part}'; the same command goes on there" in err
    kept = part.read_bytes()
    flipped = bytearray(kept)
    flipped[len(kept) // 2] ^= 1
    for data, count in ((kept, 48), (kept[:-1], 32), (kept + b'{"bytes"', 48), (bytes(flipped), 16), (kept[:5], 0)):
        part.write_bytes(data)
        done = run.write_answers(table, out, explain=True, columns=("*",), overwrite=True)
        assert (done.records, done.kept) == (100, count)
        assert out.read_bytes() == whole.read_bytes()
        assert not part.exists()


@pytest.mark.usefixtures("small")
def test_what_is_there_is_not_lost(run: mmzoo.Run, tmp_path: Path, capsys: Any) -> None:
    table = write_table(tmp_path / "new.csv", 20, 1)
    out, part = tmp_path / "answers.csv", tmp_path / "answers.csv.part"
    out.write_text("mine", "utf-8")
    code, _, err = ask(capsys, "predict", run.folder, table, "--out", out)
    assert (code, out.read_text("utf-8")) == (2, "mine")
    assert f"'{out}' is there already; give --overwrite" in err
    out.unlink()
    other = PartFile(out, {"table": "another"})
    other.append([{"id": "1"}], {})
    other.close()
    code, _, err = ask(capsys, "predict", run.folder, table, "--out", out)
    assert code == 2
    assert "holds unfinished answers of another table, model or other options" in err
    assert ask(capsys, "predict", run.folder, table, "--out", out, "--overwrite")[0] == 0
    held = PartFile(out, {})
    code, _, err = ask(capsys, "predict", run.folder, table, "--out", out, "--overwrite")
    assert (code, "Another process writes" in err) == (2, True)
    held.remove()
    part.symlink_to(tmp_path / "elsewhere")
    code, _, err = ask(capsys, "predict", run.folder, table, "--out", out, "--overwrite")
    assert code == 2
    assert not (tmp_path / "elsewhere").exists()
    for place, words in (("answers.xlsx", "a .csv, .jsonl, .npz or .parquet"), ("no/a.csv", "does not exist; make it")):
        code, _, err = ask(capsys, "predict", run.folder, table, "--out", tmp_path / place)
        assert (code, words in err) == (2, True), err


@pytest.mark.usefixtures("small")
def test_the_disk_is_full(run: mmzoo.Run, tmp_path: Path, little_room: Callable[[int], None]) -> None:
    """In the middle of the answers, and when these are made the file that was asked for."""
    table = write_table(tmp_path / "new.csv", 100, 1)
    whole, out, part = tmp_path / "whole.csv", tmp_path / "answers.csv", tmp_path / "answers.csv.part"
    run.write_answers(table, whole)
    little_room(12_000)
    with pytest.raises(MMZooError, match=r"could not be written \(.*\); the (\d+) answers in it are kept; free some"):
        run.write_answers(table, out)
    assert not out.exists()
    assert part.stat().st_size <= 12_000
    little_room(10**9)
    done = run.write_answers(table, out)
    assert 0 < done.kept < 100
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("small")
def test_the_disk_is_full_in_the_end(run: mmzoo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_table(tmp_path / "new.csv", 100, 1)
    whole, out, part = tmp_path / "whole.csv", tmp_path / "answers.csv", tmp_path / "answers.csv.part"
    run.write_answers(table, whole)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setitem(mmzoo.answers.written.formats.WRITERS, ".csv", full)  # type: ignore[attr-defined]
        with pytest.raises(MMZooError, match="No space left"):
            run.write_answers(table, out)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".mmzoo")] == []
    assert part.exists()
    assert run.write_answers(table, out).kept == 100
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.long
def test_killed_in_the_middle(run: mmzoo.Run, tmp_path: Path) -> None:
    table = write_table(tmp_path / "new.csv", 40_000, 1)
    whole, out, part = tmp_path / "whole.csv", tmp_path / "answers.csv", tmp_path / "answers.csv.part"
    run.write_answers(table, whole)
    command = [sys.executable, "-m", "mmzoo", "predict", str(run.folder), str(table), "--out", str(out)]
    kills = 0
    while not out.exists():
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            before = part.stat().st_size if part.exists() else 0
            while process.poll() is None and kills < 3:
                if part.exists() and part.stat().st_size > before + 1_000_000:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                    break
    assert kills == 3
    assert out.read_bytes() == whole.read_bytes()
