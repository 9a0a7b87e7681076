"""Workbooks as tables. They are written here, part by part, as ECMA-376 has them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.readers import reader_of, spreadsheets
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.options import Options
from mmzoo.errors import MMZooError

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(*sheets: Sequence[Sequence[object]], first_row: int = 1) -> bytes:
    """A workbook of sheets of texts, numbers, truths and None."""
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="Sheet {k}" sheetId="{k}" r:id="r{k}"/>' for k in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="r{k}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{k}.xml"/>' for k in numbers
        )
        + "</Relationships>",
    }
    for number, rows in enumerate(sheets, start=1):
        lines = "".join(
            f'<row r="{place}">{"".join(cell(value, column, place) for column, value in enumerate(row))}</row>'
            for place, row in enumerate(rows, start=first_row)
        )
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{lines}</sheetData></worksheet>'
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return file.getvalue()


def cell(value: object, column: int, row: int) -> str:
    place = f'r="{"ABCDEFGH"[column]}{row}"'
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c {place} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c {place}><v>{value}</v></c>"


ROWS = [["name", "price", "new", None], ["a < b", 3, True, None], [None, 4.5, False, None], [None] * 4, ["ß", -1, True]]


def test_cells_are_what_the_sheet_has(tmp_path: Path) -> None:
    """Whole numbers are whole; what is empty is left out, and rows are called by their numbers in the sheet."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([], ROWS, [["x"], [1]], first_row=3))
    cells = reader_of(str(path)).read(str(path))
    assert cells.columns == {"name": ["a < b", None, "ß"], "price": [3, 4.5, -1], "new": [True, False, True]}
    assert [type(value) for value in cells.columns["price"]] == [int, float, int]
    assert cells.places == ["row 4", "row 5", "row 7"]
    assert cells.note == "its sheet 'Sheet 2' is read, and not 'Sheet 1', 'Sheet 3' (--sheet)"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04 and nothing more", "no workbook that can be read"),
        (b"name,price\n1,2\n", "no workbook that can be read"),
        (workbook([]), "has no records"),
        (workbook([["name", "price"]]), "has no records"),
        (workbook([["name", "name"], ["a", "b"]]), "two columns called 'name'"),
        (workbook([["name", None], ["a", "b"]]), "no name for column 2"),
        (workbook(ROWS)[:-40], "no workbook that can be read"),
    ],
    ids=range(7),
)
def test_what_is_no_table_is_one_sentence(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(data)
    with pytest.raises(MMZooError, match=said) as error:
        reader_of(str(path)).read(str(path))
    assert "\n" not in str(error.value)


def test_what_is_packed_tightly_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what says how large it is nor what lies about it."""
    monkeypatch.setattr(spreadsheets, "MOST", 2**16)
    honest = bytearray(workbook([["name"], ["a" * 2**17]]))
    path = tmp_path / "a.xlsx"
    path.write_bytes(honest)
    with pytest.raises(MMZooError, match="over the limit of 65536; save it as CSV"):
        reader_of(str(path)).read(str(path))
    with zipfile.ZipFile(io.BytesIO(honest)) as packed:
        size = packed.getinfo("xl/worksheets/sheet1.xml").file_size
    lying = bytes(honest).replace(struct.pack("<I", size), struct.pack("<I", 1000))
    assert lying != honest
    path.write_bytes(lying)
    with pytest.raises(MMZooError, match="no workbook that can be read"):
        reader_of(str(path)).read(str(path))


NOTES = [["Study of 1995"], ["ask Dr. Ho"]]
DATA = [["size", "age", "kind"], *[[k, 30 + k % 5, "ab"[k % 2]] for k in range(40)]]


def test_a_sheet_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By an option, in a name, in Python; remembered by who reads another workbook as this one."""
    path = str(tmp_path / "a.xlsx")
    Path(path).write_bytes(workbook(NOTES, DATA))
    assert main(["data", "check", f"{path}#kind"]) == 2
    said = capsys.readouterr().err
    assert "There are: Study of 1995. Of this table its sheet 'Sheet 1' is read, and not 'Sheet 2' (--sheet)." in said
    for arguments in ([f"{path}#kind", "--sheet", "Sheet 2"], [f"{path}#kind?sheet=Sheet%202"]):
        assert main(["data", "check", *arguments]) == 0
        assert "kind: category" in capsys.readouterr().out
    table = mmzoo.read_table(path, sheet="Sheet 2")
    assert list(table.kinds) == ["size", "age", "kind"]
    spec, records = mmzoo.table_spec(table, "kind")
    again = Reread(spec, records.layout, Options(sheet="Sheet 2"))
    (piece,) = again.pieces(path, 100)
    assert len(piece.records) == 40
    (tmp_path / "a.csv").write_text("size,age\n1,2\n")  # of another kind, without sheets
    (piece,) = again.pieces(str(tmp_path / "a.csv"), 100)
    assert len(piece.records) == 1
    for name, words in ((path, "no sheet in the table .* called 'Sheet 3'. Did you mean"), ("a.csv", "is no workbook")):
        with pytest.raises(MMZooError, match=words):
            mmzoo.read_table(str(tmp_path / name), sheet="Sheet 3")


@pytest.mark.parametrize("above", [[], [["A title"]], [["A title"], [], ["of", None, None], []]])
def test_a_title_above_the_names(above: list[list[object]], tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([*above, *DATA]))
    cells = reader_of(str(path)).read(str(path))
    assert list(cells.columns) == DATA[0]
    assert cells.columns["size"] == list(range(40))
    assert cells.places[0] == f"row {len(above) + 2}"
    assert cells.note == (f"its names are in row {len(above) + 1}, and what is above is left out" if above else "")


@pytest.mark.parametrize(
    "rows",
    [
        [["name", None], ["Ann", "Rome"], ["Bo", "Oslo"]],
        [["name", None, None], ["Ann", "Rome", 3], ["Bo", "Oslo", 4]],
        [["name", None, "age"], ["Ann", "Rome", "x"], ["Bo", "Oslo", "y"]],
    ],
)
def test_a_record_is_no_line_of_names(rows: list[list[object]], tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(rows))
    with pytest.raises(MMZooError, match="no name for column 2; name it in the first line"):
        reader_of(str(path)).read(str(path))
