"""A table that is sharded while it is read in pieces: the same bytes, splits, faults and errors as of a whole one."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from mmzoo.data import piecewise
from mmzoo.data.faults import Faults
from mmzoo.data.lazy.columns import Column
from mmzoo.data.shards.folder import write_shards
from mmzoo.data.splits import contents
from mmzoo.data.table import Source
from mmzoo.datasets import open_source
from mmzoo.errors import MMZooError

COUNT = 230


def rows(folder: Path) -> list[dict[str, Any]]:
    """Records of all kinds of columns, some cells odd, each hundredth time no cell at all."""
    draw = random.Random(1)
    for k in range(5):
        Pillow.new("RGB", (4, 4), (50 * k, 0, 0)).save(folder / f"{k}.png")
    return [
        {
            "id": f"no-{k}",
            "photo": f"{draw.randrange(5)}.png" if k % 9 else "../out.png",
            "weight": f"{draw.gauss(0, 1):.2f}" if k != 77 else "heavy",
            "price": f"${draw.randrange(10**5):,}",
            "day": f"{draw.randrange(1, 13)}/{draw.randrange(1, 29)}/2021",
            "kinds": "; ".join(draw.sample(["a", "b", "c"], draw.randrange(1, 3))),
            "counter": str(k),
            "shop": draw.choice(["red", "green", "n/a"]),
            "note": f'said "{draw.random()}",\nand again' if k % 50 == 3 else f"note {draw.random()}",
            "owner": f"p{draw.randrange(40)}",
            "kind": draw.choice("xyz") if k != 5 else "",
        }
        for k in range(COUNT)
    ]


def as_csv(path: Path, found: list[dict[str, Any]], between: str = ",") -> None:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if any(each in text for each in f'{between}"\n') else text

    lines = [between.join(found[0]), *(between.join(cell(value) for value in row.values()) for row in found)]
    path.write_text("\n\n".join(lines) + "\n", "utf-8")


def as_jsonl(path: Path, found: list[dict[str, Any]]) -> None:
    late = [{**row, **({"late": k} if k > 100 else {})} for k, row in enumerate(found)]
    path.write_text("\n".join(json.dumps(row) for row in late), "utf-8")


def as_parquet(path: Path, found: list[dict[str, Any]]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(found), path)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    "t.csv": as_csv,
    "semicolons.csv": lambda path, found: as_csv(path, found, ";"),
    "t.jsonl": as_jsonl,
    "t.parquet": as_parquet,
}


def both(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, on_error: str = "mask", size: int = 64
) -> tuple[list[Any], Any]:
    """What is written of a table that is held and of one in pieces of so many records; and the latter's source."""
    found: list[Any] = []
    source: Source | None = None
    monkeypatch.setattr(piecewise, "ROWS", size)
    for held in (True, False):
        faults, out = Faults(on_error, 1.0), folder / f"shards-{held}"
        try:
            source = open_source(name, held=held)
            count = write_shards(source, out, records=50, faults=faults)
            files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
            found.append([count, files, faults.table(), source.notes.get(source.label)])
        except MMZooError as error:
            found.append(str(error))
    return found, source


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *(("t.csv", how) for how in ("#kind", "#weight", "", "#kind?split_seed=3&stratify=no")),
        *((name, "#kind?group=owner") for name in WRITERS),
    ],
)
def test_the_same_bytes(name: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS[name](tmp_path / name, rows(tmp_path))
    (whole, pieces), source = both(f"{tmp_path / name}{how}", tmp_path, monkeypatch)
    assert whole == pieces
    assert isinstance(whole, list) and whole[0] > 200
    assert all(isinstance(part.columns["note"], Column) for part in source.splits.values())


@pytest.mark.parametrize("word", ["split", "Split"])
def test_splits_that_the_table_says(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{**row, word: ["train", "Dev", "test"][k % 3]} for k, row in enumerate(rows(tmp_path))]
    as_csv(tmp_path / "t.csv", found)
    (whole, pieces), source = both(f"{tmp_path / 't.csv'}#kind", tmp_path, monkeypatch)
    assert whole == pieces
    assert [len(part) for part in source.splits.values()] == [77, 77, 76]


def test_splits_that_only_later_records_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column "Split" that the first records do not have is a column like any other."""
    found = [
        {**row, **({"Split": ["train", "test"][k % 2]} if k > 100 else {})} for k, row in enumerate(rows(tmp_path))
    ]
    as_jsonl(tmp_path / "t.jsonl", found)
    (whole, pieces), source = both(f"{tmp_path / 't.jsonl'}#kind", tmp_path, monkeypatch)
    assert whole == pieces
    assert isinstance(whole, list) and "Split" in source.inputs


def spoilt(text: str, which: str) -> bytes:
    """A table in CSV with something that is wrong with it."""
    names, *lines = text.split("\n")
    if which == "never closed":
        lines[-2] = lines[-2].replace("note", '"note')
    if which == "ragged":
        lines[200:260] = [f"{line},1,2" if line else "" for line in lines[200:260]]
    if which == "no name":
        names = names.replace("id", "")
    if which == "Western":
        lines[301] = lines[301].replace("note", "nötig")
    if which == "all odd":
        names = f"{names},other"
        lines = [f"{line},../{k}.png" if line.count(",") > 5 else line for k, line in enumerate(lines)]
    return "\n".join([names, *lines]).encode("cp1252" if which == "Western" else "utf-8")


@pytest.mark.parametrize("which", ["never closed", "ragged", "no name", "Western", "all odd"])
def test_what_is_wrong_is_said_as_of_the_whole(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(tmp_path / "t.csv", [{**row, "note": "note"} for row in rows(tmp_path)])
    (tmp_path / "t.csv").write_bytes(spoilt((tmp_path / "t.csv").read_text(), which))
    (whole, pieces), _ = both(f"{tmp_path / 't.csv'}#kind", tmp_path, monkeypatch)
    assert whole == pieces
    assert isinstance(whole, str) == (which in ("never closed", "ragged", "no name", "all odd"))


@pytest.mark.parametrize("how", ["#kind?kind.none=text", "#nothing", "#note", "#kind?group=none"])
def test_what_was_asked_wrongly(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_csv(tmp_path / "t.csv", rows(tmp_path))
    monkeypatch.setattr(piecewise, "ROWS", 64)
    said = []
    for held in (True, False):
        with pytest.raises(MMZooError) as error:
            open_source(f"{tmp_path / 't.csv'}{how}", held=held)
        said.append(str(error.value))
    assert said[0] == said[1]


def test_memory_hardly_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4,000 records, which have about 800 bytes each in memory, under 200 are kept of each."""
    draw, most = random.Random(0), []
    for count in (1_000, 4_000):
        lines = (f"{draw.random():.4f},{draw.choice('ab')},{'words ' * 5}{draw.random()},{k}" for k in range(count))
        (tmp_path / "t.csv").write_text("\n".join(["weight,kind,note,k", *lines]))
        monkeypatch.setattr(piecewise, "ROWS", 256)
        monkeypatch.setattr(contents, "TOGETHER", 256)
        tracemalloc.start()
        source = open_source(f"{tmp_path / 't.csv'}#kind", held=False)
        assert sum(len(part.column("note")[len(part) // 2]) for part in source.splits.values()) > 90
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (most[1] - most[0]) / 3_000 < 200


def test_a_table_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "ROWS", 64)
    as_csv(tmp_path / "t.csv", rows(tmp_path))
    source = open_source(f"{tmp_path / 't.csv'}#kind", held=False)
    as_csv(tmp_path / "t.csv", rows(tmp_path)[:100])
    with pytest.raises(MMZooError, match="changed while it was read"):
        write_shards(source, tmp_path / "shards", faults=Faults("mask", 1.0))
