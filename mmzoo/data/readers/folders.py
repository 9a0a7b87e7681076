"""Folders of files, whose own folders say what they are."""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mmzoo.aliases import Raw
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import CellReader, text_of_file
from mmzoo.data.readers.included import Included
from mmzoo.data.schema.kinds import kind_of_path
from mmzoo.data.schema.options import LABEL, Options, is_folder
from mmzoo.data.splits.parts import SHARES, part_called
from mmzoo.data.table import Source
from mmzoo.data.tables.cells import Cells
from mmzoo.errors import DataError, MMZooError, require
from mmzoo.files import read_file

TEXTS = (".txt", ".text")
LONGEST = 2**20  # bytes of a text
JUNK = {"thumbs.db", "desktop.ini", "__macosx"}  # what systems put beside the files
ALIKE = 0.5  # the share of the files of a folder whose names are in another one, from which they are of one record
SHOWN = 5
TABLES = (".csv", ".tsv", ".parquet")
FEW = 3  # tables that are hardly the recordings of a sensor


class File(NamedTuple):
    """A file that an input reads.

    Args:
        path: within the folder, with slashes.
        kind: what reads it.
        place: the folders that it is in, as far as they mean something.
        stem: its name without its ending.
    """

    path: str
    kind: str
    place: tuple[str, ...]
    stem: str
    split: str = ""
    column: str = ""


@readers.register("folder")
class Folder(CellReader):
    """A folder of files: FOLDER/CLASS/FILE, the name of a class's folder being the label.

    Above these may stand folders for the splits (train, validation, test), and folders for the inputs
    (photos, captions), in which the files of one record have one name. Files of several kinds with one name in one
    folder (1.jpg, 1.txt, 1.wav) are one record too.
    """

    def fits(self, source: Raw, label: str = "") -> bool:
        return isinstance(source, str) and is_folder(source) and not Included().fits(source, label)

    def open(self, source: Raw, options: Options, label: str = "") -> Source:
        cells = self.read(source, options.encoding)
        require(
            label != LABEL or LABEL in cells.columns,
            f"The folder '{source}' has no folders of classes, whose names would be the labels; put the files of each "
            "class into one, or give a table: mmzoo train TABLE --label COLUMN.",
        )
        kinds = {"id": "ignore"}  # it has the label in it
        kinds |= {LABEL: "category"} if LABEL in cells.columns else {}  # be they numbers, they are names of folders
        return self.source_of(source, cells, options, kinds)

    def read(self, source: Raw, encoding: str = "") -> Cells:
        name, home = f"The folder '{source}'", Path(str(source))
        files, others = [], Counter[str]()
        for path in walk(name, home):
            ending = Path(path).suffix.lower()
            kind = "text" if ending in TEXTS else kind_of_path(Path(path).name)
            if kind is None:
                others[ending or "no ending"] += 1
            else:
                *place, last = path.split("/")
                files.append(File(path, kind, tuple(place), last[: len(last) - len(ending)]))
        require(files, f"{name} has no files that an input reads{and_others(others, ', but')}; check the path.")
        tables = [each.path for each in files if not each.place and each.path.lower().endswith(TABLES)]
        require(
            not (tables and len(files) == len(tables) <= FEW),
            f"{name} holds nothing but tables ({', '.join(tables)}); name one in place of the folder.",
        )
        if len(files) > len(tables):  # a table beside the files is about them, such as a list of labels
            files = [each for each in files if each.path not in tables]
        notes = [f"what its tables say is not read ({', '.join(tables[:SHOWN])})"] if tables else []
        files, said = by_split(files)
        files, more = by_input(files)
        own = {"id", "split"} | ({LABEL} if any(each.place for each in files) else set())
        clash = sorted(own & {each.column for each in files})
        require(not clash, f"{name} has a folder of an input that is called '{''.join(clash[:1])}'; rename it.")
        cells = cells_of(name, home, files, encoding)
        labels = {value for value in cells.columns.get(LABEL, []) if value is not None}
        notes += [*said, *more] + ([f"its folders are the labels ({len(labels)})"] if labels else [])
        notes += [f"left out are{and_others(others)} files"] if others else []
        return Cells(name, cells.columns, cells.places, "; ".join(notes))


def walk(name: str, home: Path) -> Iterator[str]:
    """The paths of all files below a folder, in order, with slashes; what is hidden, and links to folders, left out."""

    def failed(error: OSError) -> None:
        raise MMZooError(f"{name} cannot be read ({error.strerror}: '{error.filename}'); check its permissions.")

    for folder, below, names in os.walk(home, onerror=failed):
        here = Path(folder)
        below[:] = sorted(each for each in below if not is_junk(each))
        for each in below:
            if (here / each).is_symlink():
                logging.getLogger("mmzoo").info("%s: '%s' is a link to a folder, which is not followed.", name, each)
        yield from ((here / each).relative_to(home).as_posix() for each in sorted(names) if not is_junk(each))


def is_junk(name: str) -> bool:
    """Did a system, and not the user, put it there?"""
    return name.startswith(".") or name.lower() in JUNK


def and_others(others: Counter[str], before: str = "") -> str:
    """Files that no input reads, in words."""
    shown = ", ".join(f"{count} of {ending}" for ending, count in others.most_common(SHOWN))
    return f"{before} {shown}" if others else ""


def by_split(files: Sequence[File]) -> tuple[list[File], list[str]]:
    """The files without the folders of the splits, where there are such, and what is to be said of it."""
    tops = {each.place[0] if each.place else "" for each in files}
    splits = {top: part_called(top) for top in tops}
    if not {*splits.values()} <= {*SHARES} or "train" not in splits.values():
        return [*files], []
    found = [each._replace(split=splits[each.place[0]], place=each.place[1:]) for each in files]
    return found, [f"its folders {', '.join(sorted(tops))} are the split"]


def by_input(files: Sequence[File]) -> tuple[list[File], list[str]]:
    """The files with the column of each: named as the folder for an input in which they are, or as their kind."""
    plain = [each._replace(column=each.kind) for each in files]
    kinds: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for each in files:
        top = each.place[0] if each.place else ""
        kinds[top].add(each.kind)
        names[top].add((each.split, *each.place[1:], each.stem))
    pure = "" not in kinds and all(len(each) == 1 for each in kinds.values())
    if not pure or len({kind for each in kinds.values() for kind in each}) < 2:
        return plain, []
    for top, theirs in names.items():
        others = set().union(*(each for other, each in names.items() if other != top))
        if len(theirs & others) < ALIKE * len(theirs):
            return plain, []
    found = [each._replace(column=each.place[0], place=each.place[1:]) for each in files]
    return found, [f"its folders {', '.join(sorted(names))} are the inputs"]


def cells_of(name: str, home: Path, files: Sequence[File], encoding: str) -> Cells:
    """A record for the files of one name in one place; of a column that it has already, one of its own."""
    records: dict[tuple[str, ...], dict[str, Raw]] = {}
    for each in files:
        key: tuple[str, ...] = (each.split, *each.place, each.stem)
        if each.column in records.get(key, {}):
            key = (each.split, *each.place, Path(each.path).name)
        row = records.setdefault(key, {})
        row[each.column] = text_in(home, each.path, encoding) if each.kind == "text" else each.path
        row["id"] = "/".join(filter(None, key))
        row |= {LABEL: each.place[0]} if each.place else {}
        row |= {"split": each.split} if each.split else {}
    columns = list(dict.fromkeys(column for row in records.values() for column in row))
    rows = list(records.values())
    found = {column: [row.get(column) for row in rows] for column in columns}
    return Cells(name, found, [f"'{row['id']}'" for row in rows])


def text_in(home: Path, path: str, encoding: str) -> str | DataError:
    """What a file of text says, or why it cannot be read."""
    name = f"The text '{path}'"
    try:
        text, _ = text_of_file(name, read_file(home / path, links=False, limit=LONGEST), encoding)
        return text.strip()
    except OSError as error:
        return DataError(f"{name} cannot be read ({error.strerror}); mend it.", "unreadable_file")
    except MMZooError as error:
        return DataError(str(error), "unreadable_file")
