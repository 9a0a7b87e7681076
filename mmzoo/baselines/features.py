"""The inputs of records as matrices. What is learnt for it is learnt from the training records."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from mmzoo.aliases import Raw, Untyped
from mmzoo.baselines.base import Clock
from mmzoo.baselines.blocks import Block, Matrix, Table
from mmzoo.baselines.pooled import pooled_blocks
from mmzoo.data.lazy.columns import given
from mmzoo.data.records import Records
from mmzoo.errors import require
from mmzoo.messages.truncation import count_truncations
from mmzoo.modalities.vectorizer import Vectorizer
from mmzoo.spec import Spec


class Features:
    """What the baselines read. A matrix is made when it is first asked for, and kept as long as its records.

    Args:
        train: the training records; nothing is learnt from others.
    """

    def __init__(self, spec: Spec, train: Records, clock: Clock, seed: int = 0) -> None:
        self.spec, self.train, self.clock, self.seed = spec, train, clock, seed
        self.blocks: dict[str, list[Block]] = {}
        self.found: WeakKeyDictionary[Records, dict[Hashable, Untyped]] = WeakKeyDictionary()

    def scaled(self, records: Records, names: Sequence[str]) -> Matrix:
        """For linear models: rows of each block have about length 1, categories are one-hot. May be sparse."""
        return self._joined(records, names, "scaled", lambda block, table: block.scaled(table))

    def reduced(self, records: Records, names: Sequence[str]) -> np.ndarray:
        """For distances: as `scaled`, but dense, and of wide blocks only the main directions."""
        found: np.ndarray = self._joined(records, names, "reduced", lambda block, table: block.reduced(table))
        return found

    def plain(self, records: Records, names: Sequence[str], *, widest: int | None = None) -> np.ndarray:
        """For trees: numbers as they are, NaN where they are not known; of sparse blocks the main directions.

        Args:
            widest: columns of a dense block up to which it stays whole.
        """
        found: np.ndarray = self._joined(records, names, ("plain", widest), lambda b, table: b.plain(table, widest))
        return found

    def _joined(
        self, records: Records, names: Sequence[str], view: Hashable, make: Callable[[Block, Table], Matrix]
    ) -> Matrix:
        from scipy.sparse import hstack, issparse

        parts = []
        for name in names:
            for number, block in enumerate(self._blocks(name)):
                parts.append(
                    self._kept(
                        records,
                        (name, number, view),
                        lambda b=block, n=name, k=number: make(b, self._table(records, n, k)),  # type: ignore[misc]
                    )
                )
        return hstack(parts, format="csr") if any(map(issparse, parts)) else np.concatenate(parts, axis=1)

    def _blocks(self, name: str) -> list[Block]:
        """The fitted blocks of an input."""
        if name not in self.blocks:
            item = next(each for each in self.spec.inputs if each.name == name)
            made = [Block(item.vectorizer(), self.seed)]
            if item.pooled:
                made += [Block(each, self.seed) for each in pooled_blocks(self.spec.subset([name]), self.clock)]
            values, there = self._values(self.train, name)
            require(values, f"No training record has input '{name}', so nothing can be learnt from it.")
            with count_truncations(name, item.kind, len(values)):
                for number, block in enumerate(made):
                    self.clock.check()
                    matrix = block.vectorizer.fit(values).transform(values)
                    table = Table(matrix, there)
                    block.fit(table)
                    self.found.setdefault(self.train, {})[name, number, "table"] = table
            self.blocks[name] = made
        return self.blocks[name]

    def _table(self, records: Records, name: str, number: int) -> Table:
        """What the vectorizer of a block makes of records."""

        def make() -> Table:
            vectorizer: Vectorizer = self.blocks[name][number].vectorizer
            values, there = self._values(records, name)
            item = next(each for each in self.spec.inputs if each.name == name)
            with count_truncations(name, item.kind, len(values)):
                return Table(vectorizer.transform(values) if values else None, there)

        return self._kept(records, (name, number, "table"), make)  # type: ignore[no-any-return]

    def _values(self, records: Records, name: str) -> tuple[list[Raw], np.ndarray]:
        """The values that are there, and bool (N,): whose they are."""
        column = records.column(name)
        there = given(column)
        return [column[int(row)] for row in np.flatnonzero(there)], there

    def _kept(self, records: Records, key: Hashable, make: Callable[[], object]) -> Matrix:
        kept = self.found.setdefault(records, {})
        if key not in kept:
            kept[key] = make()
        return kept[key]
