"""A table read some records at a time is the table read at once, whatever stands in it."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from mmzoo.data.readers import reader_of
from mmzoo.data.readers.base import CellReader
from mmzoo.data.tables.pieces import gathered, line_pieces, still_open
from mmzoo.errors import DataError, MMZooError

AWKWARD = [
    "1,plain,a",
    '2,"a quote "" within, and a comma",b',
    '3,"several\nlines\n\nof text",c',
    '4,5" disk,d',
    "",
    "5,too,many,fields",
    '6,"ends with a doubled """"",e',
    '7,"",f',
    "8,\N{LATIN SMALL LETTER U WITH DIAERESIS},g",
]


def awkward(repeats: int = 30) -> str:
    return "\n".join(["number,text,label", *(AWKWARD * repeats)[:-2]])


def cells_of(value: Any) -> Any:
    return (str(value), value.cause) if isinstance(value, DataError) else value


def reader(path: Path) -> CellReader:
    found = reader_of(str(path))
    assert isinstance(found, CellReader)
    return found


def check_same(path: Path, rows: int, encoding: str = "") -> int:
    """Read a file both ways; the number of pieces."""
    whole = reader(path).read(str(path), encoding)
    pieces = list(reader(path).pieces(str(path), rows, encoding))
    assert [place for piece in pieces for place in piece.places] == whole.places
    assert all(list(piece.columns) == list(whole.columns) for piece in pieces)
    for column, values in whole.columns.items():
        found = [cells_of(value) for piece in pieces for value in piece.columns[column]]
        assert found == [cells_of(value) for value in values]
    return len(pieces)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_lines_in_pieces(tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmzoo.data.tables.cells.BAD_LINES", 0.5)
    path = tmp_path / "t.csv"
    path.write_bytes(awkward().encode(encoding))
    assert check_same(path, 16, "cp1252" if encoding == "cp1252" else "") > 5


@pytest.mark.parametrize("head", ["sep=;\n", "\n\n", ""])
def test_what_stands_before_the_names(tmp_path: Path, head: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{head}a;b\n" + "".join(f"{k};text {k}\n" for k in range(100)), "utf-8")
    assert check_same(path, 16) == 6


def test_line_ends_and_one_line(tmp_path: Path) -> None:
    for end in ("\r\n", "\r", "\n"):
        path = tmp_path / "t.csv"
        path.write_bytes(end.join(["a,b", *(f"{k},x" for k in range(50))]).encode())
        check_same(path, 16)
    path.write_bytes(b"a,b\n")
    with pytest.raises(MMZooError, match="has no records"):
        list(reader(path).pieces(str(path), 16))


def test_the_numbers_of_rows_that_pandas_writes_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",a\n" + "".join(f"{k},text {k}\n" for k in range(100)), "utf-8")
    found = [value for piece in reader(path).pieces(str(path), 16) for value in piece.columns["a"]]
    assert found == [f"text {k}" for k in range(100)]


def test_json_lines_and_parquet_in_pieces(tmp_path: Path) -> None:
    rows = [{"a": k, "b": f"text\n{k}", "c": [k] if k % 3 else None} for k in range(200)]
    lines = [json.dumps(row) for row in rows]
    lines[57] = "no json"
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    assert check_same(path, 32) == 6
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=50)
    assert check_same(path, 32) >= 7
    assert reader(path).most_records(str(path)) == 200
    path.write_bytes(path.read_bytes()[:-100])
    for read in (reader(path).pieces, lambda source, _: [reader(path).most_records(source)]):
        with pytest.raises(MMZooError, match="no whole Parquet file"):
            list(read(str(path), 32))


def test_where_a_quote_is_open() -> None:
    for line, before, after in (
        (b'a,"b\n', False, True),
        (b'a,"b"\n', False, False),
        (b'a,5" disk\n', False, False),
        (b'a,"b ""c\n', False, True),
        (b'and its end",x\n', True, False),
        (b'a doubled "" one\n', True, True),
        (b'end" ,"and again\n', True, True),
        (b'"first\n', False, True),
    ):
        assert still_open(line, before) is after, line


def test_no_piece_is_small() -> None:
    for count in range(1, 70):
        found = [piece.count(b"x") for piece in gathered((b"x" for _ in range(count)), 16)]
        assert sum(found) == count
        assert all(8 <= size <= 24 for size in found) or len(found) == 1


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    peaks = []
    for count in (5_000, 50_000):
        path = tmp_path / f"{count}.csv"
        path.write_text("a,b\n" + "".join(f"{k},text number {k}\n" for k in range(count)), "utf-8")
        tracemalloc.start()
        found = reader(path)
        seen = sum(len(piece.places) for piece in line_pieces(found.parser(str(path)), str(path), "", 512, names=True))  # type: ignore[attr-defined]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert seen == count
    assert peaks[1] < 1.2 * peaks[0]
