"""One hypothesis an example: the likeliest token each time, or one that is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmzoo.aliases import Tree
from mmzoo.decoding.base import Decoded, Step, next_log_probs
from mmzoo.errors import check_number


@dataclass(frozen=True)
class Greedy:
    """The likeliest token each time; of two that are equally likely, the first."""

    def __call__(
        self, step: Step, caches: Tree, first: np.ndarray, end: int, most: int, start: int, seen: Seen | None
    ) -> Decoded:
        return one_by_one(lambda log_probs, _: log_probs.argmax(axis=1), step, caches, first, end, most, start, seen)


@dataclass(frozen=True)
class Sample:
    """A token that is drawn, by its probability among the likeliest.

    The same record with the same seed gets the same answer, whatever else is in its batch.

    Args:
        top_k: among how many tokens (Fan et al. 2018, arXiv:1805.04833); 0 for all.
        top_p: among the fewest that have that probability together (Holtzman et al. 2020, arXiv:1904.09751).
        temperature: by which log-probabilities are divided: below 1 the likely ones are drawn more often.
        seed: of the draws.
    """

    top_k: int = 0
    top_p: float = 1.0
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("The top_k of a sample", self.top_k, 0, 1e9, whole=True)
        check_number("The top_p of a sample", self.top_p, 1e-6, 1)
        check_number("The temperature of a sample", self.temperature, 1e-3, 1e3)
        check_number("The seed of a sample", self.seed, 0, 2**63, whole=True)

    def __call__(
        self, step: Step, caches: Tree, first: np.ndarray, end: int, most: int, start: int, seen: Seen | None
    ) -> Decoded:
        drawn = np.random.default_rng(self.seed).random(most)
        return one_by_one(
            lambda log_probs, place: self.choose(log_probs, drawn[place]),
            *(step, caches, first, end, most, start, seen),
        )

    def choose(self, log_probs: np.ndarray, drawn: float) -> np.ndarray:
        """The tokens (N,) where a number between 0 and 1 falls in the distributions of log-probabilities (N, V)."""
        scaled = log_probs / self.temperature
        order = np.argsort(-scaled, axis=1, kind="stable")
        ranked = np.take_along_axis(scaled, order, axis=1)
        shares = np.exp(ranked - ranked[:, :1])
        shares /= shares.sum(axis=1, keepdims=True)
        before = np.cumsum(shares, axis=1) - shares
        shares[before >= self.top_p] = 0.0  # the first has nothing before it, and stays
        if self.top_k:
            shares[:, self.top_k :] = 0.0
        reached = np.cumsum(shares, axis=1)
        place = (reached <= drawn * reached[:, -1:]).sum(axis=1)
        last = (shares > 0).sum(axis=1) - 1
        return np.asarray(order[np.arange(len(order)), np.minimum(place, last)])


Seen = Callable[[np.ndarray, np.ndarray], None]
"""Called after each step with the tokens (N,) and which examples had not ended before it, bool (N,)."""


def one_by_one(
    choose: Callable[[np.ndarray, int], np.ndarray],
    step: Step,
    caches: Tree,
    first: np.ndarray,
    end: int,
    most: int,
    start: int,
    seen: Seen | None,
) -> Decoded:
    """Decode with what `choose` takes of log-probabilities (N, V) at a place from 0."""
    count = len(first)
    ids, lengths, sums = np.zeros((count, most), np.int32), np.zeros(count, int), np.zeros(count)
    open_, tokens = np.ones(count, bool), np.asarray(first, np.int32)
    for place in range(most):
        found, caches = step(tokens, caches, start + place)
        log_probs = next_log_probs(found)
        tokens = choose(log_probs, place).astype(np.int32)
        sums += np.where(open_, log_probs[np.arange(count), tokens], 0.0)
        if seen is not None:
            seen(tokens, open_)
        open_ = open_ & (tokens != end)
        ids[:, place] = np.where(open_, tokens, 0)
        lengths += open_
        if not open_.any():
            break
    return Decoded(ids, lengths, sums, ~open_)
