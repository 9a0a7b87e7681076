"""The command line, as a user types it."""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from markupsafe import escape

from mmzoo import datasets
from mmzoo.cli import main
from mmzoo.commands import train as train_command
from mmzoo.datasets.emoji.sample import write_files
from mmzoo.errors import MMZooError
from tests.package.test_cli_lists import ROOT, ask

SMALL = [
    "--set",
    "image.tower=small_cnn",
    "--set",
    "name.tower=embedding_attention",
    "--set",
    "speech.tower.filters=[4,4,4,4]",
    "--set",
    "image.augmentations=[]",
    "--set",
    "speech.augmentations=[]",
]


@pytest.mark.parametrize(("command", "splits"), [("predict", False), ("evaluate", False), ("train", True)])
def test_how_a_table_is_split_is_asked_where_one_is_split(
    command: str, splits: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--kind" in said
    assert all((option in said) == splits for option in ("--group", "--stratify", "--split-seed"))


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """The sample is read once for all commands, which takes each of them seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(datasets.datasets._entries, "emoji", cache(datasets.datasets["emoji"]))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small part of the sample, through the command line."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", "emoji", "--out", str(folder), "--epochs", "1", "--limit", "24", *SMALL]) == 0
    return folder


def test_train_leaves_a_whole_run(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {
        "spec.json",
        "run.json",
        "machine.txt",
        "recipe.py",
        "splits.csv",
        "metrics.json",
        "answers.csv",
        "conformal.json",
        "history.jsonl",
        "checkpoints",
        "model",
        "report.html",
        "pictures",
        "model_card.md",
        *(["tensorboard"] if find_spec("tensorboard") else []),
    }
    card = (run / "model_card.md").read_text("utf-8")
    assert "- **licence of the data**: Noto Emoji: Apache License 2.0" in card
    assert f"- **trained on**: {(run / 'machine.txt').read_text('utf-8').strip()}" in card
    found = json.loads((run / "metrics.json").read_text())
    assert found["split"] == "test"
    assert found["examples"] == 24
    wanted = ["image", "name", "speech", "image+name", "image+speech", "name+speech", "image+name+speech"]
    assert list(found["subsets"]) == wanted
    assert found["metrics"] == found["subsets"]["image+name+speech"]
    assert found["verdict"].startswith("Fusion")


def test_the_report_is_one_page(run: Path) -> None:
    page = (run / "report.html").read_text("utf-8")
    assert page.count("<article") == 8
    assert page.count("<audio") == page.count("<img") == 8
    assert "<svg" in page
    assert str(escape(json.loads((run / "metrics.json").read_text())["verdict"])) in page
    assert not re.search(r"""(src|href)=["'](?!data:|#|answers.csv")""", page), "the page fetches something"


def test_evaluate_again_gives_the_same(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = json.loads((run / "metrics.json").read_text())
    code, out, _ = ask(capsys, "evaluate", str(run), "--split", "validation")
    assert code == 0
    assert "validation: 164 examples" in out
    assert "image+name+speech" in out
    (run / "metrics.json").write_text(json.dumps(before))


@pytest.mark.long
def test_export(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for format in ("saved_model", "tflite"):
        code, out, err = ask(capsys, "export", str(run), "--format", format)
        assert code == 0, err
        assert "100.0%" in out
    rows = json.loads((run / "export" / "report.json").read_text())
    assert [row["variant"] for row in rows] == ["saved_model", "saved_model_bytes", "fp32"]
    assert all(row["max_abs_diff"] <= 1e-5 for row in rows)


@pytest.mark.usefixtures("loaded_once")
def test_predict_any_subset(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_files("1f427", tmp_path)
    flags = {
        "--image": str(tmp_path / "image.png"),
        "--text": "penguin",
        "--audio": str(tmp_path / "speech.wav"),
    }
    answers = set()
    for bits in range(1, 8):
        chosen = [part for k, pair in enumerate(flags.items()) if bits >> k & 1 for part in pair]
        code, out, _ = ask(capsys, "predict", str(run), "--json", *chosen)
        assert code == 0
        answer = json.loads(out)["group"]
        assert sum(answer.values()) == pytest.approx(1, abs=1e-5)
        answers.add(tuple(answer.values()))
    assert len(answers) == 7
    code, out, _ = ask(capsys, "predict", str(run), "--input", "name=penguin")
    assert code == 0
    assert "%" in out
    code, out, err = ask(capsys, "predict", str(run), "--text", "x" * 100_000)
    assert code == 0
    assert "longer than 64 bytes and are cut; the longest has 100000" in err


def test_summary(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = ask(capsys, "summary", "emoji", *SMALL, "--png", str(tmp_path / "graph.png"))
    assert code == 0
    assert "small_cnn" in out
    assert "parameters train." in out
    assert (tmp_path / "graph.png").read_bytes()[:4] == b"\x89PNG"


def wrong(run: Path, tmp_path: Path) -> list[tuple[list[str], str]]:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "broken.py").write_text("recipe = 1 / 0")
    (tmp_path / "nothing.py").write_text("x = 1")
    out = str(tmp_path / "out")
    return [
        (["train", "emjoi", "--out", out], "no recipe 'emjoi'. Did you mean 'emoji'"),
        (["train", "missing.py", "--out", out], "recipe file 'missing.py' does not exist"),
        (["train", str(tmp_path / "broken.py"), "--out", out], "ZeroDivisionError"),
        (["train", str(tmp_path / "nothing.py"), "--out", out], "must define recipe"),
        (["train", "emoji", "--out", out, "--set", "image.tower=vgg161"], "Did you mean 'vgg16'"),
        (["train", "emoji", "--out", out, "--set", "imag.size=3"], "Did you mean 'image'"),
        (["train", "emoji", "--out", out, "--set", "image.sise=32"], "Did you mean 'size'"),
        (["train", "emoji", "--out", out, "--set", "training.epoch=3"], "Did you mean 'epochs'"),
        (["train", "emoji", "--out", out, "--set", "epochs"], "written key=value"),
        (["train", "emoji", "--out", out, "--set", "data=emoj"], "no dataset 'emoj'. Did you mean 'emoji'"),
        (["train", "emoji", "--out", out, "--inputs", "image,sound"], "no input called 'sound'"),
        (["train", "emoji", "--out", out, "--epochs", "0"], "'epochs' must be a whole number"),
        (["train", "emoji", "--out", out, "--limit", "0"], "--limit must be at least 1"),
        (["train", "emoji", "--out", str(run), "--seed", "7"], "another spec|other settings"),
        (["train", "emoji", "--out", str(tmp_path / "empty.png" / "x")], "cannot be made"),
        (["evaluate", str(tmp_path)], "is not a run"),
        (["export", "nowhere"], "is not a run"),
        (["predict", str(run)], "Give at least one of the inputs: image, name, speech"),
        (["predict", str(run), "--image", "nowhere.png"], "'nowhere.png' does not exist"),
        (["predict", str(run), "--image", str(tmp_path / "empty.png")], "is empty"),
        (["predict", str(run), "--image", str(tmp_path / "text.wav")], "is not a JPEG"),
        (["predict", str(run), "--text", "a", "--on-error", "mask"], "is for the answers to a table; leave it"),
        (["predict", str(run), "--audio", str(tmp_path / "text.wav")], "not a sound file"),
        (["predict", str(run), "--input", "nam=dog"], "no input 'nam'"),
        (["summary", "emoji", *SMALL, "--png", str(tmp_path / "no" / "graph.png")], "could not be written"),
    ]


@pytest.mark.usefixtures("loaded_once")
def test_errors_are_one_sentence_and_exit_with_2(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments, words in wrong(run, tmp_path):
        code, _, err = ask(capsys, *arguments)
        assert code == 2, arguments
        assert re.search(words, err), f"{arguments}: {err}"
        assert err.startswith("mmzoo: ")
        assert arguments[0] != "predict" or "--on-error skip" not in err, "of one record nothing can be left out"
        assert len(err.splitlines()) == 1, err


def test_an_input_by_its_name_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "anywhere", "--photo", "my cat.png"]) == 2
    assert "An input is given by its name with --input 'photo=my cat.png'." in capsys.readouterr().err
    assert main(["list", "towers", "more"]) == 2
    assert capsys.readouterr().err == "mmzoo: 'more' is nothing that this command takes; --help says what it does.\n"


def test_the_package_runs_as_the_command() -> None:
    command = [sys.executable, "-m", "mmzoo", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    from mmzoo.errors import MMZooError

    with pytest.raises(MMZooError):
        main(["--debug", "evaluate", str(tmp_path)])


@pytest.mark.long
def test_ctrl_c_and_again(tmp_path: Path) -> None:
    """A real process, a real signal: it says how to go on, and goes on. (To the same bytes: `test_training`.)"""
    options = ["--out", str(tmp_path / "run"), "--epochs", "2", "--limit", "32", *SMALL]
    command = [sys.executable, "-m", "mmzoo.cli", "train", "emoji", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, **pipes)
    while not list(tmp_path.glob("run/checkpoints/*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to go on" in err
    assert not (tmp_path / "run" / "model").exists()
    again = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "Going on from step" in again.stdout
    assert (tmp_path / "run" / "model" / "card.json").exists()


def test_without_a_folder_a_run_gets_the_next_free_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "1").mkdir(parents=True)
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(f"{k},{k % 2}" for k in range(20)) + "\n")
    taken: list[Path] = []

    def trained(args: argparse.Namespace) -> None:
        taken.append(args.out)
        raise MMZooError("enough")

    monkeypatch.setattr(train_command, "trained", trained)
    assert main(["train", "t.csv", "--label", "b"]) == 2
    assert taken == [Path("runs/2")]
    said = capsys.readouterr()
    assert "--out runs/2 goes on with it" in said.out and "enough" in said.err
    assert main(["train", "t.csv", "--label", "b", "--workers", "2"]) == 2
    assert "give --out" in capsys.readouterr().err
