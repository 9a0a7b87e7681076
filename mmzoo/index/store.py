"""Vectors in a folder: found, added and removed. What they mean is not known here."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.files import is_plain
from mmzoo.files.folders import check_no_link, held, made_in, replacing
from mmzoo.index.card import CARD, MAX_INPUTS, SEGMENT, Card, Held, marked
from mmzoo.index.columns import Columns, Entry
from mmzoo.index.exact import Part, best
from mmzoo.index.gathered import SEGMENT_BYTES, named, segments_of
from mmzoo.index.graph import Graph
from mmzoo.index.segments import AGAIN, Segment
from mmzoo.index.vectors import Vectors

FEW = 32
"""More segments than these are made one."""
EXACT = 100_000
"""Up to so many rows are looked at one by one; beyond them a graph is asked, if there is one."""


class Store:
    """An index as a folder of vectors.

    Args:
        folder: that of an index. It is only read, until something is added or removed.

    Raises:
        MMZooError: it is none, or damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.reload()

    def reload(self) -> None:
        """Read it as it is by now."""
        for attempt in range(5):
            self.card = Card.read(self.folder)
            try:
                self.segments = [
                    Segment(self.folder / each.file, len(self.card.inputs), self.card.dim)
                    for each in self.card.segments
                ]
                break
            except FileNotFoundError as error:  # whoever writes has put others in their place meanwhile
                require(attempt < 4, f"'{error.filename}' is missing; {AGAIN}.")
        for name in ("vectors", "ids", "graph"):
            vars(self).pop(name, None)
        for segment, each in zip(self.segments, self.card.segments, strict=True):
            fits = len(segment) == each.records and segment.vectors.dtype == self.card.dtype
            require(fits, f"'{segment.path}' is not what '{self.folder / CARD}' says; {AGAIN}.")

    def __len__(self) -> int:
        """How many records can be found."""
        return sum(each.records - each.gone for each in self.card.segments)

    @property
    def inputs(self) -> list[str]:
        """The model's inputs."""
        return [*self.card.inputs]

    @property
    def bytes(self) -> int:
        """How large its files are."""
        return sum(segment.bytes for segment in self.segments)

    @cached_property
    def vectors(self) -> Vectors:
        """All of its vectors, and which of them are there."""
        parts, first, record = [], 0, 0
        for segment, each in zip(self.segments, self.card.segments, strict=True):
            live = None if each.removed is None else ~each.removed[segment.record]
            parts.append(Part(segment, first, record, live))
            first, record = first + len(segment.record), record + each.records
        return Vectors(parts, self.inputs, self.card.by, self.card.dim, f"the index '{self.folder}'")

    @cached_property
    def ids(self) -> dict[str, tuple[int, int]]:
        """Of each record by its name the segment it is in, and its place there."""
        return {
            name: (number, place)
            for number, (segment, each) in enumerate(zip(self.segments, self.card.segments, strict=True))
            for place, name in enumerate(segment.ids)
            if each.removed is None or not each.removed[place]
        }

    @cached_property
    def graph(self) -> Graph | None:
        """What finds vectors without looking at all of them; None where there is none on this machine."""
        return Graph.find(self.card.id, self.vectors.parts, self.card.dim)

    def nearest(
        self, queries: np.ndarray, k: int = 10, *, among: Sequence[str] | None = None, exact: bool = False
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query the scores and the rows of the nearest records; see `Vectors.nearest`.

        Args:
            exact: look at every vector, however many there are.
        """
        require(len(self), f"The index '{self.folder}' has no records; add some: mmzoo index RUN TABLE --add.")
        few = exact or self.vectors.rows <= EXACT or self.graph is None
        return self.vectors.nearest(queries, k, among, best if few else self._near)

    def _near(self, parts: Sequence[Part], queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `best`; by the graph, and one by one what is not in it."""
        assert self.graph is not None
        scores, rows = self.graph.best(parts, queries, count)
        if rest := parts[self.graph.segments :]:
            others = best(rest, queries, count)
            scores, rows = np.concatenate([scores, others[0]], axis=1), np.concatenate([rows, others[1]], axis=1)
            order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
            scores, rows = np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)
        return scores, rows

    def add_entries(self, entries: Iterable[Entry], *, overwrite: bool = False) -> int:
        """Add records; how many.

        Args:
            overwrite: may they take the place of records of the same names? Those are removed.

        Raises:
            MMZooError: a record is there already, is named twice or has no vector; a vector is not finite; the disk is
                full. The index is then as it was.
        """
        with self._writing():
            kept = [*self.card.segments]
            there, names = self.ids, set[str]()
            made: list[Held] = []

            def allowed() -> Iterator[Entry]:
                for entry in named(entries, names):
                    known = f"Record '{entry.id}' is in the index already; "
                    remedy = "give the table a column 'id' of names of its own, or let it be replaced: --overwrite"
                    require(overwrite or entry.id not in there, f"{known}{remedy} (overwrite=True).")
                    yield entry

            try:
                for columns in segments_of(allowed(), self.inputs, self.card.dim, self.card.dtype):
                    made.append(written(self.folder, columns))
                kept = marked(kept, [there[name] for name in names if name in there])
                self._swap([*kept, *made])
            except BaseException:
                for each in made:
                    with suppress(OSError):
                        (self.folder / each.file).unlink()
                raise
        return len(names)

    def remove(self, ids: Iterable[str]) -> int:
        """Remove records by their names; how many.

        Raises:
            MMZooError: one is not there.
        """
        with self._writing():
            names = {*ids}
            for name in sorted(names):
                require(name in self.ids, f"The index '{self.folder}' has no record '{name}'; look at its ids.")
            self._swap(marked([*self.card.segments], [self.ids[name] for name in names]))
        return len(names)

    def compact(self) -> None:
        """Make one segment of all, without what was removed."""
        with self._writing():
            self._compact()

    def prepare(self) -> bool:
        """Make the graph by which more than `EXACT` vectors are searched, and keep it in the cache of this machine.

        Vectors that are not in it are looked at one by one; where they are fewer than that, there is nothing to do.

        Returns whether there is a graph: it needs the package usearch, and a cache.
        """
        linked = self.graph.segments if self.graph is not None else 0
        if sum(len(segment.record) for segment in self.segments[linked:]) > EXACT:
            self.graph = Graph.make(self.card.id, self.vectors.parts, self.card.dim)
        return self.graph is not None

    @classmethod
    def create(cls, folder: Path, card: Card, entries: Iterable[Entry], *, overwrite: bool = False) -> Store:
        """Write an index, whole or not at all.

        Args:
            overwrite: may it take the place of another index?
        """
        require(len(card.inputs) <= MAX_INPUTS, f"An index takes up to {MAX_INPUTS} inputs, not {len(card.inputs)}.")
        require(
            overwrite or not (folder / CARD).exists(),
            f"'{folder}' holds an index already; add to it (--add), replace it (--overwrite), or choose another.",
        )
        with suppress(MMZooError):  # the graph of the one that was there makes room for that of this one
            card = replace(card, id=Card.read(folder).id)
        require(folder.parent.is_dir(), f"The folder '{folder.parent}' does not exist; make it, or choose another.")
        with replacing(folder, lambda name: name == CARD or SEGMENT.fullmatch(name)) as made:
            made.mkdir()
            names = set[str]()
            segments = []
            for columns in segments_of(named(entries, names), [*card.inputs], card.dim, card.dtype):
                segments.append(written(made, columns))
            require(names, "There are no records to make an index of; give at least one.")
            replace(card.with_segments(*segments), home=home(made, folder)).write(made)
        return cls(folder)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Inside, nobody else writes into the index, and it is as it is now."""
        with held(check_no_link(self.folder), "indexing", wait=True):
            self.reload()
            yield

    def _swap(self, segments: Sequence[Held]) -> None:
        """Let the index be of these segments; many are made one, and what is no longer of it goes."""
        self.card.with_segments(*segments).write(self.folder)
        self.reload()
        gone = sum(each.gone for each in self.card.segments)
        if len(segments) > FEW or gone > max(len(self), 1000):
            self._compact()
        known = {each.file for each in self.card.segments}
        for path in self.folder.iterdir():
            if SEGMENT.fullmatch(path.name) and path.name not in known and is_plain(path):
                with suppress(OSError):  # somebody reads it, where a system minds that
                    path.unlink()

    def columns(self, places: Sequence[int] | None = None) -> Columns:
        """What it holds, without what was removed, of some of its segments; of all, if not given."""
        parts = []
        for place in range(len(self.segments)) if places is None else places:
            each = self.card.segments[place]
            kept = np.ones(each.records, bool) if each.removed is None else ~each.removed
            parts.append(self.segments[place].columns(kept))
        return Columns.joined(parts)

    def _compact(self) -> None:
        """Write neighbours that are small together, and all without what was removed, anew."""
        groups: list[list[int]] = []
        for place, segment in enumerate(self.segments):
            near = groups and sum(self.segments[each].bytes for each in groups[-1]) + segment.bytes <= SEGMENT_BYTES
            groups[-1].append(place) if near else groups.append([place])
        made = []
        for group in groups:
            olds = [self.card.segments[place] for place in group]
            if len(group) == 1 and olds[0].removed is None:
                made += olds
                continue
            if (columns := self.columns(group)).records:
                made.append(written(self.folder, columns))
        self.card.with_segments(*made).write(self.folder)
        self.reload()


def written(folder: Path, columns: Columns) -> Held:
    """Write a segment into an index's folder under a name that no other has."""
    name = f"{secrets.token_hex(16)}.safetensors"
    columns.write(folder / name)
    return Held(name, columns.records)


def home(folder: Path, later: Path) -> dict[str, object]:
    """What `made_in` will say of a folder that is going to be at another place."""
    return {**made_in(folder), "folder": str(later.resolve())}
