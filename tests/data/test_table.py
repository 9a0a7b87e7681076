"""From a table and files on a disk to a trained model: reading, guessing, splitting, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data import guess
from mmzoo.data.guess import load_table
from mmzoo.data.sources import open_table
from mmzoo.errors import MMZooError

COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty records: a picture, a sound, a text, a number and a category each; some cells are empty."""
    rng = np.random.default_rng(0)
    lines = ["photo,noise,note,weight,shop,colour"]
    for k in range(60):
        colour = "red" if k % 2 else "blue"
        pixels = np.clip(np.array(COLOURS[colour]) + rng.integers(-20, 20, (24, 24, 3)), 0, 255).astype(np.uint8)
        Pillow.fromarray(pixels).save(tmp_path / f"{k}.png")
        tone = np.sin(np.arange(8000) * (0.2 if k % 2 else 0.6)) * 0.3
        soundfile.write(tmp_path / f"{k}.wav", tone, 16000)
        note = f'"a {colour} thing, the {k}th"'
        lines.append(f"{k}.png,{k}.wav,{note if k % 5 else ''},{k / 10},{'north' if k % 3 else 'south'},{colour}")
    (tmp_path / "things.csv").write_text("\n".join(lines))
    return tmp_path


def test_kinds_are_guessed_and_can_be_overruled(folder: Path) -> None:
    table = mmzoo.read_table(folder / "things.csv")
    assert table.kinds == {
        "photo": "image",
        "noise": "audio",
        "note": "text",
        "weight": "number",
        "shop": "category",
        "colour": "category",
    }
    assert table.columns["note"][0] is None
    assert table.columns["weight"][7] == 0.7
    assert Path(table.columns["photo"][3]) == folder / "3.png"
    assert mmzoo.read_table(folder / "things.csv", kinds={"weight": "ignore"}).kinds["weight"] == "ignore"


def test_every_format_gives_the_same(folder: Path) -> None:
    wanted = mmzoo.read_table(folder / "things.csv")
    rows = [{key: value for key, value in row.items() if value is not None} for row in wanted]
    for row in rows:
        row["photo"], row["noise"] = Path(row["photo"]).name, Path(row["noise"]).name
    (folder / "things.jsonl").write_text("\n".join(map(json.dumps, rows)))
    tabs = ["\t".join(rows[1]), *("\t".join(str(row.get(key, "")) for key in rows[1]) for row in rows)]
    (folder / "things.tsv").write_text("\n".join(tabs))
    for name in ("things.jsonl", "things.tsv"):
        found = mmzoo.read_table(folder / name)
        assert found.kinds == wanted.kinds
        assert {key: list(column) for key, column in found.columns.items()} == wanted.columns
    pandas = pytest.importorskip("pandas")
    frame = mmzoo.read_table(pandas.read_csv(folder / "things.csv"), root=folder)
    assert frame.kinds == wanted.kinds
    assert frame.columns == wanted.columns


def test_a_spec_for_it(folder: Path) -> None:
    table = mmzoo.read_table(folder / "things.csv")
    spec, records = mmzoo.table_spec(table, "colour")
    assert [(item.name, item.kind) for item in spec.inputs] == [
        ("photo", "image"),
        ("noise", "audio"),
        ("note", "text"),
        ("row", "tabular"),
    ]
    assert spec.tasks == (mmzoo.Binary("colour", labels=("blue", "red")),)
    assert spec.inputs[1].seconds == 0.5
    assert records[1]["row"] == {"weight": 0.1, "shop": "north"}
    assert mmzoo.table_spec(table, "weight")[0].tasks == (mmzoo.Regression("weight"),)


def test_several_labels_are_several_tasks(folder: Path) -> None:
    """None of them is an input, each is a column of the records, and records that differ in a label alone are alike."""
    table = mmzoo.read_table(folder / "things.csv", kinds={"photo": "ignore", "noise": "ignore"})
    spec, records = mmzoo.table_spec(table, "colour, weight")
    assert spec.tasks == (mmzoo.Binary("colour", labels=("blue", "red")), mmzoo.Regression("weight"))
    assert [item.name for item in spec.inputs] == ["note", "row"]
    assert records[1]["row"] == {"shop": "north"}
    assert (records[1]["colour"], records[1]["weight"]) == ("red", 0.1)
    for words, more in (("called 'wait'. Did you mean 'weight'", {"label": "colour,wait"}), ("single label", {})):
        with pytest.raises(MMZooError, match=words):
            mmzoo.table_spec(table, **{"label": "colour,weight", "task": "classification", **more})
    lines = ["note,colour,weight", *(f"thing {k // 2},{'ab'[k // 2 % 2]},{k}" for k in range(80))]
    (folder / "pairs.csv").write_text("\n".join(lines))
    _, parts = load_table(folder / "pairs.csv", "colour,weight")
    notes = [{row["note"] for row in part.column("row")} for part in parts]
    assert not (notes[0] & notes[1] or notes[0] & notes[2] or notes[1] & notes[2])


def test_splits(folder: Path) -> None:
    _, parts = load_table(folder / "things.csv", "colour")
    ids = [set(part.ids) for part in parts]
    assert sum(map(len, ids)) == len(set.union(*ids)) == 60
    text = (folder / "things.csv").read_text()
    (folder / "more.csv").write_text(text + "\n" + text.splitlines()[1].replace("blue", "red"))
    _, later = load_table(folder / "more.csv", "colour")
    for before, after in zip(parts, later, strict=True):
        assert set(before.ids) <= set(after.ids), "a record changed sides"
    lines = text.splitlines()
    names = ["split", *(["train", "validation", "test"] * 20)]
    (folder / "told.csv").write_text("\n".join(f"{line},{name}" for line, name in zip(lines, names, strict=True)))
    assert [len(part) for part in load_table(folder / "told.csv", "colour")[1]] == [20, 20, 20]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "x,y\n", "has no records"),
        ("a.csv", "", "is empty"),
        ("a.doc", "x", "must end in .csv"),
        ("a.csv", "x,y\n1,2,3\n", "another number of fields in line 2"),
        ("a.csv", "x,y\n1\n", "another number of fields in line 2"),
        ("a.jsonl", '{"x": 1}\n{"x"\n', "no JSON in line 2"),
        ("a.csv", "x,y\n../../etc/a.png,1\n", "leads out of"),
        ("a.csv", "x,y\n/etc/a.png,1\n", "leads out of"),
    ],
)
def test_bad_tables(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MMZooError, match=words) as caught:
        mmzoo.read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": "color"}, "no column for the label called 'color'. Did you mean 'colour'"),
        ({"label": "note"}, "different values in"),
        ({"kinds": {"wait": "text"}}, "Did you mean 'weight'"),
        ({"kinds": {"weight": "txt"}}, "Did you mean 'text'"),
        ({"kinds": {"shop": "number"}}, "Column 'shop' has 'south' in line 2, where a number should be"),
    ],
)
def test_bad_questions(folder: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        table = mmzoo.read_table(folder / "things.csv", kinds=change.get("kinds"))
        mmzoo.table_spec(table, change.get("label", "colour"))


@pytest.mark.long
def test_from_files_to_a_phone(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command trains, and reads the table once; its run is evaluated, exported and asked as any other."""
    reads: list[str] = []
    monkeypatch.setattr(guess, "open_table", lambda name: reads.append(name.path) or open_table(name))
    run = str(tmp_path / "run")
    small = ["photo.tower=small_cnn", "note.tower=embedding_attention", "photo.size=24"]
    options = [part for setting in small for part in ("--set", setting)]
    table = str(folder / "things.csv")
    assert main(["train", table, "--label", "colour", "--out", run, "--epochs", "12", *options]) == 0
    assert "photo: image" in capsys.readouterr().out
    assert reads == [table]
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert found["metrics"]["accuracy"] > 0.9
    assert main(["export", run, "--format", "tflite"]) == 0
    assert main(["predict", run, "--json", "--image", str(folder / "1.png"), "--input", 'row={"weight": 1}']) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["colour"]["red"] > 0.5
