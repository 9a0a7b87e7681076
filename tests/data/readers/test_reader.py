"""A reader is one file: whatever opens a source by its name finds a new one by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.guess import load_table
from mmzoo.data.readers import reader_of, readers
from mmzoo.data.schema.options import Options, TableName
from mmzoo.data.sources import absolute
from mmzoo.data.table import Table
from mmzoo.datasets import open_source
from mmzoo.errors import DataError, MMZooError
from mmzoo.listing import text

INI = '''
import configparser

from mmzoo.data.tables.cells import Cells
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import FileReader, Reader, decoded
from mmzoo.data.records import Records
from mmzoo.data.table import Source


@readers.register("ini")
class Ini(FileReader):
    """An .ini file, a section a record."""

    endings = (".ini",)

    def parse(self, name, data, ending, encoding):
        parser = configparser.ConfigParser()
        parser.read_string(decoded(name, data, encoding))
        sections = [dict(parser[section]) for section in parser.sections()]
        names = list(dict.fromkeys(key for section in sections for key in section))
        columns = {key: [section.get(key) for section in sections] for key in names}
        return Cells(name, columns, [f"section {section}" for section in parser.sections()])


@readers.register("numbers")
class Numbers(Reader):
    """Numbers that are counted, as numbers:COUNT."""

    prefix = "numbers:"

    def fits(self, source, label=""):
        return isinstance(source, str) and source.startswith(self.prefix)

    def open(self, source, options, label=""):
        options.check_only_kinds(source)
        count = int(source.removeprefix(self.prefix))
        splits = {"train": Records({"x": list(range(count))}), "test": Records({"x": [-1]})}
        return Source(source, splits, {"x": "number"}, label)
'''
COLOURS = ["blue", "red"] * 20
TABLE = "".join(
    f"[{k}]\nweight = {'heavy' if k == 5 else k}\nnote = thing {k} which is {colour}\ncolour = {colour}\n"
    for k, colour in enumerate(COLOURS)
)


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two readers out of a package that is not mmzoo's, and a table for the first."""
    readers.names()  # ours are loaded, so that only the new ones go again
    (tmp_path / "someones_readers.py").write_text(INI)
    (tmp_path / "things.ini").write_text(TABLE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "someones_readers", raising=False)
    before = dict(readers._entries), dict(readers._facts)
    __import__("someones_readers")
    yield tmp_path
    readers._entries, readers._facts = before


def test_another_kind_of_file_is_a_table(others: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = others / "things.ini"
    table = mmzoo.read_table(path)
    assert table.kinds == {"weight": "number", "note": "text", "colour": "category"}
    assert table.column("weight")[:3] == [0, 1, 2]
    assert isinstance(table.column("weight")[5], DataError)
    assert "section 5" in str(table.column("weight")[5])
    source = open_source(f"{path}#colour?kind.weight=ignore")
    assert set(source.splits) == {"train", "validation", "test"}
    assert sum(map(len, source.splits.values())) == 40
    assert source.kinds["weight"] == "ignore"
    spec, parts = load_table(path, "colour")
    assert spec.tasks[0].labels == ("blue", "red")
    assert sum(map(len, parts)) == 40
    assert main(["data", "check", f"{path}#colour"]) == 0
    assert "40" in capsys.readouterr().out
    assert "ini " in text("readers")


def test_another_place_is_a_source(others: Path) -> None:
    assert len(open_source("numbers:7").splits["train"]) == 7
    table = mmzoo.read_table("numbers:7")
    assert isinstance(table, Table)
    assert table.column("x") == [*range(7), -1]
    assert table.column("split") == ["train"] * 7 + ["test"]
    assert absolute(TableName("numbers:7", "x")).path == "numbers:7"
    assert absolute(TableName("things.ini")).path == str(Path("things.ini").absolute())
    with pytest.raises(MMZooError, match="'numbers:7' is no table of files, so it takes no root; leave that out"):
        open_source(str(TableName("numbers:7", options=Options(root="/"))))


def test_who_reads_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "emoji").mkdir()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "index.json").touch()
    wanted = {
        "photos.csv": "Delimited",
        "a/photos.TSV": "Delimited",
        "x.jsonl": "JSONLines",
        "x.parquet": "Parquet",
        "emoji": "Included",
        "folder.csv": "Folder",
        "shards": "Shards",
        "tfds:mnist": "TFDS",
    }
    assert {name: type(reader_of(name)).__name__ for name in wanted} == wanted
    assert type(reader_of("emoji", "label")).__name__ == "Folder", "with a label it is the folder"
    for table in ({"x": [1]}, [{"x": 1}], ()):
        assert type(reader_of(table)).__name__ == "Frames"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a.doc", r"^The table 'a\.doc' must end in \.csv, [^\n]* or \.xlsx, or in \.gz after it; convert it\.$"),
        ("emojy", r"^There is no data set 'emojy'\. Did you mean 'emoji'\? There are: [^\n]*$"),
        (3, r"^A table is a file, a DataFrame, an Arrow table, [^\n]*, not int; convert it to one of these\.$"),
        ([1], r"not list; convert it"),
        (b"x.csv", r"not bytes; convert it"),
    ],
)
def test_what_nobody_reads_is_one_sentence(source: object, says: str) -> None:
    with pytest.raises(MMZooError, match=says):
        reader_of(source)
