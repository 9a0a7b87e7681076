"""The vectors of some segments, and the records that they are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmzoo.errors import require, unknown
from mmzoo.index.columns import unit
from mmzoo.index.exact import Part, best, distinct

Best = Callable[[Sequence[Part], np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Found:
    """A record that was found.

    Args:
        id: its name.
        score: the cosine similarity, -1 to 1.
        input: the input whose vector was the nearest.
        shown: by input what is shown of it: `{"text": ...}` or `{"path": ...}`.
        files: by input a small picture or a short sound that the index has of it.
    """

    id: str
    score: float
    input: str
    shown: dict[str, dict[str, str]]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Vectors:
    """See above.

    Args:
        inputs: the names of the model's inputs.
        by: those whose vectors there are.
        dim: numbers a vector.
        origin: how an error calls where they come from.
    """

    parts: Sequence[Part]
    inputs: Sequence[str]
    by: Sequence[str]
    dim: int
    origin: str

    @property
    def rows(self) -> int:
        """How many there are, those of removed records included."""
        return sum(len(part.segment.record) for part in self.parts)

    def nearest(
        self, queries: np.ndarray, k: int, among: Sequence[str] | None = None, find: Best = best
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query the scores and the rows of the nearest records, float32 and int64 (K,) with K <= k.

        Args:
            queries: (Q, dim), of any length but 0.
            among: the inputs whose vectors are looked at; all, if not given.
            find: what finds the nearest rows.

        Raises:
            MMZooError: a query is not finite or zero, `k` is no whole number from 1 on, there is no such input.
        """
        require(type(k) is int and k >= 1, f"The number of records to find is a whole number from 1 on, not {k!r}.")
        asked = np.stack([unit(query, self.dim, "The query") for query in queries])
        for name in among if among is not None else ():
            if name not in self.by:
                raise unknown(f"input in {self.origin} called", name, self.by)
        parts = self.parts
        if among is not None:
            places = [self.inputs.index(name) for name in among]
            parts = [replace(part, live=both(part.live, np.isin(part.segment.input, places))) for part in parts]
        # A record has a vector for each input at most, so that among so many rows there are k records.
        count = min(k * (len(self.by) if among is None else len({*among})), max(self.rows, 1))
        scores, rows = find(parts, asked, count)
        return [distinct(*each, k) for each in zip(scores, rows, self.records(rows), strict=True)]

    def records(self, rows: np.ndarray) -> np.ndarray:
        """The number in all segments of the record of each row; -1 for none."""
        found = np.full(rows.shape, -1, np.int64)
        for part in self.parts:
            within = (rows >= part.first) & (rows < part.first + len(part.segment.record))
            found[within] = part.segment.record[rows[within] - part.first] + part.first_record
        return found

    def found(self, score: float, row: int) -> Found:
        """What is told of a row that was found."""
        part = next(part for part in reversed(self.parts) if part.first <= row and len(part.segment.record))
        place = row - part.first
        record = int(part.segment.record[place])
        files = {name: part.segment.file(record, number) for number, name in enumerate(self.inputs)}
        return Found(
            part.segment.id(record),
            float(np.clip(score, -1.0, 1.0)),
            self.inputs[part.segment.input[place]],
            part.segment.shown(record, self.inputs),
            {name: data for name, data in files.items() if data},
        )


def both(one: np.ndarray | None, other: np.ndarray) -> np.ndarray:
    """What is in both, where None is all."""
    return other if one is None else one & other
