"""One row a record: the vectors that a model makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.answers.rows.answered import Row, begun, columns_of, number, subsets_of
from mmzoo.data.decoding import decoded
from mmzoo.data.rereading import Piece
from mmzoo.inference.embed import encoder, retrieval, vector_names, vectors
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


class Embedder:
    """A model, and which of its vectors are wanted; a `RowMaker`.

    Args:
        inputs: "fused", or inputs; the usual ones of `mmzoo.inference.embed.embed`, if empty.
        on_error: what is done about records that cannot be used, see `mmzoo.data.faults.Faults`.
        numbered: has each number of a vector a column of its own, `fused_1` and so on? Otherwise each vector has one.

    Raises:
        MMZooError: the model gives no such vectors.
    """

    def __init__(
        self, model: Multimodal, inputs: Sequence[str] = (), on_error: str = "error", *, numbered: bool = False
    ) -> None:
        self.model, self.on_error, self.numbered = model, on_error, numbered
        self.task = retrieval(model.spec)
        self.wanted = vector_names(model, self.task, inputs or None)

    @property
    def spec(self) -> Spec:
        return self.model.spec

    @property
    def about(self) -> dict[str, object]:
        return {"vectors": list(self.wanted)}

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        """By vector, the columns that it is in."""
        if not self.numbered:
            return {name: [name] for name in self.wanted}
        widths = {name: encoder(self.model, self.task, (name,)).output[name].shape[-1] for name in self.wanted}
        return {name: [f"{name}_{k + 1}" for k in range(width)] for name, width in widths.items()}

    def names(self, own: list[str]) -> list[str]:
        return columns_of(own, [column for columns in self._columns.values() for column in columns])

    def rows(self, piece: Piece, pool: ThreadPoolExecutor) -> tuple[list[Row], list[str]]:
        found = decoded(self.spec, piece.records, self.on_error, pool)
        rows, places = begun(piece), found.rows.tolist()
        if places:
            present, ids = found.inputs["present"], [piece.records.ids[k] for k in places]
            made = vectors(self.model, self.task, self.wanted, found.inputs, present, ids)
            for name, columns in self._columns.items():
                for place, vector in zip(places, made[name], strict=True):
                    rows[place] |= dict(zip(columns, self._cells(vector), strict=True))
            for place, subset in zip(places, subsets_of(self.spec, present), strict=True):
                rows[place]["inputs"] = subset
        for row, reason in zip(rows, found.reasons, strict=True):
            row["error"] = reason or None
        return rows, found.causes

    def _cells(self, vector: np.ndarray) -> list[Raw]:
        numbers: list[Raw] = [number(value) for value in vector.tolist()]
        if self.numbered:
            return numbers
        return [None if np.isnan(vector[0]) else numbers]
