"""What a column is: most of its cells decide, odd ones are named and counted, words for nothing are missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data.faults import Faults, usable
from mmzoo.data.kinds import files, guess, looks_like_path
from mmzoo.data.names import input_names
from mmzoo.data.table import Table
from mmzoo.datasets import open_source
from mmzoo.errors import DataError, MMZooError
from mmzoo.modalities.tabular.cells import number_of, says_nothing, text_of


def read(folder: Path, cells: list[str], **options: Any) -> Table:
    lines = [json.dumps({"x": cell, "y": "ab"[k % 2]}) for k, cell in enumerate(cells)]
    (folder / "t.jsonl").write_text("\n".join(lines), "utf-8")
    return mmzoo.read_table(folder / "t.jsonl", **options)


PATHS = [f"img/{'cat' if k % 2 else 'dog'}_{k}.jpg" for k in range(100)]
NUMBERS = [f"{k}.5" for k in range(100)]
CATEGORIES = [f"{'red' if k % 2 else 'blue'}" for k in range(100)]
TEXTS = [f"the {k}th of a hundred sentences" for k in range(100)]
COLUMNS = {"image": PATHS, "number": NUMBERS, "category": CATEGORIES, "text": TEXTS}


@pytest.mark.parametrize(
    "word", ["", " ", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "-", "--", "?", "\t"]
)
@pytest.mark.parametrize("kind", COLUMNS)
def test_words_for_nothing_are_missing_and_said(tmp_path: Path, kind: str, word: str) -> None:
    table = read(tmp_path, [word, *COLUMNS[kind][1:]])
    assert table.kinds["x"] == kind
    assert table.columns["x"][0] is None
    assert ("1 cell says nothing" in table.notes.get("x", "")) == bool(word.strip())


@pytest.mark.parametrize("ending", sorted({ending for made in files().values() for ending in made.endings}))
def test_endings(tmp_path: Path, ending: str) -> None:
    kind = next(kind for kind, made in files().items() if ending in made.endings)
    cells = [f"a/{k}{ending.upper() if k % 2 else ending} " for k in range(20)]
    assert read(tmp_path, cells).kinds["x"] == kind
    assert Path(read(tmp_path, cells).columns["x"][0]) == tmp_path / f"a/0{ending}"


@pytest.mark.parametrize(
    ("kind", "odd", "cause"),
    [
        ("image", "see the notes", "bad_image"),
        ("image", "7", "bad_image"),
        ("image", "../../secret.png", "bad_path"),
        ("image", "/etc/secret.png", "bad_path"),
        ("image", "https://example.org/a.png", "bad_path"),
        ("image", "a\0b.png", "bad_text"),
        ("image", "loop/a.png", "bad_path"),
        ("image", "long" * 500, "bad_path"),
        ("image", "a.heic", "unread_ending"),
        ("image", ["a.png"], "bad_image"),
        ("number", "abc", "bad_number"),
        ("number", "inf", "bad_number"),
        ("number", "1e999", "bad_number"),
        ("number", "1_0", "bad_number"),
        ("number", "0x10", "bad_number"),
        ("number", "1,23", "bad_number"),
        ("number", "12 kg", "bad_number"),
        ("number", "\u0661\u0662", "bad_number"),
        ("number", 10**400, "bad_number"),
        ("number", -1e39, "bad_number"),
        ("number", True, "bad_number"),
        ("category", ["a"], "bad_category"),
        ("category", {"a": 1}, "bad_category"),
        ("category", "\ud800", "bad_text"),
        ("text", "\ud83d alone", "bad_text"),
        ("text", [1], "bad_text"),
        ("text", "zero\0byte", "bad_text"),
    ],
)
def test_an_odd_cell_is_a_fault_of_its_record(tmp_path: Path, kind: str, odd: Any, cause: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    table = read(tmp_path, [*COLUMNS[kind][:4], odd, *COLUMNS[kind][5:]])
    assert table.kinds["x"] == kind
    fault = table.columns["x"][4]
    assert isinstance(fault, DataError)
    assert fault.cause == cause
    assert "line 5" in str(fault)
    assert "1 cannot be used" in table.notes["x"]
    spec, records = mmzoo.table_spec(table, "y")
    with pytest.raises(DataError, match="Record 'line 5'") as caught:
        usable(spec, records, Faults("error"))
    assert caught.value.cause == cause
    assert "\n" not in str(caught.value)
    if kind == "image":
        return  # there are no files
    faults = Faults("skip")
    assert len(usable(spec, records, faults)) == 99
    assert faults.counts == {cause: 1}


def test_one_bad_cell_of_a_row_masks_that_cell() -> None:
    rows = [{"a": k * k, "b": k * k, "y": "pq"[k % 2]} for k in range(40)]
    rows[3]["a"] = "abc"  # type: ignore[assignment]
    spec, records = mmzoo.table_spec(mmzoo.read_table(rows), "y")
    faults = Faults("mask", 0.1)
    kept = usable(spec, records, faults)
    assert len(kept) == 40
    assert kept[3]["row"] == {"b": 9.0}
    assert faults.counts == {"bad_number": 1}


def test_a_line_that_was_not_understood_is_counted_once(tmp_path: Path) -> None:
    lines = [f"{k},{k},{'ab'[k % 2]}" for k in range(40)]
    lines[5] = "too,few"
    (tmp_path / "t.csv").write_text("p,q,y\n" + "\n".join(lines))
    spec, records = mmzoo.table_spec(mmzoo.read_table(tmp_path / "t.csv"), "y")
    for policy in ("skip", "mask"):
        faults = Faults(policy, 0.1)
        kept = usable(spec, records, faults)
        assert len(kept) == 39
        assert faults.counts["ragged_line"] == 1
        assert len(faults.bad) == 1


@pytest.mark.parametrize(
    ("cells", "kind", "remark"),
    [
        ([f"1,{k}" for k in range(20)], "number", "'1,0' is 1"),
        ([f"{k} kg" for k in range(20)], "number", "'0 kg' is 0"),
        ([f"${k}" for k in range(20)], "number", "'$0' is 0"),
        ([f"{k + 1},{k + 100}" for k in range(20)], "number", "the comma is no decimal mark; else --kind x=number:,"),
        ([f"0{k:04d}" for k in range(18)], "text", "codes"),
        ([f"0{k:04d}" for k in range(20)], "ignore", "it numbers the records; --kind x=text"),
        ([f"tt0{k * k:04d}" for k in range(20)], "ignore", "codes, no two the same; --kind x=text"),
        ([f"{k}" for k in range(20)], "ignore", "it numbers the records; --kind x=number"),
        ([""] * 20, "ignore", "empty"),
        (["same"] * 20, "ignore", "the same in every record"),
        ([f"notes/{k}.txt" for k in range(20)], "text", "look like paths"),
        ([f"C:\\notes\\{k}.doc" for k in range(20)], "text", "look like paths"),
        ([f"{k}.{'png' if k % 2 else 'mp4'}" for k in range(20)], "text", "look like paths"),
        ([f"{k}" if k % 3 else "many" for k in range(20)], "text", "numbers"),
        ([f"2024-01-{k + 1:02d}" for k in range(20)], "date", ""),
        ([f"{k + 1}/2/2024" for k in range(20)], "date", "the day goes first"),
        (
            [f"{k % 12 + 1}/2/2024" for k in range(20)],
            "date",
            "the month goes first, as far as can be seen; else --kind",
        ),
        ([f"202401{k + 10}" for k in range(20)], "date", ""),
        (["a, b", "b, c", "c", "a, c", "a, b, c"] * 5, "multi_category", "with ',' between them"),
        ([f"{k * k}" for k in range(19)] + ["007"], "number", "zeros at the beginning of 1 are dropped"),
        (["yes", "no"] * 10, "category", ""),
        (["see a.png, and/or c.png. Then rest", "b"] * 4, "category", ""),
        (["x" * 90, *["ab"] * 19], "category", ""),
    ],
)
def test_what_is_said_of_a_column(cells: list[str], kind: str, remark: str) -> None:
    found, said, _ = guess([cell or None for cell in cells], "x")
    assert found == kind
    assert remark in said
    assert bool(said) == bool(remark)


def test_a_column_of_files_that_no_decoder_reads(tmp_path: Path) -> None:
    table = read(tmp_path, [f"{k}.heic" for k in range(20)])
    assert table.kinds["x"] == "image"
    with pytest.raises(MMZooError, match=r"'0.heic' in line 1, a kind of file that nothing here reads; convert it"):
        mmzoo.table_spec(table, "y")


def test_told_kinds(tmp_path: Path) -> None:
    table = read(tmp_path, ["None", *TEXTS[1:]], kinds={"x": "text"})
    assert table.columns["x"][0] == "None", "of what is said to be texts a word is one"
    assert read(tmp_path, NUMBERS, kinds={"x": "category"}).columns["x"][3] == "3.5"
    for kind in files():
        with pytest.raises(MMZooError, match="Column 'x' is empty"):
            mmzoo.table_spec(read(tmp_path, [""] * 100, kinds={"x": kind}), "y")
    with pytest.raises(MMZooError, match=r"Column 'x' has 'blue' in line 1, where a number should be.*--kind x=text"):
        read(tmp_path, CATEGORIES, kinds={"x": "number"})


def test_a_path_that_is_told_or_allowed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "img").symlink_to(tmp_path / "disk")
    lines = [f"img/{k}.png,{'ab'[k % 2]}" for k in range(20)]
    (tmp_path / "data" / "t.csv").write_text("x,y\n" + "\n".join(lines))
    with pytest.raises(MMZooError, match=r"leads out of.*--root DIR.*--allow-outside"):
        mmzoo.read_table(tmp_path / "data" / "t.csv")
    for options in ({"allow_outside": True}, {"root": tmp_path, "allow_outside": True}):
        assert mmzoo.read_table(tmp_path / "data" / "t.csv", **options).kinds["x"] == "image"
    found = mmzoo.read_table(tmp_path / "data" / "t.csv", root=tmp_path / "disk")
    assert found.columns["x"][0] == str(tmp_path / "disk" / "img" / "0.png")
    with pytest.raises(MMZooError, match="does not exist; give another --root"):
        mmzoo.read_table(tmp_path / "data" / "t.csv", root=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1.0), (" -1.5e3 ", -1500.0), (".5", 0.5), ("5.", 5.0), (np.int8(3), 3.0), (10**400, float("inf"))]
    + [
        (text, None)
        for text in ("1_0", "inf", "nan", "infinity", "0x1f", "1,5", "\uff11", "\u0661", "1e", "", "- 1", b"1")
    ]
    + [([1], None), (None, None), (np.ones(1), None), (np.array(2), 2.0), (object(), None), (1j, None)],
)
def test_numbers(value: Any, number: float | None) -> None:
    assert number_of(value) == number


def test_texts_and_nothing() -> None:
    assert [text_of(value) for value in (1.0, 1.5, True, " a ", "01", 10**20, float("inf"))] == [
        *("1", "1.5", "True", "a", "01", "1" + "0" * 20, "inf")
    ]
    assert says_nothing("  Null ")
    assert not says_nothing("nothing")
    assert looks_like_path("a b/c.txt") is False
    assert looks_like_path("a/b c.txt") is True


def test_names_of_columns() -> None:
    found = input_names(
        ["文章", "説明", "Größe (cm)", "grosse_cm", "Цена", "2019", "row", "present", "class", "Ä", "a", "_"]
    )
    assert found == {
        "文章": "column_1",
        "説明": "column_2",
        "Größe (cm)": "grosse_cm_2",
        "grosse_cm": "grosse_cm",
        "Цена": "column_5",
        "2019": "column_2019",
        "row": "column_row",
        "present": "column_present",
        "class": "class",
        "Ä": "a_2",
        "a": "a",
        "_": "column_12",
    }
    long = [f"{'very ' * 20}long {k}" for k in range(12)]
    names = list(input_names(long).values())
    assert len(set(names)) == 12
    assert max(map(len, names)) <= 40


@pytest.mark.parametrize("taken", [("row", "present", "fusion"), ("log_variances", "class", "文章"), ("説明", "texts")])
def test_a_table_whose_names_are_taken(taken: tuple[str, ...]) -> None:
    """Every one of these names is a column of texts, beside numbers, which make the input "row"."""
    columns = [*taken, "number"]
    rows = [
        {name: f"{name} says {k}" for name in columns} | {"number": k / 2, "ラベル": "ab"[k % 2]} for k in range(20)
    ]
    spec, records = mmzoo.table_spec(mmzoo.read_table(rows), "ラベル")
    assert len(set(spec.input_names)) == len(columns)
    assert "row" in spec.input_names
    assert records[1][spec.tasks[0].name] == "b"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    lines = ["photo,price,文章,label"]
    for k in range(40):
        Pillow.new("RGB", (16, 16), (k * 6, 0, 0)).save(tmp_path / f"{k}.png")
        lines.append(f"{k}.png,{'NA' if k == 1 else k},text number {k},{'ab'[k % 2]}")
    (tmp_path / "t.csv").write_text("\n".join(lines), "utf-8")
    return tmp_path / "t.csv"


def test_the_check_says_and_counts_it(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = pictures.read_text("utf-8").splitlines()
    lines[3] = lines[3].replace("2.png,2", "2.png,two")
    pictures.write_text("\n".join(lines), "utf-8")
    assert main(["data", "check", f"{pictures}#label"]) == 0
    said = capsys.readouterr().out
    assert "price: number (missing in 1; 1 cell says nothing ('NA'); 1 cannot be used: Column 'price' has 'two'" in said
    assert "bad_number: line 4" in said
    assert main(["data", "check", str(pictures), "--kind", "price=ignore", "--kind", "文章=category", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["errors"] == {}
    assert main(["data", "check", str(pictures), "--kind", "price"]) == 2
    assert main(["data", "check", str(pictures), "--kind", "price=cat"]) == 2
    assert main(["data", "check", "emoji", "--root", "/"]) == 2
    assert open_source(f"{pictures}#label").notes["label"] == "2 labels"


def test_many_short_texts_are_one_input() -> None:
    """The long ones stay inputs of their own."""
    words = [f"n{k * 7919 % 1000} of {k}" for k in range(60)]
    short = {"title": words, "studio": [None, *words[1:]], "editor": ["", *words[1:]], "place": words[::-1]}
    long = {"plot": [f"{word} " * 30 for word in words], "review": [f"{word} " * 20 for word in words]}
    table = mmzoo.read_table({**short, **long, "y": ["a", "b"] * 30})
    spec, records = mmzoo.table_spec(table, "y")
    assert spec.input_names == ["plot", "review", "texts"]
    texts = spec.inputs[2]
    assert isinstance(texts, mmzoo.Text)
    assert texts.columns == tuple(short)
    assert records[0]["texts"] == f"title: {words[0]}. place: {words[-1]}"
    assert records[1]["texts"].startswith(f"title: {words[1]}. studio: {words[1]}. editor: ")
    assert texts.gathered(table.columns) == records.column("texts")
    assert texts.gathered({"title": words}) is None
    row = {"title": "Alien", "place": None, "plot": "no matter"}
    np.testing.assert_array_equal(texts.decode(row), texts.decode("title: Alien"))
    with_the_name = mmzoo.read_table({"texts": words, **short, "y": ["a", "b"] * 30})
    assert mmzoo.table_spec(with_the_name, "y")[0].input_names == ["all_texts"]
    few, _ = mmzoo.table_spec(mmzoo.read_table({**dict(list(short.items())[:3]), "y": ["a", "b"] * 30}), "y")
    assert few.input_names == ["title", "studio", "editor"]


def test_a_bad_cell_of_texts_that_are_one_input() -> None:
    words = [f"word {k * 7919 % 1000}" for k in range(60)]
    columns = {**{name: list(words) for name in "abc"}, "d": ["zero\0", *words[1:]]}
    spec, records = mmzoo.table_spec(mmzoo.read_table({**columns, "y": ["a", "b"] * 30}), "y")
    assert spec.input_names == ["texts"]
    faults = Faults("skip", 0.1)
    assert len(usable(spec, records, faults)) == 59
    assert faults.counts == {"bad_text": 1}


def test_lengths_are_those_of_the_whole_table() -> None:
    """Also where the table is in the order of its classes."""
    texts = [f"short {k}" for k in range(500)] + [f"a text that is a good deal longer {k} " * 9 for k in range(500)]
    spec, _ = mmzoo.table_spec(mmzoo.read_table({"text": texts, "y": ["a", "b"] * 500}), "y")
    (text,) = spec.inputs
    assert isinstance(text, mmzoo.Text)
    assert text.max_bytes > 300
