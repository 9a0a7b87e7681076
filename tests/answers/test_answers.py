"""The answers to a table: those of single records, and said where they cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.answers.written.formats import write_rows
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options
from mmzoo.errors import MMZooError
from tests.answers.case import KINDS, ask, record_of, rows_of, write_table


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
    run = mmzoo.Run(shutil.copytree(run.folder, tmp_path / "run"))
    table, own = write_table(tmp_path / "test.csv", 60, 5), (run.folder / "metrics.json").read_bytes()
    code, out, err = ask(capsys, "evaluate", run.folder, table)
    assert code == 0, err
    assert "test.csv: 60 examples" in out
    place = run.folder / "tables" / "test.csv"
    assert str(place / "report.html") in out
    assert (run.folder / "metrics.json").read_bytes() == own  # of its own test records
    found, rows = rows_of(place / "answers.csv"), rows_of(table)
    assert [row["species"] for row in found] == [row["species"] for row in rows]
    right = np.mean([row["species"] == row["species_prediction"] for row in found])
    assert json.loads((place / "metrics.json").read_text())["metrics"]["accuracy"] == pytest.approx(right)
    assert 'href="answers.csv"' in (place / "report.html").read_text("utf-8")
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


def test_a_strangers_run_does_not_say_which_folders_are_read(run: mmzoo.Run, tmp_path: Path) -> None:
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
