"""The answers to a table: those of single records, to the byte the same after a kill, and said where they cannot be."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.answers.formats import write_rows
from mmzoo.answers.part import PartFile
from mmzoo.cli import main
from mmzoo.data.guess import load_table
from mmzoo.data.layout import Layout
from mmzoo.data.options import Options
from mmzoo.data.rereading import Reread
from mmzoo.errors import MMZooError

ROOT = Path(__file__).parent.parent
KINDS = ("cat", "dog", "bird")


def write_table(path: Path, count: int, seed: int = 0, **changes: Callable[[int], object]) -> Path:
    """A table whose three inputs tell the label."""
    random = np.random.default_rng(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = ["species", "Weight in kg", "colour", "Note", *(name for name in changes if name == "extra")]
        writer.writerow(columns)
        for k in range(count):
            kind = int(random.integers(3))
            row: dict[str, object] = {
                "species": KINDS[kind],
                "Weight in kg": round(10 * kind + random.normal(), 3),
                "colour": "rgb"[kind],
                "Note": f"it says {('miaow', 'wuff', 'tweet')[kind]} {k} times today",
            }
            row |= {name: change(k) for name, change in changes.items()}
            writer.writerow([row[name] for name in columns])
    return path


@pytest.fixture(scope="module")
def run(loaded_once: None, tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """A run on such a table, evaluated."""
    home = tmp_path_factory.mktemp("answers")
    table = write_table(home / "train.csv", 240)
    name = f"{table}#species?kind.Note=text"
    spec, splits = load_table(name)
    towers = {"note": mmzoo.Tower("embedding_mean")}
    inputs = [
        item if item.name not in towers else mmzoo.Text("note", tokens=8, max_bytes=48, tower=towers["note"])
        for item in spec.inputs
    ]
    spec = mmzoo.Spec(inputs, "concat", spec.tasks, dim=16)
    training = mmzoo.Training(epochs=8, batch_size=16, learning_rate=1e-2)
    run = mmzoo.train(spec, *splits[:2], training=training, out=home / "run", data=name)
    run.evaluate()
    return mmzoo.Run(run.folder)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of few records."""
    monkeypatch.setattr("mmzoo.answers.table.MOST", 16)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def record_of(row: dict[str, str]) -> dict[str, Any]:
    return {"note": row["Note"], "row": {"Weight in kg": row["Weight in kg"], "colour": row["colour"]}}


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    found = capsys.readouterr()
    return code, found.out, found.err


@pytest.mark.usefixtures("small")
def test_a_table_is_answered_as_its_records_are(run: mmzoo.Run, tmp_path: Path, capsys: Any) -> None:
    table = write_table(tmp_path / "new.csv", 50, 1)
    out = tmp_path / "answers.csv"
    code, said, err = ask(capsys, "predict", run.folder, table, "--out", out, "--columns", "Note,colour")
    assert code == 0, err
    assert f"{out}: 50 answers in" in said
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
    found, rows = rows_of(out), rows_of(table)
    assert len(found) == 50
    labels = [f"species_p_{label}" for label in sorted(KINDS)]
    start = ["id", "Note", "colour", "species_prediction", "species_confidence", "species_set"]
    assert list(found[0]) == [*start, *labels, "inputs", "error"]
    for k in (0, 15, 16, 49):
        wanted = run.predict(record_of(rows[k]))["species"]
        assert found[k]["id"] == f"line {k + 2}"
        assert found[k]["Note"] == rows[k]["Note"]
        assert found[k]["species_prediction"] == max(wanted, key=wanted.__getitem__)
        assert float(found[k]["species_confidence"]) == pytest.approx(max(wanted.values()), abs=1e-4)
        for label, share in wanted.items():
            assert float(found[k][f"species_p_{label}"]) == pytest.approx(share, abs=1e-4)
        assert found[k]["inputs"] == "note+row"
        assert found[k]["error"] == ""


@pytest.mark.usefixtures("small")
def test_sets_hold_what_the_thresholds_of_their_inputs_say(run: mmzoo.Run, tmp_path: Path) -> None:
    kept = json.loads((run.folder / "conformal.json").read_text())
    table = write_table(tmp_path / "new.csv", 200, 1, Note=lambda k: "" if k % 2 else f"wuff {k}")
    rows = run.predict(table)
    for row in rows:
        limit = kept["tasks"]["species"][row["inputs"]]
        for label in KINDS:
            over = 1 - row[f"species_p_{label}"] - limit[0]
            wanted = over <= 0 or label == row["species_prediction"]
            assert (label in row["species_set"]) == wanted or abs(over) < 1e-5
    assert {row["inputs"] for row in rows} == {"row", "note+row"}
    # The thresholds by hand, from the validation records that have the inputs of the subset.
    validation = run.records("validation")
    scores = np.sort([1 - run.predict({"row": each["row"]})["species"][each["species"]] for each in validation])
    place = int(np.ceil((len(scores) + 1) * 0.9))
    assert kept["tasks"]["species"]["row"][0] == pytest.approx(scores[place - 1], abs=1e-5)


def test_columns_may_be_missing_moved_and_written_otherwise(run: mmzoo.Run, tmp_path: Path, capsys: Any) -> None:
    table = write_table(tmp_path / "new.csv", 20, 1, extra=lambda k: f"more {k}")
    whole = run.predict(table)
    rows = rows_of(table)
    other = tmp_path / "other.jsonl"
    moved = [
        {"extra": row["extra"], "note": row["Note"], "COLOUR": row["colour"], "weight_in_kg": row["Weight in kg"]}
        for row in rows
    ]
    other.write_text("\n".join(map(json.dumps, moved)), "utf-8")
    assert run.predict(other) == [{**row, "id": f"line {k + 1}"} for k, row in enumerate(whole)]
    less = [{"colour": row["colour"]} for row in rows]
    found = run.predict(less)
    assert {row["inputs"] for row in found} == {"row"}
    wanted = run.predict({"row": {"colour": rows[3]["colour"]}})["species"]
    assert found[3]["species_p_dog"] == pytest.approx(wanted["dog"], abs=1e-5)
    assert run.predict([{"note": row["Note"]} for row in rows])[0]["inputs"] == "note"
    code, _, err = ask(capsys, "predict", run.folder, other, "--out", tmp_path / "a.csv", "--columns", "colour")
    assert (code, "called 'colour'" in err) == (2, True)
    strange = tmp_path / "strange.csv"
    strange.write_text("a,b\n1,2\n", "utf-8")
    code, _, err = ask(capsys, "predict", run.folder, strange, "--out", tmp_path / "a.csv")
    assert code == 2
    assert "has none of the columns that the model reads (Note, Weight in kg, colour), but a, b" in err
    numbers = write_table(tmp_path / "words.csv", 20, 1, **{"Weight in kg": lambda k: f"heavy {k}"})
    code, _, err = ask(capsys, "predict", run.folder, numbers, "--out", tmp_path / "a.csv")
    assert code == 2
    assert "Column 'Weight in kg' has 'heavy 0' in line 2, where a number should be" in err
    code, _, err = ask(capsys, "predict", run.folder, table, "--out", tmp_path / "a.csv", "--kind", "Note=category")
    assert "Column 'Note' is text to this model" in err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.usefixtures("small")
def test_records_that_cannot_be_used(run: mmzoo.Run, tmp_path: Path, capsys: Any) -> None:
    table = write_table(
        tmp_path / "new.csv", 100, 1, **{"Weight in kg": lambda k: "heavy" if k in (7, 50) else float(k % 20)}
    )
    out = tmp_path / "answers.jsonl"
    command = ["predict", run.folder, table, "--out", out]
    code, _, err = ask(capsys, *command)
    assert (code, "Record 'line 9'" in err) == (2, True)
    code, said, err = ask(capsys, *command, "--on-error", "skip")
    assert code == 2
    assert "2 of" in err
    assert "over the budget of 1.00%" in err
    code, said, err = ask(capsys, *command, "--on-error", "skip", "--budget", "0.02")
    assert code == 0, err
    assert "2 of 100 records have something that cannot be used (left out)" in said
    assert "bad_number: line 9, line 52" in said
    skipped = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(skipped) == 100
    assert skipped[7]["species_prediction"] is None
    assert "'heavy' in line 9" in skipped[7]["error"]
    assert skipped[8]["error"] is None
    code, said, err = ask(capsys, *command, "--on-error", "mask", "--budget", "0.02", "--overwrite")
    assert code == 0, err
    masked = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert masked[7]["species_prediction"] in KINDS
    assert masked[7]["inputs"] == "note+row"
    assert "'heavy' in line 9" in masked[7]["error"]
    row = rows_of(table)[7]
    wanted = run.predict({"note": row["Note"], "row": {"colour": row["colour"]}})["species"]
    assert masked[7]["species_p_cat"] == pytest.approx(wanted["cat"], abs=1e-5)


def test_a_run_remembers_every_column_that_it_reads(tmp_path: Path) -> None:
    """Also of kinds that are yet to come: a column that is not remembered would be missing without a word."""
    path = tmp_path / "t.jsonl"
    rows = [
        {
            "label": KINDS[k % 3],
            "number": k + 0.5,
            "category": "xy"[k % 2],
            "day": f"2024-01-{k % 28 + 1:02d}",
            "genres": ["Drama, Crime", "Drama", "Comedy, Crime"][k % 3],
            **{f"text {n}": f"some words of number {k} in {n}" for n in range(5)},
        }
        for k in range(90)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    table = mmzoo.read_table(path)
    spec, records = mmzoo.table_spec(table, "label")
    assert records.layout is not None
    assert records.layout.kinds == {
        column: kind for column, kind in table.kinds.items() if kind != "ignore" and column != "label"
    }
    assert records.layout == Layout.from_json(json.loads(json.dumps(records.layout.to_json())), spec)
    again = Reread(spec, records.layout)
    (piece,) = again.pieces(path, 1000)
    for name in spec.input_names:
        assert list(piece.records.column(name)) == list(records.column(name))


def test_a_record_of_nothing(run: mmzoo.Run) -> None:
    records = [{"Note": "wuff"}, {"Note": ""}]
    with pytest.raises(MMZooError, match="Record 'row 1': It has none of the inputs"):
        run.predict(records)
    found = run.predict(records, on_error="skip", budget=1)
    assert "none of the inputs" in found[1]["error"]
    assert found[1]["species_p_cat"] is None


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
        patch.setitem(mmzoo.answers.formats.WRITERS, ".csv", full)  # type: ignore[attr-defined]
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


def test_shares_are_those_of_an_explanation(run: mmzoo.Run, tmp_path: Path) -> None:
    table = write_table(tmp_path / "new.csv", 30, 1, Note=lambda k: "" if k == 4 else f"wuff {k}")
    rows = run.predict(table, explain=True)
    for k, row in enumerate(rows_of(table)):
        if k in (0, 4, 29):
            record = record_of(row) if row["Note"] else {"row": record_of(row)["row"]}
            wanted = run.explain(record, inside=False)
            assert wanted.target.label == rows[k]["species_prediction"]
            for name, share in wanted.shares["probability"].items():
                assert rows[k][f"species_share_{name}"] == pytest.approx(share, abs=1e-5)


def test_frames_give_frames(run: mmzoo.Run, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    table = write_table(tmp_path / "new.csv", 20, 1)
    rows = run.predict(table)
    frame = pandas.read_csv(table, index_col=False)
    frame.index = [f"i{k}" for k in range(20)]
    found = run.predict(frame.drop(columns="species"))
    assert list(found.index) == list(frame.index)
    assert found["species_p_cat"].tolist() == pytest.approx([row["species_p_cat"] for row in rows])
    other = run.predict(polars.read_csv(table))
    assert other["species_prediction"].to_list() == [row["species_prediction"] for row in rows]
    one = run.predict(frame.iloc[3])
    assert one["species"]["cat"] == pytest.approx(rows[3]["species_p_cat"], abs=1e-5)
    assert run.predict(polars.read_csv(table).row(3, named=True)) == one
    explained = run.explain(frame.iloc[3], inside=False)
    assert explained.target.label == rows[3]["species_prediction"]
    assert run.explain(frame.iloc[3:4], inside=False).shares == explained.shares
    with pytest.raises(MMZooError, match="not DataFrame of 20 rows"):
        run.explain(frame)
    with pytest.raises(MMZooError, match="no input 'nam'"):
        run.predict({"nam": "x"})


def test_a_table_with_labels_is_evaluated(run: mmzoo.Run, tmp_path: Path, capsys: Any) -> None:
    table = write_table(tmp_path / "test.csv", 60, 5)
    code, out, err = ask(capsys, "evaluate", run.folder, table)
    assert code == 0, err
    assert "test.csv: 60 examples" in out
    found, rows = rows_of(run.folder / "answers.csv"), rows_of(table)
    assert [row["species"] for row in found] == [row["species"] for row in rows]
    right = np.mean([row["species"] == row["species_prediction"] for row in found])
    assert json.loads((run.folder / "metrics.json").read_text())["metrics"]["accuracy"] == pytest.approx(right)
    assert 'href="answers.csv"' in (run.folder / "report.html").read_text("utf-8")
    bad = write_table(tmp_path / "bad.csv", 60, 5, species=lambda k: "cow" if k == 3 else KINDS[k % 3])
    code, _, err = ask(capsys, "evaluate", run.folder, bad)
    assert (code, "called 'cow'" in err) == (2, True)
    code, out, err = ask(capsys, "evaluate", run.folder, bad, "--on-error", "skip", "--budget", "0.1")
    assert code == 0, err
    assert "bad.csv: 59 examples" in out
    unlabelled = tmp_path / "un.csv"
    unlabelled.write_text("Note\nwuff\n", "utf-8")
    code, _, err = ask(capsys, "evaluate", run.folder, unlabelled)
    assert "no column 'species', which has the labels of task 'species'" in err
    run.evaluate()


def test_a_strangers_run_does_not_say_which_folders_are_read(run: mmzoo.Run, tmp_path: Path) -> None:
    import shutil

    other = Path(shutil.copytree(run.folder, tmp_path / "other"))
    settings = json.loads((other / "run.json").read_text())
    settings["data"] = f"{settings['data']}&root=%2F&allow_outside=1"
    (other / "run.json").write_text(json.dumps(settings))
    options = mmzoo.Run(other).reading().options
    assert (options.root, options.allow_outside) == ("", False)
    assert options.kinds == {"Note": "text"}


def test_a_cell_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    rows = [{"id": "=1+1", "note": "-5", "labels": ["=a"]}, {"id": "@x", "note": "- x", "labels": None}]
    for ending in (".csv", ".jsonl"):
        count = write_rows(tmp_path / f"a{ending}", ["id", "note", "labels"], lambda: [rows])
        assert count == (3 if ending == ".csv" else 0)
    found = rows_of(tmp_path / "a.csv")
    assert [list(row.values()) for row in found] == [["'=1+1", "-5", '["=a"]'], ["'@x", "'- x", ""]]
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == rows


def test_numbers_have_ranges(tmp_path: Path) -> None:
    random = np.random.default_rng(0)

    def records(count: int) -> mmzoo.Records:
        x = random.normal(size=count)
        return mmzoo.Records({"row": [{"x": float(v)} for v in x], "y": [float(2 * v) for v in x]})

    spec = mmzoo.Spec([mmzoo.Tabular("row", numbers=["x"])], "concat", [mmzoo.Regression("y")], dim=8)
    run = mmzoo.train(spec, records(64), records(32), training=mmzoo.Training(epochs=1), out=tmp_path / "run")
    rows = run.predict([{"x": 0.5}])
    assert list(rows[0]) == ["id", "y_prediction", "inputs", "error"], "nothing is promised before an evaluation"
    run.evaluate(records(20), validation=records(32))
    half = json.loads((tmp_path / "run" / "conformal.json").read_text())["tasks"]["y"]["row"][0]
    (row,) = run.predict([{"x": 0.5}])
    assert row["y_high"] - row["y_prediction"] == pytest.approx(half, rel=1e-3)
    assert row["y_prediction"] - row["y_low"] == pytest.approx(half, rel=1e-3)


def test_labels_that_people_wrote_are_read_as_in_training(tmp_path: Path) -> None:
    prices = [1000.5 + 10 * k for k in range(40)]
    written = [f"{price:,.2f} €".replace(",", " ").replace(".", ",").replace(" ", ".", 1) for price in prices]
    rows = [{"rooms": f"{k % 7},5", "price": text} for k, text in enumerate(written)]
    spec, records = mmzoo.table_spec(mmzoo.read_table(rows), "price")
    assert records.column("price") == prices
    layout = Layout.from_json(json.loads(json.dumps(records.layout.to_json())), spec)

    def read(new: list[dict[str, Any]], **kinds: str) -> Any:
        (piece,) = Reread(spec, layout, Options(kinds), labels=True).pieces(new, 100)
        return piece.records

    assert list(read(rows).column("price")) == prices
    assert list(read([{"rooms": 1.5, "price": 1.234}]).column("price")) == [1.234], "a number is no text"
    other = [{"rooms": "2.25", "price": "1250.5"}]
    for name, fault in (("price", read(other)[0]["price"]), ("rooms", read(other)[0]["row"]["rooms"])):
        assert f"--kind {name}=number:" in str(fault)
    told = read(other, price="number:.", rooms="number:.")[0]
    assert (told["price"], told["row"]["rooms"]) == (1250.5, 2.25)
