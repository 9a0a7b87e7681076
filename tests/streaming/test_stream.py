"""Training over a stream: each record is taken once, whatever ends the work, and answered before it is learnt."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.streams import lines
from mmzoo.data.streams.arriving import Arrived, Folder, Given, StandardInput
from mmzoo.errors import DataError, MMZooError
from mmzoo.streaming import behind
from mmzoo.training.streaming.replay import Reservoir
from mmzoo.training.streaming.state import Taken, chained

ROOT = Path(__file__).parents[2]
WORDS = {"a": "red", "b": "green", "c": "blue"}


def made(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Records whose columns tell the label."""
    random = np.random.default_rng(seed)
    for number in range(count):
        kind = "abc"[int(random.integers(3))]
        size = round(float("abc".index(kind) + 0.2 * random.normal()), 4)
        yield {"kind": kind, "size": size, "note": f"{WORDS[kind]} {number % 5}"}


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def chain_of(source: Path) -> tuple[int, str]:
    """How many records the files of a folder have, and the hash of all of them in order, computed apart."""
    count, found = 0, ""
    for path in sorted(source.iterdir()):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if not line.strip():
                continue
            place = f"{path.name} line {number}"
            try:
                row: Any = json.loads(line)
            except ValueError as error:
                assert isinstance(error, json.JSONDecodeError)
                row = f"The file '{path.name}' has no JSON in line {number} ({error.msg}); mend it."
            text = json.dumps([place, row], sort_keys=True)
            count, found = count + 1, hashlib.sha256(f"{found}{text}".encode()).hexdigest()
    return count, found


def test_a_cursor_gives_what_comes_behind_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mmzoo"), "propagate", True)
    write(tmp_path / "a.jsonl", [{"x": 1}, "", {"x": 2}, "bad", {"x": 3}])
    (tmp_path / "b.csv").write_text('x;y\n1;"a;b"\n2;ä\n3')
    (tmp_path / ".hidden.jsonl").write_text('{"x": 0}\n')
    (tmp_path / "notes.txt").write_text("nothing\n")
    found = [each for each in Folder(tmp_path).records({}) if each]
    assert [each.row for each in found if isinstance(each.row, dict)] == [
        *({"x": k} for k in (1, 2, 3)),
        {"x": "1", "y": "a;b"},
        {"x": "2", "y": "ä"},
    ]
    assert found[2].place == "a.jsonl line 4"
    assert "The file 'b.csv': its last line has no end yet" in caplog.text
    for place, each in enumerate(found):
        rest = Folder(tmp_path).records(json.loads(json.dumps(each.cursor)))
        assert list(map(str, rest)) == list(map(str, found[place + 1 :]))
    # A line that is not ended yet is taken once it is; a name that was passed is not taken any more.
    growing = Folder(tmp_path)
    with (tmp_path / "b.csv").open("a") as file:
        file.write(";c\n4;d\n")
    write(tmp_path / "aa.jsonl", [{"x": 9}])
    write(tmp_path / "c.jsonl", [{"x": 5}])
    more = [each.row for each in growing.records(found[-1].cursor) if each]
    assert more == [{"x": "3", "y": "c"}, {"x": "4", "y": "d"}, {"x": 5}]
    with pytest.raises(MMZooError, match="of no folder"):  # of a stranger's checkpoint
        list(Folder(tmp_path).records({"file": "../outside.jsonl", "offset": 0, "line": 0}))
    (tmp_path / "b.csv").write_text("x;y\n")
    with pytest.raises(MMZooError, match="shorter"):
        list(Folder(tmp_path).records(found[-1].cursor))


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="There is no folder"):
        Folder(tmp_path / "nowhere")
    with pytest.raises(MMZooError, match="Nothing came"):
        mmzoo.stream(tmp_path, "kind", out=tmp_path / "run")
    with pytest.raises(MMZooError, match="label"):
        mmzoo.stream(tmp_path, out=tmp_path / "run")
    (tmp_path / "link.jsonl").symlink_to(write(tmp_path.parent / "outside.jsonl", [{"x": 1}]))
    with pytest.raises(MMZooError, match="link"):
        list(Folder(tmp_path).records({}))


def test_standard_input_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(logging.getLogger("mmzoo"), "propagate", True)
    monkeypatch.setattr(lines, "LONGEST", 40)
    monkeypatch.setattr("mmzoo.data.streams.arriving.POLL", 0.001)
    reading, writing = os.pipe()
    found = StandardInput(reading).records({"line": 1})
    os.write(writing, b'{"x": 1}\n{"x": 2}\n{"x"')
    assert next(found) == Arrived("line 2", {"x": 2}, {"line": 2})
    assert next(found) is None  # nothing new, so that whoever reads may stop
    os.write(writing, b": 3}\n" + b"z" * 1000 + b'\n\n{"x": 4')
    assert next(each for each in found if each) == Arrived("line 3", {"x": 3}, {"line": 3})
    os.close(writing)
    (rest,) = [each for each in found if each]  # the last line breaks off: it is not taken, and comes again
    assert (rest.place, isinstance(rest.row, DataError) and rest.row.cause) == ("line 4", "long_line")
    assert "ended in the middle of line 6" in caplog.text
    os.close(reading)


def test_a_reservoir_is_an_even_sample_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: Counter[int] = Counter()
    for seed in range(100):
        (tmp_path / str(seed)).mkdir()
        kept = Reservoir(tmp_path / str(seed), 5)
        random = np.random.default_rng(seed)
        for number in range(20):
            kept.offer(b"%d\n" % number, random)
        counts.update(int(kept.read(place)) for place in range(5))
        kept.close()
    assert sum(counts.values()) == 500
    assert all(8 <= counts[number] <= 42 for number in range(20))  # 25 are expected, give or take four deviations
    # As a checkpoint knows it, whatever was written behind it, also where the file was written anew.
    monkeypatch.setattr("mmzoo.training.streaming.replay.ROOM", 0)
    kept = Reservoir(tmp_path, 5)
    random = np.random.default_rng(0)
    for number in range(100):
        kept.offer(b"record %d\n" % number, random)
        if number % 10 == 9:
            kept.settle(number)
    facts, arrays = kept.facts, kept.arrays
    wanted = [kept.read(place) for place in range(5)]
    kept.tidy()
    assert len(list(tmp_path.glob("replay-*"))) <= 2
    for number in range(100, 200):
        kept.offer(b"later %d\n" % number, random)
    kept.close()
    again = Reservoir(tmp_path, 5, facts, arrays)
    assert [again.read(place) for place in range(5)] == wanted
    again.close()
    os.truncate(tmp_path / facts["name"], 1)
    with pytest.raises(MMZooError, match="shorter"):
        Reservoir(tmp_path, 5, facts, arrays)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, mmzoo.Run]:
    """A run over a folder with bad lines and a class that comes late, and that folder."""
    home = tmp_path_factory.mktemp("streamed")
    (home / "in").mkdir()
    rows: list[Any] = list(made(600))
    rows[250], rows[401] = '{"kind": "a", "si', "[]"
    rows[300] = {**rows[300], "kind": "d"}
    rows[301] = {**rows[301], "kind": "d"}
    write(home / "in" / "0.jsonl", rows[:350])
    write(home / "in" / "1.jsonl", rows[350:])
    settings = ["training.batch_size=16", "training.learning_rate=0.01", "dim=8"]
    options: Any = {"warm_up": 80, "replay": 50, "every": 100, "on_error": "skip", "new_classes": "grow"}
    return home / "in", mmzoo.stream(home / "in", "kind", out=home / "run", settings=settings, **options)


def test_a_stream_is_learnt(streamed: tuple[Path, mmzoo.Run], capsys: pytest.CaptureFixture[str]) -> None:
    source, run = streamed
    facts = json.loads((run.folder / "stream.json").read_text())
    assert (facts["records"], facts["learnt"], facts["bad"]) == (600, 596, 2)
    assert facts["cursor"]["file"] == "1.jsonl"
    rows = [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]
    assert [row["records"] // 100 for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0]["prequential_accuracy"] < 0.95 < rows[-1]["prequential_accuracy"]
    assert sum(row.get("of_new_classes", 0) for row in rows) == 2
    found = run.predict([{"size": 0.0, "note": "red 1"}, {"size": 2.0, "note": "blue 1"}])
    assert [row["kind_prediction"] for row in found] == ["a", "c"]
    # The same call goes on behind the last record; what is another run is said.
    shared: dict[str, Any] = {"out": run.folder, "warm_up": 80, "replay": 50, "every": 100, "on_error": "skip"}
    shared["new_classes"] = "grow"
    settings = ["training.batch_size=16", "training.learning_rate=0.01", "dim=8"]
    with pytest.raises(MMZooError, match="another settings"):
        mmzoo.stream(source, "kind", **shared)
    grown = mmzoo.Run(run.folder / "grown")  # the class that came late has two records
    assert sorted(grown.spec.tasks[0].answer_names) == ["a", "b", "c", "d"]
    assert [row["kind_prediction"] for row in grown.predict([{"size": 2.0, "note": "blue 1"}])] == ["c"]
    with pytest.raises(MMZooError, match="a stream, which is not kept"):
        run.evaluate()
    result = run.evaluate(write(source.parent / "held.jsonl", [*made(60, 7)]))
    assert result["examples"] == 60
    assert result["metrics"]["accuracy"] > 0.9
    # From here on the columns tell another label.
    write(source / "2.jsonl", [{**row, "kind": "abc"["bca".index(row["kind"])]} for row in made(120, 1)])
    before = (run.folder / "grown" / "spec.json").stat().st_mtime_ns
    mmzoo.stream(source, "kind", settings=settings, **shared)
    assert (run.folder / "grown" / "spec.json").stat().st_mtime_ns > before  # with the sample of today
    again = json.loads((run.folder / "stream.json").read_text())
    assert (again["records"], again["learnt"]) == (720, 716)
    assert "answers have become worse" in capsys.readouterr().out
    assert json.loads((run.folder / "history.jsonl").read_text().splitlines()[-1])["drifts"] >= 1
    plain = json.loads((run.folder / "run.json").read_text())
    assert plain["stream"]["label"] == "kind"


def test_what_was_learnt_must_be_given_again() -> None:
    """Where a source begins with its first record again: other records, or fewer, are told and not passed over."""
    rows = list(made(8))
    taken = Taken(records=5)
    for each in islice(Given(rows).records({}), 5):
        assert each is not None
        taken.sha256 = chained(taken.sha256, each)
    assert [each.place for each in behind(Given(rows), taken) if each] == ["row 5", "row 6", "row 7"]
    assert not [*behind(Given(rows[:5]), taken)], "nothing is new"
    with pytest.raises(MMZooError, match="first 5 records are not those that were learnt before; give the same"):
        [*behind(Given([*rows[:2], *rows[3:]]), taken)]
    with pytest.raises(MMZooError, match="Only 3 records came, and 5 were learnt before; give the same"):
        [*behind(Given(rows[:3]), taken)]


def test_bad_input_of_a_stream(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """Each ends in a sentence, and a new class where that is asked for."""
    rows: list[Any] = list(made(120))
    rows[100] = {**rows[100], "kind": "late"}
    source = write(tmp_path / "in.jsonl", rows)
    small = ["--set", "dim=8", "--set", "training.batch_size=16", "--warm-up", "60"]
    command = ["train", str(source), "--label", "kind", "--stream", *small]
    assert main([*command, "--out", str(tmp_path / "a"), "--new-classes", "stop"]) == 2
    assert "A class is new in in.jsonl line 101: " in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "b"), "--epochs", "3"]) == 2
    assert "A stream has no epochs" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "c"), "--set", "training.schedule=cosine"]) == 2
    assert "--steps" in capsys.readouterr().err
    source = write(tmp_path / "bad.jsonl", [*rows[:70], '{"size": ', *rows[70:]])
    command[1] = str(source)
    assert main([*command, "--out", str(tmp_path / "d")]) == 2
    assert "has no JSON in line 71" in capsys.readouterr().err


def test_paths_are_below_the_folder_and_cuts_are_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mmzoo"), "propagate", True)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # a clock that stands still, or jumps, is asked for nothing
    source, random = tmp_path / "in", np.random.default_rng(0)
    (source / "files").mkdir(parents=True)
    rows = []
    for number in range(60):
        kind = "ab"[number % 2]
        np.save(source / "files" / f"{number}.npy", (random.normal(size=(32, 1)) + 3 * (kind == "a")).astype("f4"))
        note = "word " * (12 if number >= 30 else 2)
        rows.append({"kind": kind, "wave": f"files/{number}.npy", "note": f"{note}{number}"})
    write(source / "0.jsonl", rows)
    spec = mmzoo.Spec(
        [mmzoo.Sensor("wave", steps=32), mmzoo.Text("note", max_bytes=32)],
        "concat",
        [mmzoo.Classification("kind", labels=("a", "b"))],
        dim=8,
    )
    run = mmzoo.stream(source, spec=spec, out=tmp_path / "run", warm_up=20, settings=["training.batch_size=16"])
    assert json.loads((run.folder / "stream.json").read_text())["learnt"] == 60
    cut = [record.getMessage() for record in dict.fromkeys(caplog.records) if "32 bytes" in record.getMessage()]
    assert len(cut) == 1, cut


def killed(home: Path, chains: list[str]) -> None:
    """What was killed is in the end what was not, to the byte, and has taken every record once."""
    source = home / "in"
    source.mkdir()
    rows: list[Any] = [{"kind": row["kind"], "size": row["size"]} for row in made(200)]
    rows[140] = '{"kind": "a", "si'
    write(source / "0.jsonl", rows[:150])
    write(source / "1.jsonl", rows[150:])
    command = [sys.executable, "tests/streaming/stream_kills.py", str(source), str(home), "0", *chains]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    unbroken = home / "0"
    facts = json.loads((unbroken / "stream.json").read_text())
    assert (facts["records"], facts["sha256"]) == chain_of(source)
    for moments in chains:
        assert f"killed at {moments}" in done.stdout, done.stdout
        for name in ("stream.json", "model/weights.safetensors", "spec.json"):
            assert (home / moments / name).read_bytes() == (unbroken / name).read_bytes(), (moments, name)


@pytest.mark.long
def test_killed_three_times_all_is_taken_once(tmp_path: Path) -> None:
    killed(tmp_path, ["2,19,12"])


@pytest.mark.long
def test_killed_thirty_times_all_is_taken_once(tmp_path: Path) -> None:
    killed(tmp_path, [f"{k},{k + 10},{k + 3}" for k in range(1, 11)])


@pytest.mark.long
def test_memory_is_flat(tmp_path: Path) -> None:
    """A hundred thousand records take no more than ten thousand do."""
    import resource

    def peak(count: int, name: str) -> int:
        settings = ["training.batch_size=128", "dim=8"]
        mmzoo.stream(lambda: made(count), "kind", out=tmp_path / name, replay=500, settings=settings)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    first = peak(10_000, "first")
    assert peak(100_000, "second") - first < 60_000  # kilobytes; a second model and its graphs are among them


def test_records_of_python(tmp_path: Path) -> None:
    found = list(Given([{"x": 1}, 7]).records({"record": 1}))
    assert isinstance(found[0], Arrived)
    assert found[0].cursor == {"record": 2}
    assert isinstance(found[0].row, DataError)
