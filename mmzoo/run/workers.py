"""A run on the workers of a pipeline, which it makes rows of a table for: opened there once in each process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.answers.rows.answered import Answerer, RowMaker
from mmzoo.answers.rows.vectors import Embedder
from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.run.answering import Answering


def answerer_of(run: Answering, *, explain: bool, on_error: str) -> Answerer:
    """Who makes the rows of `write_answers`."""
    return Answerer(run.model, run.thresholds, explain, on_error)


def embedder_of(run: Answering, *, inputs: Sequence[str], on_error: str, numbered: bool) -> Embedder:
    """Who makes the rows of `write_vectors`."""
    return Embedder(run.model, inputs, on_error, numbered=numbered)


@dataclass(frozen=True)
class Opened:
    """Who makes the rows of a table on a worker, by a run that is opened there once in each process.

    Args:
        seal: of the model.
    """

    kind: Callable[[Path], Answering]
    folder: Path
    seal: str
    make: Callable[[Answering], RowMaker]

    def __call__(self) -> RowMaker:
        run = opened_run(self.kind, self.folder)
        same = run.seal == self.seal
        require(same, f"The run '{self.folder}' is another one on a worker; it has to lie where all workers see it.")
        return self.make(run)


@lru_cache(maxsize=1)
def opened_run(kind: Callable[[Path], Answering], folder: Path) -> Answering:
    """A run whose model is loaded once."""
    return kind(folder)
