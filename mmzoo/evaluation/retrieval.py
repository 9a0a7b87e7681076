"""What an evaluation finds of a retrieval: which inputs find which, against chance and against one another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.verdict import Gain, gain
from mmzoo.tasks.metrics.recall import Found

if TYPE_CHECKING:
    from mmzoo.tasks.retrieval import Retrieval

FIRST, FIRSTS = 1, 10  # places that count for the verdict: of few candidates, of many
MANY = 50


class DirectionFigures(TypedDict):
    """A direction as metrics.json has it: `interval` is of the metric that counts, the others are by their names."""

    asked: list[str]
    key: str
    queries: int
    candidates: int
    metrics: dict[str, float]
    chance: dict[str, float]
    interval: dict[str, list[float]]


@dataclass(frozen=True)
class Direction:
    """What inputs find of another.

    Args:
        asked: the inputs that look, together.
        key: what they look for.
        rows: the records that have all of these, among those with a label.
        found: how well each of them did.
        low, high: the 95 % bootstrap interval over the queries of the share that is found (`measure`).
    """

    asked: tuple[str, ...]
    key: str
    rows: np.ndarray
    found: Found
    low: float
    high: float

    @property
    def measure(self) -> str:
        """The metric that counts: of the first place where candidates are few, of the first ten where they are many."""
        return f"recall@{places_of(self.found)}"

    @property
    def value(self) -> float:
        return self.found.metrics[self.measure]

    @property
    def chance(self) -> float:
        return self.found.chance[self.measure]

    @property
    def name(self) -> str:
        return f"{' + '.join(self.asked)} -> {self.key}"

    @property
    def words(self) -> str:
        """How well, in words."""
        return (
            f"{self.measure} {self.value:.2f} (95 % {self.low:.2f} to {self.high:.2f}, chance {self.chance:.2f} among "
            f"{self.found.candidates:,})"
        )

    def to_json(self) -> DirectionFigures:
        return {
            "asked": list(self.asked),
            "key": self.key,
            "queries": len(self.rows),
            "candidates": self.found.candidates,
            "metrics": self.found.metrics,
            "chance": self.found.chance,
            "interval": {self.measure: [self.low, self.high]},
        }


def places_of(found: Found) -> int:
    """How many of the first places count."""
    return FIRSTS if found.candidates >= MANY else FIRST


@dataclass(frozen=True)
class RetrievalEvaluation(TaskEvaluation):
    """The vectors of the records of one split, for one retrieval."""

    task: Retrieval

    @property
    def reason(self) -> str:
        missing = self.task.lacking(self.subset_predictions.labels[self.name])
        if missing or self.subsets[self.everything]:
            return missing
        return f"No two inputs of task '{self.name}' are there in records that differ, so that nothing is to be found."

    @cached_property
    def directions(self) -> list[Direction]:
        """Of each single input and each combination of them, what they find of every other, the best first."""
        names = [name for name in self.spec.input_names if name in self.task.inputs]
        found = []
        for size in range(1, len(names)):
            for asked in combinations(names, size):
                if "+".join(asked) in self.subset_predictions.predictions:
                    found += [each for key in names if key not in asked and (each := self._direction(asked, key))]
        return sorted(found, key=lambda each: -each.found.metrics["mrr"])

    def _answered(self, asked: tuple[str, ...]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The labels and the vectors of records with these inputs alone."""
        return self.subset_predictions.labels_and_answers(self.task, "+".join(asked))

    def _direction(self, asked: tuple[str, ...], key: str) -> Direction | None:
        found = self.task.found(asked, key, *self._answered(asked))
        if found is None:
            return None
        hits = np.asarray(found[1].ranks <= places_of(found[1]), float)
        return Direction(asked, key, *found, *interval(hits))

    @cached_property
    def gains(self) -> list[Gain]:
        """Of each input that several others can look for: what all of them add to the one that finds it best."""
        return [replace(each, over=f"{each.over} -> {most.key}") for most, each in self.together]

    @cached_property
    def together(self) -> list[tuple[Direction, Gain]]:
        """All that can look for an input, and what they find more than the best single one, by the hits of both."""
        found = []
        for key in dict.fromkeys(each.key for each in self.directions):
            several = [each for each in self.directions if each.key == key and len(each.asked) > 1]
            alone = [
                (each.asked[0], looked)
                for each in self.directions
                if each.key == key and len(each.asked) == 1
                if (looked := self.task.found(each.asked, key, *self._answered(each.asked), strict=True))
            ]
            if not several or not alone:
                continue
            most = max(several, key=lambda each: len(each.asked))
            name, (rows, single) = max(alone, key=lambda pair: pair[1][1].metrics["mrr"])
            both, mine, theirs = np.intersect1d(most.rows, rows, return_indices=True)
            places = places_of(most.found)
            ranks = most.found.ranks[mine], single.ranks[theirs]
            hits = [np.asarray(each <= places, float) for each in ranks]
            if len(both):
                found.append((most, gain(self.task, f"{name} alone", *hits)))
        return found

    @property
    def verdict(self) -> str:
        """Which inputs find which better than chance, from the worst to the best, and whether several find more."""
        single = [each for each in self.directions if len(each.asked) == 1]
        best, worst = single[0], single[-1]
        lost = [each.name for each in single if each.low <= each.chance]
        if len(lost) == len(single):
            said = f"No input is shown to find another better than chance; the best is {best.name}, {best.words}."
        elif lost:
            said = f"{best.name} goes best: {best.words}. Not shown to be better than chance: {', '.join(lost)}."
        elif best is worst:
            said = f"{best.name}: {best.words}, better than chance."
        else:
            said = (
                f"Every input finds every other better than chance: {best.name} goes best, {best.words}; {worst.name} "
                f"worst, {worst.words}."
            )
        return " ".join([said, *(self._more(*each) for each in self.together)])

    def _more(self, most: Direction, found: Gain) -> str:
        points = f"{abs(found.gain) * 100:.1f} points of {most.measure}"
        span = f"95 % {found.low * 100:+.1f} to {found.high * 100:+.1f}"
        who = " + ".join(most.asked)
        if found.significance > 0:
            return f"{who} together find {most.key} better than {found.over}, by {points} ({span})."
        if found.significance < 0:
            return f"{who} together find {most.key} worse than {found.over}, by {points} ({span})."
        return f"{who} together are not shown to find {most.key} better than {found.over} (difference {span})."

    def nearest(self, direction: Direction, place: int, count: int) -> tuple[int, list[tuple[int, float, bool]]]:
        labels, answers = self._answered(direction.asked)
        queries, there = self.task.looking(direction.asked, answers), self.task.looking([direction.key], answers)
        held = labels[direction.rows, self.task.inputs.index(direction.key)]
        groups, first = np.unique(held, return_index=True)
        row = direction.rows[place]
        scores = there[direction.rows[first]] @ queries[row]
        right = np.isin(
            groups, held[self.task.belonging(direction.asked, direction.key, labels[direction.rows], place)]
        )
        number = np.flatnonzero(self.known)
        order = np.argsort(-scores, kind="stable")[:count]
        found = [(int(number[direction.rows[first[k]]]), float(scores[k]), bool(right[k])) for k in order]
        return int(number[row]), found
