"""What the command says of what it cannot take: one sentence that names the remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.package.test_cli_lists import ask

TABLE = "a table; say which .*--label COLUMN.*--task retrieval"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "t.csv"], TABLE),
        (["tune", "t.csv", "--out", "o"], TABLE),
        (["summary", "t.csv#y"], TABLE),
        (["train", "tfds:mnist"], TABLE),
        (["train", "t.csv", "--task", "retreival"], "no task called 'retreival'. Did you mean 'retrieval'.*regression"),
        (["train", "t.csv", "--task", "retrieval", "--label", "y"], "leave out the label 'y'"),
    ],
)
def test_a_remedy_is_named(
    tmp_path: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("x,y\na,b\n")
    code, _, err = ask(capsys, *arguments)
    assert code == 2
    assert re.fullmatch(f"mmzoo: .*{words}.*\n", err), err
