"""Tables of strangers: read as they are meant, or one sentence, or a fault of the one record; never another text."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from PIL import Image as Pillow
from pyarrow import parquet

import mmzoo
from mmzoo.data.readers import json_lines, reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.tables.cells import Cells
from mmzoo.errors import DataError, MMZooError


def read_cells(path: Path, encoding: str = "") -> Cells:
    reader = reader_of(str(path))
    assert isinstance(reader, CellReader)
    return reader.read(str(path), encoding)


def cells(folder: Path, name: str, text: str | bytes, encoding: str = "") -> dict[str, list[Any]]:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    return read_cells(folder / name, encoding).columns


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line(tmp_path: Path, end: str) -> None:
    assert cells(tmp_path, "a.csv", end.join(["x,y", "1,a", "2,b", ""])) == {"x": ["1", "2"], "y": ["a", "b"]}
    assert cells(tmp_path, "a.jsonl", end.join(['{"x": 1}', "", '{"x": 2}'])) == {"x": [1, 2]}


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\u0085", "\x1c", "\x0b", "\x0c"])
def test_what_only_unicode_calls_the_end_of_a_line(tmp_path: Path, char: str) -> None:
    text = f"one{char}two"
    assert cells(tmp_path, "a.csv", f"x,y\n{text},1\n") == {"x": [text], "y": ["1"]}
    ascii_only = ord(char) < 32  # JSON has these as escapes alone
    assert cells(tmp_path, "a.jsonl", json.dumps({"x": text}, ensure_ascii=ascii_only)) == {"x": [text]}


def test_long_fields_and_lines_in_quotes(tmp_path: Path) -> None:
    long = "w " * 200_000
    found = cells(tmp_path, "a.csv", f'x,y\n"{long}",1\n"two\nlines, a ""quote""",2\n')
    assert found == {"x": [long, 'two\nlines, a "quote"'], "y": ["1", "2"]}
    assert read_cells(tmp_path / "a.csv").places == ["line 2", "line 3"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x;y\n1,5;a\n2,5;b\n"),
        ("a.csv", "x\ty\n1,5\ta\n2,5\tb\n"),
        ("a.csv", "sep=;\nx;y\n1,5;a\n2,5;b\n"),
        ("a.tsv", "x\ty\n1,5\ta\n2,5\tb\n"),
        ("a.tab", "x\ty\n1,5\ta\n2,5\tb\n"),
        ("a.csv", ',x,y\n0,"1,5",a\n1,"2,5",b\n'),
        ("a.csv", ' x, y\n"1,5", a\n\n"2,5", "b"\n'),
        ("a.csv", "x,y\n1;5,a\n2;5,b\n".replace("1;5", '"1,5"').replace("2;5", '"2,5"')),
    ],
)
def test_separators_and_the_index_of_pandas(tmp_path: Path, name: str, text: str) -> None:
    assert cells(tmp_path, name, text) == {"x": ["1,5", "2,5"], "y": ["a", "b"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_encodings_that_say_what_they_are(tmp_path: Path, encoding: str, name: str) -> None:
    text = "größe,y\nschön,1\n" if name == "a.csv" else '{"größe": "schön", "y": "1"}\n'
    assert cells(tmp_path, name, text.encode(encoding)) == {"größe": ["schön"], "y": ["1"]}


def test_an_encoding_that_is_told(tmp_path: Path) -> None:
    data = "x,y\nok,1\nschön,2\n"
    (tmp_path / "a.csv").write_bytes(data.encode("cp1252"))
    found = read_cells(tmp_path / "a.csv")
    assert found.columns["x"] == ["ok", "schön"]
    assert found.note == "its text is not UTF-8 but taken for Windows-1252 ('schön'); else --encoding NAME"
    damaged = "größe ".encode() * 3 + "schön".encode("cp1252")
    others = [
        text.encode(code) for text, code in (("Привет", "cp1251"), ("Łódź", "cp1250"), ("東京の文章", "shift_jis"))
    ]
    for letters in (damaged, *others):  # never letters that nobody wrote
        with pytest.raises(MMZooError, match=r"not UTF-8 in line 3; save it as UTF-8, or say .*--encoding cp1252"):
            cells(tmp_path, "a.csv", b"x,y\nok,1\n" + letters + b",2\n")
    assert cells(tmp_path, "a.csv", data.encode("cp1252"), "cp1252")["x"] == ["ok", "schön"]
    with pytest.raises(MMZooError, match=r"full of zero bytes.*utf-16-le"):
        cells(tmp_path, "a.csv", data.encode("utf-16-le"))
    assert cells(tmp_path, "a.csv", data.encode("utf-16-le"), "utf-16-le")["x"] == ["ok", "schön"]
    for wrong in ("no-such", "zlib", "rot13"):
        with pytest.raises(MMZooError, match="no encoding called"):
            cells(tmp_path, "a.csv", data, wrong)


DEEP = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", 'x,y\n1,a\n2,"b\n3,c\n', "a quote in line 3 that is never closed"),
        ("a.csv", 'x,y\n"a"b,1\n', "misplaced quote in line 2"),
        ("a.csv", '"x,y\n1,2\n', "a quote in line 1 that is never closed"),
        ("a.csv", "x,,y\n1,2,3\n", "no name for column 2"),
        ("a.csv", ",x\n7.5,2\n", "no name for column 1"),
        ("a.csv", "x,y,x\n1,2,3\n", r"two columns called 'x' \(columns 1 and 3\)"),
        ("a.csv", "img/0.png,1\nimg/1.png,2\n", "'img/0.png' in its first line"),
        ("a.csv", "\n\n", "has no records"),
        ("a.csv", "x,y", "has no records"),
        ("a.csv", "x,y\n" + "1,2,3\n" * 5, "2 fields in its first line and 3 in others"),
        ("a.jsonl", "[1, 2]\n", "no JSON object in line 1"),
        ("a.jsonl", '{"x": ' + DEEP + "}\n", "nested too deeply"),
        ("a.jsonl", '{"x": ' + "[" * 500 + "]" * 500 + "}\n", "nested too deeply"),
        ("a.jsonl", '{"x": 1, "x": 2}\n', "'x' stands twice"),
        ("a.jsonl", '{"x": ' + "1" * 5000 + "}\n", "cannot be used"),
        ("a.jsonl", '{"\\ud800": 1}\n', "half a character"),
        ("a.parquet", "PAR1junk", "no whole Parquet file"),
        ("a.parquet", "", "is empty"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(MMZooError, match=words) as caught:
        cells(tmp_path, name, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_one_bad_line_is_a_fault_of_one_record(tmp_path: Path) -> None:
    lines = [f"{k},{'ab'[k % 2]}" for k in range(20)]
    lines[3] = "3,a,too many"
    lines[7] = '"7"x,b'
    found = cells(tmp_path, "a.csv", "x,y\n" + "\n".join(lines))
    bad = {k: value.cause for k, value in enumerate(found["y"]) if isinstance(value, DataError)}
    assert bad == {3: "ragged_line", 7: "bad_line"}
    rows = [json.dumps({"x": k}) for k in range(20)]
    rows[5] = '{"x": ' + DEEP + "}"
    found = cells(tmp_path, "a.jsonl", "\n".join(rows))
    assert [isinstance(value, DataError) for value in found["x"]] == [k == 5 for k in range(20)]


def test_depth() -> None:
    assert [json_lines.depth(value) for value in (1, [1], [[1], 2], {"a": [{}]}, [])] == [0, 1, 2, 3, 1]


def test_a_pipe_in_place_of_a_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(MMZooError, match="not a plain file"):
        read_cells(tmp_path / "a.csv")


def png(colour: int) -> bytes:
    out = io.BytesIO()
    Pillow.new("RGB", (8, 8), (colour, 0, 0)).save(out, "PNG")
    return out.getvalue()


VALUES: dict[str, tuple[list[Any], str, Any]] = {
    "bytes": ([png(1), png(2)], "image", png(2)),
    "path or bytes": ([{"bytes": png(1), "path": "a.png"}, {"bytes": png(2), "path": None}], "image", png(2)),
    "text in bytes": ([b"one text", b"two texts"], "category", "two texts"),
    "bool": ([True, False], "category", "False"),
    "int": ([1, 2], "number", 2.0),
    "decimal": ([Decimal("1.5"), Decimal("NaN")], "number", None),
    "numpy": ([np.float32(1.5), np.float32("nan")], "number", None),
    "huge and missing": ([1, None], "number", None),
    "date": ([datetime(2024, 1, 2), datetime(2024, 1, 3)], "date", "2024-01-03T00:00:00"),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("made", ["pandas", "polars", "arrow", "dict", "rows"])
def test_values_are_what_they_are(name: str, made: str) -> None:
    values, kind, second = VALUES[name]
    rows = [{"x": value, "label": "ab"[k % 2]} for k, value in enumerate(values * 10)]
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    if made == "arrow" and name in ("decimal", "numpy"):
        pytest.skip("Arrow has no NaN of a decimal, and takes no mixed scalars")
    if made == "polars" and name == "decimal":
        pytest.skip("polars has no NaN of a decimal")
    tables = {"pandas": pandas.DataFrame, "polars": polars.DataFrame, "arrow": pyarrow.table, "dict": dict}
    table = mmzoo.read_table(rows if made == "rows" else tables[made](columns))
    assert table.kinds["x"] == kind
    assert table.columns["x"][1] == second


def test_arrays_pictures_and_what_nobody_reads() -> None:
    label = ["a", "b"] * 2
    shapes = {
        "image": np.zeros((12, 12, 3), np.uint8),
        "sensor": np.zeros((12, 2), np.float32),
        "video": np.zeros((4, 12, 12, 3), np.uint8),
    }
    for kind, array in shapes.items():
        assert mmzoo.read_table({"x": [array] * 4, "y": label}).kinds["x"] == kind
    picture = mmzoo.read_table(pandas.DataFrame({"x": [Pillow.new("L", (9, 9))] * 4, "y": label}))
    assert picture.kinds["x"] == "image"
    assert isinstance(picture.columns["x"][0], Pillow.Image)
    sound = {"array": np.ones(800, np.float32), "sampling_rate": 8000, "path": None}
    table = mmzoo.read_table({"x": [sound] * 4, "y": label})
    assert table.kinds["x"] == "audio"
    assert table.columns["x"][0][1] == 8000
    assert mmzoo.table_spec(table, "y")[0].inputs[0].seconds == 0.5
    for strange in ({"sampling_rate": None}, {"sampling_rate": 0}, {"array": [[1.0], [1.0, 2.0]]}):
        with suppress(MMZooError):  # one sentence, or a fault when it is decoded
            mmzoo.table_spec(mmzoo.read_table({"x": [sound | strange] * 4, "y": label}), "y")
    for odd in (np.zeros(800, np.float32), ["a", "list"], {"a": 1}, object()):
        table = mmzoo.read_table({"x": [odd] * 4, "y": label})
        with pytest.raises(MMZooError, match=r"Column 'x' has values that no input reads.*kinds=\{'x'"):
            mmzoo.table_spec(table, "y")
        assert mmzoo.read_table({"x": [odd] * 4, "y": label}, kinds={"x": "ignore"}).kinds["x"] == "ignore"
    waves = mmzoo.read_table({"x": [np.ones(800, np.float32)] * 4, "y": label}, kinds={"x": "audio"})
    assert mmzoo.table_spec(waves, "y")[0].inputs[0].kind == "audio"
    numbers = mmzoo.read_table([{"x": [1, 2.5, 3], "y": one} for one in label], kinds={"x": "sensor"})
    np.testing.assert_array_equal(numbers.columns["x"][0], np.float32([1, 2.5, 3]))


def test_missing_values_and_names_of_any_type() -> None:
    frame = pandas.DataFrame(
        {0: pandas.array([1, pandas.NA, 3] * 4, "Int64"), ("a", "b"): [pandas.NaT, "x", None] * 4, "y": ["p", "q"] * 6}
    )
    table = mmzoo.read_table(frame)
    assert table.kinds == {"0": "number", "a_b": "category", "y": "category"}
    assert table.columns["0"][:3] == [1.0, None, 3.0]
    assert table.columns["a_b"][:3] == [None, "x", None]
    spec, records = mmzoo.table_spec(mmzoo.read_table(pandas.DataFrame({0: range(8), 1: ["a", "b"] * 4})), 1)
    assert spec.tasks[0].labels == ("a", "b")
    assert records[3]["row"] == {"0": 3.0}
    category = pandas.DataFrame({"x": pandas.Categorical(["u", None] * 4), "y": [1, 2] * 4})
    assert mmzoo.read_table(category).columns["x"][:2] == ["u", None]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (pandas.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "two columns called 'a'"),
        (pandas.DataFrame([[1, 2], [3, 4]], columns=["1", 1]), "two columns called '1'"),
        (pandas.DataFrame({"a": []}), "has no records"),
        (pandas.DataFrame(), "has no records"),
        ({}, "has no records"),
        ([], "has no records"),
        ({"a": [1, 2], "b": [1]}, "columns of different lengths"),
        ({"a": "text"}, "must be a list of values, not str"),
        ({"a": 1}, "must be a list of values, not int"),
        (np.zeros((3, 3)), "not ndarray"),
        (7, "not int"),
        (None, "not NoneType"),
        (polars.LazyFrame({"a": [1]}), "not LazyFrame"),
    ],
)
def test_what_is_no_table(source: Any, words: str) -> None:
    with pytest.raises(MMZooError, match=words) as caught:
        mmzoo.read_table(source)
    assert "\n" not in str(caught.value)


def test_parquet(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"x": [png(1), png(2)] * 2, "n": [1, None, 2, 3]}, index=list("abcd"))
    frame.to_parquet(tmp_path / "a.parquet")
    table = mmzoo.read_table(tmp_path / "a.parquet")
    assert table.kinds == {"x": "image", "n": "number"}
    assert table.columns["n"] == [1.0, None, 2.0, 3.0]
    twice = pyarrow.table([[1], [2]], names=["a", "a"])
    parquet.write_table(twice, tmp_path / "b.parquet")
    with pytest.raises(MMZooError, match=r"two columns called 'a'|no whole Parquet file"):
        mmzoo.read_table(tmp_path / "b.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for length in (0, 3, 4, 12, len(whole) // 2, len(whole) - 1):
        (tmp_path / "c.parquet").write_bytes(whole[:length])
        with pytest.raises(MMZooError):
            mmzoo.read_table(tmp_path / "c.parquet")


def test_a_parquet_file_that_claims_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmzoo.data.readers.parquet.MOST_CELLS", 3)
    pandas.DataFrame({"x": [1, 2], "y": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(MMZooError, match="has 4 cells, over the limit of 3"):
        mmzoo.read_table(tmp_path / "a.parquet")


@pytest.mark.parametrize("made", [list, pandas.DataFrame], ids=["rows", "frame"])
def test_the_path_of_a_file_may_be_a_path(made: Any) -> None:
    reader = reader_of(table := made([{"photo": Path("a") / "b.jpg", "n": 1}]))
    assert isinstance(reader, CellReader)
    assert reader.read(table).columns == {"photo": [str(Path("a") / "b.jpg")], "n": [1]}
