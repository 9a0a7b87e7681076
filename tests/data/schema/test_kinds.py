"""What a column is: most of its cells decide, odd ones are named and counted, words for nothing are missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data.faults import Faults, usable
from mmzoo.data.schema.guessed import guess
from mmzoo.data.schema.kinds import files
from mmzoo.data.table import Table
from mmzoo.datasets import open_source
from mmzoo.errors import DataError, MMZooError


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
        (
            ["Adelie Penguin (Pygoscelis adeliae) of Dream", "Chinstrap penguin (Pygoscelis antarctica)"] * 20,
            "category",
            "",
        ),
        (["Adelie Penguin (Pygoscelis adeliae) of Dream", "Chinstrap penguin (Pygoscelis antarctica)"] * 5, "text", ""),
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
