"""Tables that are packed by gzip are read as those that are not."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from mmzoo.data.readers import reader_of, readers
from mmzoo.data.readers.base import FileReader
from mmzoo.data.tables import packed
from mmzoo.errors import DataError, MMZooError

TABLES = {
    ".csv": b"name,price\nred car,3\nblue car,4.5\n",
    ".tsv": b"name\tprice\nred car\t3\n",
    ".jsonl": b'{"name": "red car", "price": 3}\n{"name": "blue car", "price": 4.5}\n',
}


@pytest.mark.parametrize("ending", TABLES)
def test_the_same_cells(ending: str, tmp_path: Path) -> None:
    """Whole, in pieces, and counted."""
    plain, tight = (str(tmp_path / f"a{ending}{more}") for more in ("", ".GZ"))
    Path(plain).write_bytes(TABLES[ending])
    Path(tight).write_bytes(gzip.compress(TABLES[ending]))
    one, other = reader_of(plain), reader_of(tight)
    assert one.read(plain).columns == other.read(tight).columns
    assert [c.columns for c in one.pieces(plain, 1)] == [c.columns for c in other.pieces(tight, 1)]
    assert one.most_records(plain) == other.most_records(tight)


@pytest.mark.parametrize("data", [b"hello", gzip.compress(TABLES[".csv"])[:-9], b""], ids=["other", "cut", "empty"])
def test_what_is_damaged_is_one_sentence(data: bytes, tmp_path: Path) -> None:
    path = str(tmp_path / "a.csv.gz")
    Path(path).write_bytes(data)
    for call in (lambda: reader_of(path).read(path), lambda: list(reader_of(path).pieces(path, 5))):
        with pytest.raises(MMZooError, match=r"no whole gzip file|is empty|no records") as error:
            call()
        assert "\n" not in str(error.value)


def test_what_is_packed_tightly_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"name\n" + b"a\n" * 2**20))
    with pytest.raises(MMZooError, match="over 65536 bytes when it is unpacked; split it"):
        packed.unpacked(str(path), 2**16)


ENDINGS = sorted(
    end for name in readers.names() if issubclass(readers[name], FileReader) for end in readers[name].endings
)


@pytest.mark.parametrize("ending", [*ENDINGS, ".csv.gz"])
def test_a_table_that_is_not_there_is_no_fault_of_a_record(ending: str, tmp_path: Path) -> None:
    """Of which others could be left out."""
    path = str(tmp_path / f"a{ending}")
    reader = reader_of(path)
    for call in (lambda: reader.read(path), lambda: list(reader.pieces(path, 5))):
        with pytest.raises(MMZooError, match="does not exist; check the path") as error:
            call()
        assert not isinstance(error.value, DataError)
