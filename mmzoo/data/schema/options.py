"""How a table is read, written behind its name: "photos.csv#species?kind.zip=category&root=%2Fdisk"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote

from mmzoo.aliases import Raw
from mmzoo.data.schema.kinds import column_kinds
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.modalities.tabular.amounts import FRACTION
from mmzoo.modalities.tabular.clock import DURATION, TIME
from mmzoo.modalities.tabular.dates import ORDERS
from mmzoo.tasks import tasks

TEXTS = ("root", "encoding", "sheet", "task", "delimiter", "group")
"""The options that are texts."""


@dataclass(frozen=True)
class Drawing:
    """How the records of a table are drawn into parts.

    Args:
        group: a column; records that say the same there are never on two sides, such as those of one person.
        stratify: has each part each class, as far as there are enough records of it?
        seed: another one draws other records.
    """

    group: str = ""
    stratify: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Options:
    """How a table is read and what is asked of it, where that cannot be seen from its cells.

    Args:
        kinds: what columns are, and where that cannot be seen how they are written: `{"zip": "category",
            "day": "date:DMY"}`.
        root: the folder that paths in the table are relative to; the table's own, if not given.
        allow_outside: may paths, or links on their way, lead out of it?
        encoding: of the text in its file.
        sheet: of a workbook; the first that has any cells, if not given.
        task: what is asked of the label: "classification", "regression" ...
        delimiter: between the labels of one cell.
        group: the column whose groups are never on two sides of a split.
        stratify: has each part of a split each class?
        split_seed: another one splits in another way.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    root: str = ""
    allow_outside: bool = False
    encoding: str = ""
    task: str = ""
    delimiter: str = ""
    group: str = ""
    stratify: bool = True
    split_seed: int = 0
    sheet: str = ""

    @property
    def drawing(self) -> Drawing:
        """How records are drawn into parts."""
        return Drawing(self.group, self.stratify, self.split_seed)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Those that were given, as texts."""
        found = [(f"kind.{column}", kind) for column, kind in sorted(self.kinds.items())]
        found += [(key, getattr(self, key)) for key in TEXTS]
        found += [("allow_outside", "1" if self.allow_outside else ""), ("stratify", "" if self.stratify else "no")]
        found += [("split_seed", str(self.split_seed) if self.split_seed else "")]
        return [(key, value) for key, value in found if value]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> Options:
        """From pairs as `pairs` gives them."""
        kinds = {key.removeprefix("kind."): value for key, value in pairs if key.startswith("kind.")}
        others = {key: value for key, value in pairs if not key.startswith("kind.")}
        outside, alike, seed = (others.pop(key, "") for key in ("allow_outside", "stratify", "split_seed"))
        require(not seed or seed.isdecimal(), f"The seed of a split is a whole number, not '{seed}'.")
        return cls(kinds, allow_outside=bool(outside), stratify=not alike, split_seed=int(seed or 0), **others)

    def check_only_kinds(self, source: str) -> None:
        """Raise where a source that has no files of its own is told where they are."""
        given = [name for name in ("root", "allow_outside", "encoding") if getattr(self, name)]
        require(not given, f"'{source}' is no table of files, so it takes no {', '.join(given)}; leave that out.")

    def updated(self, other: Options) -> Options:
        """These, but for those that were given in `other`."""
        return Options.of(list(dict([*self.pairs, *other.pairs]).items()))


@dataclass(frozen=True)
class TableName:
    """A table, its label and how it is read, as one text that a run, a recipe and a command line have.

    Args:
        path: of a table or of a folder of shards, or "tfds:NAME".
        label: the column to be predicted; "" where it was not said, or where the task needs none.
    """

    path: str
    label: str = ""
    options: Options = field(default_factory=Options)

    @property
    def is_table(self) -> bool:
        """Does it name a table to learn from, with its label or a task that needs none? Else it may be a data set's."""
        return bool(self.label) or asks_no_label(self.options.task)

    @classmethod
    def parse(cls, text: str) -> TableName:
        """A name as `str` writes it; "photos.csv" and "photos.csv#species" are such names."""
        pairs: list[tuple[str, str]] = []
        before, mark, query = text.rpartition("?")
        if mark and all(known(pair.partition("=")[0]) for pair in query.split("&")):
            text, pairs = before, parse_qsl(query, errors="surrogateescape")
        marks = [k for k, char in enumerate(text) if char == "#"]
        # A path may have a "#" too: where something is there before one, that is the table.
        at = next((k for k in marks if is_there(text[:k])), marks[0] if marks else len(text))
        return cls(text[:at], text[at + 1 :], Options.of(pairs))

    def __str__(self) -> str:
        coded = [[quote(part, safe="", errors="surrogateescape") for part in pair] for pair in self.options.pairs]
        query = "&".join(f"{key}={value}" for key, value in coded)
        return self.path + (f"#{self.label}" if self.label else "") + (f"?{query}" if query else "")


def asks_no_label(task: str) -> bool:
    """Is it the kind of a task that no column answers, such as a retrieval?"""
    return task in tasks.names(label="")


def check_task(task: str) -> None:
    """Raise unless there is such a kind of a task; "" is none."""
    if task and task not in tasks.names():
        raise unknown("task called", task, tasks.names())


def is_there(path: str) -> bool:
    """Is there anything at a path, which may be none?"""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


LABEL = "label"
"""The column that a folder of files has of the names of its folders."""


def is_folder(source: str) -> bool:
    """Is it a folder of files, and not one of shards?"""
    try:
        path = Path(source)
        return path.is_dir() and not (path / "index.json").exists()
    except (OSError, ValueError):
        return False


def home_of(source: Raw) -> Path:
    """The folder that paths in a table are relative to: where it is, or a folder of files itself."""
    if not isinstance(source, (str, Path)):
        return Path()
    return Path(source) if is_folder(str(source)) else Path(source).parent


def known(key: str) -> bool:
    """Is it the name of an option?"""
    return key.startswith("kind.") or key in (*TEXTS, "allow_outside", "stratify", "split_seed")


def told_kinds(texts: Sequence[str]) -> dict[str, str]:
    """Kinds as a command line has them: `["zip=category"]`.

    Raises:
        MMZooError: one is not written so, or there is no such kind.
    """
    found = {}
    for text in texts:
        column, mark, kind = text.rpartition("=")
        require(mark and column, f"What a column is is written COLUMN=KIND, such as zip=category, not '{text}'.")
        check_kind(kind)
        found[column] = kind
    return found


def check_kind(kind: str) -> None:
    """Raise unless there is such a kind of column; behind it may stand how its cells are written: "date:DMY"."""
    kind, _, form = kind.partition(":")
    if kind not in column_kinds():
        raise unknown("kind of column called", kind, column_kinds())
    require(
        not form
        or (kind == "number" and (form[0] in ".," or form in (DURATION, FRACTION)))
        or (kind == "date" and form in (*ORDERS, TIME))
        or (kind == "multi_category" and len(form) == 1),
        f"'{kind}:{form}' says nothing; write number:, (a decimal comma) or number:., number:{DURATION} or "
        f"number:{FRACTION}, date:DMY, date:MDY, date:YMD or date:{TIME}, multi_category:; (what is between several).",
    )


def check_root(root: str | Path) -> Path:
    """The folder that paths are relative to, without links.

    Raises:
        MMZooError: it is not there.
    """
    try:
        path = Path(root).resolve()
        require(path.is_dir(), f"The folder '{root}' does not exist; give another --root.")
    except (OSError, RuntimeError, ValueError) as error:
        raise MMZooError(f"The folder '{root}' cannot be entered ({error}); give another --root.") from None
    return path
