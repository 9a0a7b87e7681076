"""What the command says of what it cannot take: one sentence that names the remedy."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmzoo.commands.predict import write_words
from mmzoo.data.faults import Faults
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
        (["search", "none", "--text", "x", "--page", "p.txt"], "--page writes a .html file, not 'p.txt'; call it so"),
        (["label-next", "none", "t.csv", "--out", "n.csv", "--html", "p.md"], "--html writes a .html file, not 'p.md'"),
        (["data", "check", "t.csv", "--html", "p"], "--html writes a .html file, not 'p'"),
        (["data", "show", "t.csv", "--out", "p.png"], "--out writes a .html file, not 'p.png'"),
        (["generate", "none", "--png", "p.jpg"], "--png writes a .png file, not 'p.jpg'"),
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "t.csv", "--fusion", "concat"], "A setting is changed by --set fusion=VALUE."),
        (["train", "t.csv", "--learning-rate=1"], "A setting is changed by --set training.learning_rate=VALUE."),
        (["train", "t.csv", "--colour", "1"], "--help says what it does."),
        (["list", "towers", "--fusion", "concat"], "--help says what it does."),
    ],
)
def test_a_setting_that_is_given_as_an_option(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ask(capsys, *arguments)
    assert code == 2
    assert err.endswith(f"{words}\n")


def test_words_as_json_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    class Writes:
        def write(self, record: Any, how: Any, seen: Callable[[str], object]) -> dict[str, Any]:
            for text in ("a", "a b"):
                seen(text)
            return {"text": "a b", "log_prob": -1.5}

    told: Any = Writes()
    write_words(told, {}, Namespace(words=True, json=True, sample=None, top_p=0.9))
    assert json.loads(capsys.readouterr().out) == {"text": "a b", "log_prob": -1.5}
    write_words(told, {}, Namespace(words=True, json=False, sample=None, top_p=0.9))
    assert capsys.readouterr().out.startswith("a b\n")


def test_where_nothing_is_bad_nothing_is_left_out() -> None:
    assert Faults("skip", records=150).table() == "None of 150 records has anything that cannot be used."
