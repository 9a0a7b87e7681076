"""Answers to a stream: those of the same records at once, in order, each soon, whatever a line says."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.answers import stream
from mmzoo.answers.waiting import Waiting
from mmzoo.cli import main
from mmzoo.data.streams import lines
from mmzoo.errors import DataError, MMZooError
from tests.conftest import untrained

ROOT = Path(__file__).parents[2]


def rows(count: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    return [{"size": float(random.normal()), "colour": "rgb"[k % 3], "note": f"word {k % 7}"} for k in range(count)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """A run whose model has learnt nothing."""
    row = mmzoo.Tabular("row", numbers=["size"], categories=["colour"])
    note = mmzoo.Text("note", tokens=4, max_bytes=24, tower=mmzoo.Tower("embedding_mean"))
    picture = mmzoo.Image("picture", size=16, tower=mmzoo.Tower("small_cnn", filters=[2, 2]))
    spec = mmzoo.Spec([row, note, picture], "concat", [mmzoo.Classification("kind", labels=["a", "b"])], dim=8)
    found = rows(12)
    spec = spec.fit(mmzoo.Records({"row": found, "note": [each["note"] for each in found], "kind": ["a", "b"] * 6}))
    return untrained(tmp_path_factory.mktemp("stream") / "run", spec)


def ask(run: mmzoo.Run, data: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Any, *options: str) -> list[Any]:
    """What the command answers to its standard input."""
    monkeypatch.setattr("mmzoo.commands.predict.standard_input", lambda: io.BytesIO(data))
    assert main(["predict", str(run.folder), "--stream", "--latency", "0", *options]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def close(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The same but for the last digit of numbers, which depends on how many are computed together."""
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value)


def test_a_stream_is_answered_as_a_list_is(run: mmzoo.Run) -> None:
    records = rows(50)
    found = list(run.predict_stream(iter(records), latency=0, most=7))
    for one, wanted in zip(found, run.predict(records), strict=True):
        close(one, wanted)


def test_lines_are_answered_in_order_and_bad_ones_with_their_error(
    run: mmzoo.Run, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    good = {"size": 1.5, "colour": "g", "note": "word 3"}
    written: list[Any] = [
        json.dumps(good),
        '{"size": 1.5, "colour"',
        json.dumps({"row": {"size": "1.5", "colour": "g"}, "Note": "word 3", "id": "mine"}),
        "",
        json.dumps({"other": 1}),
        "[1, 2]",
        json.dumps({"row": {"weight": 1}}),
        json.dumps({"note": "word 3", "size": "much"}),
        json.dumps({"note": "word 3", "picture": "../secret.png"}),
        '{"note": "x", "note": "y"}',
        json.dumps({"note": "\udc80"}),
        json.dumps(good),
    ]
    data = "\n".join(written).encode() + b'\n\xff\n{"note": "cut'
    found = ask(run, data, monkeypatch, capsys)
    assert [row["id"] for row in found] == ["line 1", "line 2", "mine", *(f"line {n}" for n in range(5, 15))]
    assert [bool(row["error"]) for row in found] == [False, True, False, *[True] * 7, False, True, True]
    wanted = run.predict([good])[0]
    for place in (0, 2, 10):
        close({**found[place], "id": "row 0"}, wanted)
    assert "line 2" in found[1]["error"]
    assert found[3]["error"].startswith("It has none of the inputs")
    assert "leads out of" in found[7]["error"]
    assert all(set(row) == {"id", "error"} for row in found if row["error"])
    # What is left of a record is answered where that is asked for; what is wrong with it is said all the same.
    masked = ask(run, data, monkeypatch, capsys, "--on-error", "mask")
    assert masked[6]["kind_prediction"] in ("a", "b")
    assert "much" in masked[6]["error"]


def test_a_name_that_is_nearly_a_columns_is_said_once(
    run: mmzoo.Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("mmzoo"), "propagate", True)
    records = [*[{"size": 1.5, "colur": "g"}] * 3, {"size": 1.5}]
    assert [row["error"] for row in run.predict_stream(records, most=2)] == [None] * 4
    said = [record.getMessage() for record in dict.fromkeys(caplog.records)]  # one may pass two loggers
    assert said == ["Nothing reads 'colur'; did you mean 'colour'?"]


def test_a_path_is_followed_below_the_root(run: mmzoo.Run, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    from PIL import Image

    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (found,) = ask(run, b'{"picture": "a.png"}', monkeypatch, capsys, "--root", str(tmp_path))
    wanted = run.predict({"picture": pixels})["kind"]
    assert found["kind_p_a"] == pytest.approx(wanted["a"], rel=1e-4)
    assert found["inputs"] == "picture"


def test_a_line_of_any_length_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 20)
    asked: list[int] = []

    class File(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            assert size is not None
            asked.append(size)
            return super().readline(size)

    data = b'{"a": 1}\n' + b"x" * 1000 + b"\n" + b'{"a": 2}\n' + b"y" * 100
    found = list(lines.records_in(File(data), "The stream"))
    assert set(asked) == {21}
    assert [place for place, _ in found] == [f"line {n}" for n in (1, 2, 3, 4)]
    assert [row for _, row in found][::2] == [{"a": 1}, {"a": 2}]
    assert [row.cause for _, row in found[1::2] if isinstance(row, DataError)] == ["long_line"] * 2


def test_a_record_is_answered_before_the_next_one_comes(run: mmzoo.Run) -> None:
    answered = threading.Event()

    def slowly() -> Iterator[dict[str, Any]]:
        yield {"note": "first"}
        assert answered.wait(60)
        yield {"note": "second"}

    found = run.predict_stream(slowly(), latency=0)
    assert next(found)["id"] == "row 0"
    answered.set()
    assert [row["id"] for row in found] == ["row 1"]


def test_no_more_is_read_than_is_answered(run: mmzoo.Run) -> None:
    read = done = furthest = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal read, furthest
        for record in rows(200):
            read += 1
            furthest = max(furthest, read - done)
            yield record

    for _ in run.predict_stream(counted(), latency=0, most=8):
        done += 1
    assert (read, done) == (200, 200)
    assert furthest <= 8 + 8 + 2  # those that are answered, those that wait, and one on its way


def test_who_stops_asking_lets_the_reader_go(run: mmzoo.Run) -> None:
    found = run.predict_stream(({"note": "again"} for _ in iter(int, 1)), latency=0, most=4)
    next(found)
    (reader,) = [thread for thread in threading.enumerate() if thread.name == "mmzoo stream"]
    found.close()  # type: ignore[attr-defined]
    reader.join(60)
    assert not reader.is_alive()


def test_a_stream_that_breaks_is_answered_so_far(run: mmzoo.Run) -> None:
    def broken() -> Iterator[Any]:
        yield {"note": "whole"}
        yield 7
        raise OSError("the cable is out")

    found = run.predict_stream(broken(), latency=10)
    assert next(found)["error"] is None
    assert next(found)["error"] == "A record is a mapping, not int."
    with pytest.raises(OSError, match="cable"):
        next(found)
    with pytest.raises(MMZooError, match="latency"):
        next(run.predict_stream([], latency=-1))
    with pytest.raises(MMZooError, match="goes on"):
        run.predict_stream([], on_error="error")


def test_what_has_come_is_taken_together() -> None:
    waiting: Waiting[str] = Waiting(10)
    for item in "abcde":
        waiting.put(item)
    assert waiting.together(2, 1e6) == ["a", "b"]
    assert waiting.together(9, 0.0) == ["c", "d", "e"]
    waiting.put("fgh")
    waiting.put("i")
    assert waiting.together(3, 1e6, len) == ["fgh"]
    waiting.put(None)
    assert waiting.together(3, 1e6) == ["i"]
    assert waiting.together(3, 1e6) == []
    assert stream.LATENCY < 0.1


@pytest.mark.parametrize(
    "interrupted", [pytest.param(False, marks=pytest.mark.slow), pytest.param(True, marks=pytest.mark.long)]
)
def test_as_a_program_it_ends_when_nobody_reads_and_at_ctrl_c(run: mmzoo.Run, interrupted: bool) -> None:
    command = [sys.executable, "-m", "mmzoo", "predict", str(run.folder), "--stream", "--latency", "0"]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    # Whoever started the tests in the background had Ctrl-C ignored, which is inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, **pipes) as asked:
        signal.signal(signal.SIGINT, before)
        guard = threading.Timer(120, asked.kill)
        guard.start()
        for note in ("one", "two"):  # the input stays open
            asked.stdin.write(json.dumps({"note": note}).encode() + b"\n")
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["error"] is None
        if interrupted:
            asked.send_signal(2)
        else:
            asked.stdout.close()
            asked.stdin.write(b'{"note": "three"}\n')
            asked.stdin.flush()
        said = asked.stderr.read().decode()
        assert asked.wait() == (130 if interrupted else 2), said
        guard.cancel()
    assert "Traceback" not in said
    assert "Fatal" not in said
    assert said.splitlines()[-1].startswith("mmzoo: interrupted" if interrupted else "mmzoo: what there was to say")
