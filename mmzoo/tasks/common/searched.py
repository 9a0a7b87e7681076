"""How well the inputs of a task find each other by their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import ClassVar

import numpy as np

from mmzoo.names import single_output
from mmzoo.tasks.common.learned import Learned
from mmzoo.tasks.metrics.recall import AT, Found, search

EQUAL = 1e-4  # by how much the mean cosine of two vectors that are not equal is below 1
MOST = 2000  # records among which validation searches


@dataclass(frozen=True)
class Searched(Learned):
    """A task whose answers are vectors, by which each of its inputs is looked for by the others.

    Args:
        inputs: those that look for each other; all of the spec, if none is named.
        same: a column of the records, such as the labels of another task; those that say the same there are right for
            each other, and no negatives.
    """

    inputs: Sequence[str] = field(default=(), kw_only=True)
    same: str = field(default="", kw_only=True)
    primary_metric: ClassVar[str] = "mean_recall"
    metric_names: ClassVar[tuple[str, ...]] = (
        "mean_recall",
        *(f"recall@{k}" for k in AT),
        "mrr",
        "map",
        "median_rank",
    )
    score_name: ClassVar[str] = "mrr"
    score_words: ClassVar[str] = "mean reciprocal rank"

    @property
    def directions(self) -> list[tuple[str, str]]:
        """Every ordered pair of inputs: what looks, and what it looks for."""
        return list(permutations(self.inputs, 2))

    @property
    def group_columns(self) -> tuple[str, ...]:
        return (*self.inputs, self.same) if self.same else tuple(self.inputs)

    def measured(
        self, labels: np.ndarray, answers: dict[str, np.ndarray], asked: Sequence[str] = ()
    ) -> dict[str, float]:
        """The mean of each metric over all directions, and `mean_recall`, that of the recalls; nothing without any.

        With `asked`, what these find of each other input together. Of more than 2,000 records so many, spread evenly,
        are looked at.
        """
        rows = np.linspace(0, len(labels) - 1, min(len(labels), MOST)).astype(int)
        some = {name: each[rows] for name, each in answers.items()}
        found = [each.metrics for _, each in self.searches(labels[rows], some, asked)]
        means = {name: float(np.mean([each[name] for each in found])) for name in self.metric_names[1:] if found}
        return {"mean_recall": float(np.mean([means[f"recall@{k}"] for k in AT])), **means} if found else {}

    def failure(self, labels: np.ndarray, answers: dict[str, np.ndarray]) -> str:
        for place, name in enumerate(self.inputs):
            vectors = answers[single_output(self.name, name)]
            there = vectors.any(axis=1)
            # The length of the mean, squared, is the mean cosine of two.
            if (
                there.any()
                and np.ptp(labels[there, place])
                and 1.0 - np.square(vectors[there].mean(axis=0)).sum() < EQUAL
            ):
                return (
                    f"The vectors of '{name}' have become equal for all {there.sum():,} validation records, so "
                    "that none can be told from another; train again into a new folder, with a lower learning rate "
                    "(--set training.learning_rate=...), larger batches or another objective."
                )
        return ""

    def scored(self, labels: np.ndarray, answers: dict[str, np.ndarray], asked: Sequence[str] = ()) -> np.ndarray:
        """One over the rank of the right one, for each record the mean over what it is asked for, float (N,)."""
        total, count = np.zeros(len(labels)), np.zeros(len(labels))
        for rows, each in self.searches(labels, answers, asked):
            total[rows] += 1.0 / each.ranks
            count[rows] += 1
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def searches(
        self, labels: np.ndarray, answers: dict[str, np.ndarray], asked: Sequence[str] = ()
    ) -> list[tuple[np.ndarray, Found]]:
        """Each direction's `found`, or what the `asked` inputs together find of each of the others."""
        own = [name for name in self.inputs if name in asked]
        pairs = [(own, key) for key in self.inputs if key not in own]
        if len(own) in (0, len(self.inputs)):
            pairs = [([query], key) for query, key in self.directions] if own or not asked else []
        found = [self.found(query, key, labels, answers) for query, key in pairs]
        return [each for each in found if each is not None]

    def found(
        self,
        asked: Sequence[str],
        key: str,
        labels: np.ndarray,
        answers: dict[str, np.ndarray],
        *,
        strict: bool = False,
    ) -> tuple[np.ndarray, Found] | None:
        """What inputs find of another among all records that have them: the rows of these, and how well.

        None where there are no two candidates to tell apart.

        Args:
            asked: the inputs that look; of several the vector of the record, which `answers` must have of them alone.
            key: what they look for.
            labels, answers: of all records, as `measured` has them.
            strict: is what another record has with the same query not right? So it is with several that look.
        """
        queries, there = self.looking(asked, answers), self.looking([key], answers)
        rows = queries.any(axis=1) & there.any(axis=1)
        for name in asked:
            rows &= labels[:, self.inputs.index(name)] >= 0
        held = labels[rows, self.inputs.index(key)]
        if not rows.any() or np.ptp(held) == 0:
            return None
        return np.flatnonzero(rows), search(
            queries[rows], there[rows], held, *self.alike(asked[strict:], key, labels[rows])
        )

    def looking(self, asked: Sequence[str], answers: dict[str, np.ndarray]) -> np.ndarray:
        """The vectors (N, dim) of one input, or of several together; zeros where a record has none."""
        return answers[single_output(self.name, asked[0]) if len(asked) == 1 else self.name]

    def alike(self, asked: Sequence[str], key: str, labels: np.ndarray) -> list[np.ndarray]:
        """The groups of records that are right for each other, int (N,) each, -1 for none."""
        columns = [*(asked if len(asked) == 1 else ()), key, *([self.same] if self.same else [])]
        return [labels[:, self.group_columns.index(name)] for name in columns]

    def belonging(self, asked: Sequence[str], key: str, labels: np.ndarray, row: int) -> np.ndarray:
        """Which records are right for one, bool (N,)."""
        groups = self.alike(asked, key, labels)
        return np.asarray(np.any([(group == group[row]) & (group[row] >= 0) for group in groups], axis=0))
