"""A run's files may be damaged, or another's: each is one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.export.report import known_rows
from mmzoo.hpo.tune import found_results
from mmzoo.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
from mmzoo.training.run_folder.notes import history_text, read_history
from tests.conftest import usual
from tests.run_folder.case import DEEP, QUICK, SPEC, damage, records, train

DAMAGE: dict[str, Any] = {
    "missing": None,
    "empty": b"",
    "cut": b'{"data": "emoji", "seed": 0',
    "a list": b"[]",
    "a number": b"3",
    "null": b"null",
    "deep": DEEP,
    "not UTF-8": b'{"data": "\xff"}',
    "huge": b'{"data": "' + b"x" * 2**24 + b'"}',
    "lacks keys": b"{}",
    "data is a number": {"data": 3},
    "data is half a pair": {"data": "\ud800"},
    "seed is a text": {"seed": "x"},
    "seed is negative": {"seed": -1},
    "training is a list": {"training": []},
    "batch_size is a text": {"training": {"batch_size": "x"}},
    "unknown setting": {"training": {"batch": 3}},
    "tune is a number": {"training": {"tune": 3}},
    "tune_inputs is deep": {"training": {"tune_inputs": [[1]]}},
    "on_error is a list": {"on_error": []},
    "budget is a text": {"budget": "much"},
    "a pipe": "pipe",
    "a link": "link",
    "a folder": "folder",
    "a device": "/dev/zero",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_settings_are_one_sentence(how: str, run: Path) -> None:
    damage(run / "run.json", DAMAGE[how])
    with pytest.raises(MMZooError, match=r"run\.json'? .*copy the run's folder again, or train it anew") as caught:
        mmzoo.Run(run).evaluate(records(4))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("how", usual(DAMAGE, {"missing", "a pipe", "training is a list"}))
def test_a_record_is_answered_without_settings(how: str, run: Path) -> None:
    damage(run / "run.json", DAMAGE[how])
    assert mmzoo.Run(run).predict({"words": "word1"})


@pytest.mark.parametrize("command", ["evaluate", "export", "compare", "prune"])
def test_every_command_says_so(command: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(run / "run.json", {"data": 3})
    more = ["--out", str(run.parent / "pruned")] if command == "prune" else []
    assert main([command, str(run), *more]) == 2
    said = capsys.readouterr().err
    assert f"The 'data' in '{run / 'run.json'}' must be a text" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "how", [b"{", b"[]", b"3\n", b'{"epoch": 1}\n', b"\xff", DEEP, b'{"epoch": "x", "seconds": 1}']
)
def test_a_damaged_history_is_one_sentence(how: bytes, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_bytes(how)
    with pytest.raises(MMZooError, match=r"history\.jsonl' is damaged .* remove it"):
        read_history(tmp_path)


def test_a_history_has_numbers_or_nothing(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "seconds": 0.5, "loss": float("nan"), "val_loss": float("inf"), "val_accuracy": None}]
    (tmp_path / "history.jsonl").write_bytes(history_text(rows))
    wanted = [{"epoch": 1, "seconds": 0.5, "loss": None, "val_loss": None, "val_accuracy": None}]
    assert read_history(tmp_path) == wanted
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "seconds": 0.5, "loss": NaN}\n')
    assert read_history(tmp_path)[0]["loss"] is None
    assert read_history(tmp_path / "nowhere") == []


@pytest.mark.parametrize("name", ["history.jsonl", "machine.txt"])
@pytest.mark.parametrize("how", ["pipe", "link", "folder", "/dev/zero", b"\xff"])
def test_what_is_no_plain_file_is_not_read(name: str, how: Any, run: Path) -> None:
    damage(run / name, how)
    with pytest.raises(MMZooError, match=rf"{name}' .* remove it"):
        if name == "machine.txt":
            _ = mmzoo.Run(run).machine
        else:
            read_history(run)


@pytest.mark.parametrize(
    "how", [b"{}", b"3", DEEP, b"\xff", b'[{"variant": "x"}]', b'[{"variant": "fp32"}]', "pipe", "link", "/dev/zero"]
)
def test_a_damaged_report_of_exports_is_one_sentence(how: Any, tmp_path: Path) -> None:
    damage(tmp_path / "report.json", how)
    with pytest.raises(MMZooError, match=r"report\.json' .* remove it, and export again"):
        known_rows(tmp_path)


@pytest.mark.parametrize("name", ["search.json", "results.json"])
@pytest.mark.parametrize("how", [b"[]", b"3", DEEP, b"\xff", b'{"metric": 3, "trials": []}', "pipe", "link", "folder"])
def test_a_damaged_search_is_one_sentence(name: str, how: Any, tmp_path: Path) -> None:
    recipe = mmzoo.Recipe(SPEC, "", QUICK)
    asked = {"trials": 3}
    found_results(tmp_path, asked, recipe)
    damage(tmp_path / name, how)
    with pytest.raises(MMZooError, match=r"choose another --out or remove the folder first"):
        found_results(tmp_path, asked, recipe)


STATES: dict[str, dict[str, Any]] = {
    "a word": {"step": "x"},
    "before the first": {"step": -1},
    "after the last": {"step": 10**9},
    "an epoch that is not": {"epoch": 99},
    "more than there is": {"other": 1},
    "other arrays": {},
}


@pytest.mark.parametrize("state", usual(STATES, {"a word", "after the last", "other arrays"}))
def test_a_checkpoint_of_something_else_is_one_sentence(state: str, run: Path) -> None:
    """Its hash is right: whoever wrote it could compute it too."""
    changed = STATES[state]
    shutil.rmtree(run / "model")
    arrays, facts = load_checkpoint(run / "checkpoints") or ({}, {})
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    save_checkpoint(run / "checkpoints", 6, arrays if changed else {"00000": arrays["00000"]}, {**facts, **changed})
    with pytest.raises(MMZooError, match=r"newest checkpoint in .* is not of this run.*remove it, or choose"):
        train(run)


@pytest.mark.parametrize("data", [b"", b"x" * 32, b"head", "state", "link", "pipe"])
def test_a_checkpoint_that_is_none_is_passed_over(data: Any, tmp_path: Path, home: Path) -> None:
    from hashlib import sha256

    save_checkpoint(tmp_path, 1, {}, {"step": 1})
    path = tmp_path / "step-00000002.checkpoint"
    if data in ("link", "pipe"):
        damage(path, data)
    else:
        head = DEEP if data == "state" else b"{}"
        body = len(head).to_bytes(8, "little") + head + b"junk"
        path.write_bytes(data if data in (b"", b"x" * 32) else sha256(body).digest() + body)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 1}
