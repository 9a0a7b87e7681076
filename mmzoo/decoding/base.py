"""What decoding takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypedDict

import numpy as np

from mmzoo.aliases import Tensor, Tree
from mmzoo.errors import MMZooError


class WrittenText(TypedDict):
    """A text as a user reads it, and the logarithm of its probability."""

    text: str
    log_prob: float


class Step(Protocol):
    """One step of a decoder: the last token of each row and what it remembers -> what comes next.

    Rows are those of the batch, or of a beam search `beams` rows for each example, one example after the other: what
    is the same for all hypotheses of an example (what it hears or sees) need not be in the caches.
    """

    def __call__(self, tokens: np.ndarray, caches: Tree, position: int) -> tuple[Tensor, Tree]:
        """The logarithms of the next token's probabilities, float32 (R, V), and the caches that go with them.

        Args:
            tokens: the last token of each row, int32 (R,).
            caches: as the last step gave them: arrays (R, ...) in dicts, lists or tuples.
            position: the place of `tokens` in the sequence, the same for all.
        """
        ...


@dataclass(frozen=True)
class Decoded:
    """The answers to a batch.

    Args:
        ids: int32 (N, most), without the first and the end token; after the end, zeros.
        lengths: int (N,), how many of these there are.
        log_probs: float64 (N,), the sum over an answer's tokens and its end.
        ended: bool (N,), did the end token come, or was the answer cut at `most`?
    """

    ids: np.ndarray
    lengths: np.ndarray
    log_probs: np.ndarray
    ended: np.ndarray

    @property
    def sequences(self) -> list[np.ndarray]:
        """The ids of each answer, int32 (length,)."""
        return [row[:length] for row, length in zip(self.ids, self.lengths, strict=True)]


def next_log_probs(found: Tensor) -> np.ndarray:
    """A step's log-probabilities as float64 (R, V).

    Raises:
        MMZooError: those of a row are not numbers, so that no token can be chosen.
    """
    log_probs = np.asarray(found, np.float64)
    broken = np.flatnonzero(~(np.isfinite(log_probs.max(axis=1))))  # minus infinity forbids a token, not all of them
    if len(broken):
        raise MMZooError(
            f"The decoder gives no probabilities for row {broken[0]}: they are not numbers; train the model again, "
            "with a lower learning rate."
        )
    return log_probs


def chosen_rows(caches: Tree, rows: np.ndarray) -> Tree:
    """Caches with these rows of theirs, in that order."""
    if isinstance(caches, dict):
        return {name: chosen_rows(each, rows) for name, each in caches.items()}
    if isinstance(caches, (list, tuple)):
        return [chosen_rows(each, rows) for each in caches]
    return None if caches is None else np.asarray(caches)[rows]
