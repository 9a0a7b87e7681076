"""Gradient-boosted decision trees for a task, fitted by scikit-learn and taken apart into plain arrays.

Small trees of half of the columns each, and a committee of several that each leave out a part of the records: on tables
of some hundred records that is worth more than any other choice (R2 of cars .88 in place of .84, of diabetes .38 in
place of .31, as good as a random forest's or better), and on large ones it costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mmzoo.modalities.tabular.fitting import HUGE

if TYPE_CHECKING:
    from mmzoo.tasks.base import Task

STEP, PATIENCE = 20, 3
SHARE = 0.5  # of the columns, that a split is chosen from
PENALTY = 1.0  # on the squares of the leaves
SMALL = 8  # leaves of a tree of few records
FEWEST = 5  # records of a part that is left out
WITHOUT = 20  # trees of a single member that no records can stop
SURE = 10.0  # the log-odds of what all records have
MANY = 50_000
"""Records from which a second thread of scikit-learn's gains something: with fewer ones the threads wait for each other
after every feature of every tree, and on a busy machine that takes many times what the work does."""


class Tree(NamedTuple):
    """The nodes of a tree, arrays (nodes,); the root comes first.

    columns: int32, whose number each node asks for.
    thresholds: float32; a number up to it goes to the child, a larger one to the node behind that.
    missing: int32, 1 where a row without that number goes to the child.
    children: int32; a leaf's is itself.
    values: float32, of the leaves.
    """

    columns: np.ndarray
    thresholds: np.ndarray
    missing: np.ndarray
    children: np.ndarray
    values: np.ndarray


@dataclass
class Grown:
    """The trees of one score, which is `base` and the sum of the leaves that a row comes to.

    left_out: float32 (N,), the training records' scores, each by those trees that were grown without it.
    """

    trees: list[Tree]
    base: float
    left_out: np.ndarray


@dataclass(frozen=True)
class Shape:
    """How trees are grown.

    Args:
        trees: for each score, of all members together, at most.
        leaves, depth: of each tree, at most; of few records there are fewer leaves.
        rate: how much of what is left over a tree corrects.
        members: of the committee.
    """

    trees: int
    leaves: int
    depth: int
    rate: float
    members: int


def scores_of(task: Task) -> int:
    """How many scores boosted trees have for a task: one for two labels, else one each; 0 if they cannot answer it."""
    tags = task.tags
    if task.target != "label" or tags.evidential or not (tags.probabilistic or tags.numeric):
        return 0
    if tags.exclusive:
        return 1 if len(task.answer_names) == 2 else len(task.answer_names)
    return task.units


def grow(
    task: Task,
    matrix: np.ndarray,
    targets: np.ndarray,
    shape: Shape,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
    say: Callable[[int, float], object] = lambda trees, loss: None,
) -> list[Grown]:
    """Trees for each score of a task.

    Args:
        matrix: float32 (N, F), NaN where a number is missing.
        targets: of an exclusive task the places of the labels, int (N,); else float (N, K), numbers in deviations from
            their means, or 1 for each label that is right. Each must be known.
        enough: is the time over? Asked now and then; what was grown by then is what there is.
        say: is told how many trees each member has, and how far their answers to what they have not seen are off.
    """
    matrix = np.where(np.abs(matrix) < HUGE, matrix, np.nan).astype(np.float64)
    if task.tags.exclusive:
        return Committee(matrix, targets.astype(int), scores_of(task), shape, seed).grow(enough, say)
    found = []
    for column in targets.T:
        labels = column if task.tags.numeric else (column > 0.5).astype(int)
        found += Committee(matrix, labels, 0 if task.tags.numeric else 1, shape, seed).grow(enough, say)
    return found


class Committee:
    """Members that are grown together, each without a part of the records, until these say that it is enough.

    Args:
        labels: float (N,), or int (N,) of classes.
        scores: 0 of numbers, 1 of two classes, else one of each class.
    """

    def __init__(self, matrix: np.ndarray, labels: np.ndarray, scores: int, shape: Shape, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self.matrix, self.labels, self.scores, self.shape = matrix, labels, scores, shape
        self.parts = parts_of(labels, scores > 0, shape.members, seed)
        made = HistGradientBoostingClassifier if scores else HistGradientBoostingRegressor
        self.members = [
            made(
                learning_rate=shape.rate,
                max_leaf_nodes=int(np.clip(len(labels) // 100, min(SMALL, shape.leaves), shape.leaves)),
                max_depth=shape.depth,
                min_samples_leaf=int(np.clip(len(labels) // 100, 3, 20)),
                l2_regularization=PENALTY,
                max_features=SHARE,
                early_stopping=False,
                warm_start=True,
                random_state=seed + number,
            )
            for number in range(len(self.parts) if len(self.parts) > 1 else 1)
        ]

    def grow(self, enough: Callable[[], bool], say: Callable[[int, float], object]) -> list[Grown]:
        """Grow until `PATIENCE` rounds of `STEP` trees have gained nothing."""
        rows = len(self.labels)
        constant = len(np.unique(self.labels)) < 2
        if constant:
            return [Grown([], base, np.full(rows, base, np.float32)) for base in self.of_one_label()]
        most = max(self.shape.trees // len(self.members), 1)
        if not self.parts:
            most = min(most, WITHOUT)
        best, kept, trees = np.inf, 0, 0
        left_out = self.blank()
        while trees < most and trees - kept < PATIENCE * STEP and not (trees and enough()):
            trees = min(trees + STEP, most)
            found = self.blank()
            for number, member in enumerate(self.members):
                self.fit(member, trees, number)
                if self.parts:
                    found[self.parts[number]] = self.raw(member, self.parts[number])
            loss = self.loss(found)
            if loss < best or not self.parts:
                best, kept, left_out = loss, trees, found
            say(trees, loss)
        return self.taken_apart(kept, left_out)

    def fit(self, member: Any, trees: int, number: int) -> None:
        """Grow one member to so many trees."""
        rows = np.ones(len(self.labels), bool)
        if self.parts:
            rows[self.parts[number]] = False
        seen = self.matrix[rows]
        seen[:, np.isnan(seen).all(axis=0)] = 0.0  # scikit-learn takes no column without any number
        member.set_params(max_iter=trees).fit(seen, self.labels[rows])

    def raw(self, member: Any, rows: np.ndarray) -> np.ndarray:
        """The scores of one member, float (rows, K)."""
        if not self.scores:
            return np.asarray(member.predict(self.matrix[rows]))[:, None]
        found = np.asarray(member.decision_function(self.matrix[rows])).reshape(len(rows), -1)
        return self.spread(found, member.classes_)

    def spread(self, found: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Scores of the classes that there are, float (N, those), as scores of all."""
        if self.scores < 2:
            return found
        wide = np.full((len(found), self.scores), -SURE)
        wide[:, classes] = found if found.shape[1] == len(classes) else np.concatenate([0 * found, found], axis=1)
        return wide

    def blank(self) -> np.ndarray:
        """Scores of nobody yet, float (N, K)."""
        return np.full((len(self.labels), max(self.scores, 1)), np.nan)

    def loss(self, scores: np.ndarray) -> float:
        """How far the scores of those records that have some are off: squared errors, or the likelihood of labels."""
        there = ~np.isnan(scores[:, 0])
        if not there.any():
            return np.inf
        scores, labels = scores[there], self.labels[there]
        if not self.scores:
            return float(((scores[:, 0] - labels) ** 2).mean())
        if self.scores == 1:
            return float(np.logaddexp(0.0, np.where(labels > 0, -scores[:, 0], scores[:, 0])).mean())
        return float((np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(labels)), labels]).mean())

    def of_one_label(self) -> list[float]:
        """The bases where all records have one label."""
        only = self.labels[0]
        if not self.scores:
            return [float(only)]
        if self.scores == 1:
            return [SURE if only else -SURE]
        return [0.0 if place == only else -SURE for place in range(self.scores)]

    def taken_apart(self, kept: int, left_out: np.ndarray) -> list[Grown]:
        """The mean of the members after so many trees, score by score.

        Args:
            left_out: float (N, K), NaN of records that all members have seen: they have the mean of all.
        """
        every = np.flatnonzero(np.isnan(left_out[:, 0]))
        if len(every) and len(every) < len(left_out):
            left_out[every] = np.mean([self.raw(member, every) for member in self.members], axis=0)
        elif len(every):
            left_out = self.raw(self.members[0], every)
        share = 1.0 / len(self.members)
        bases, trees = np.zeros(max(self.scores, 1)), [[] for _ in range(max(self.scores, 1))]  # type: ignore[var-annotated]
        for member in self.members:
            classes = member.classes_ if self.scores else np.zeros(1, int)
            prior = np.asarray(member._baseline_prediction, np.float64).reshape(1, -1)
            bases += share * self.spread(prior, classes)[0]
            places = classes if self.scores > 1 and prior.shape[1] == len(classes) else [self.place_of_one(classes)]
            for grown in member._predictors[:kept]:
                for place, tree in zip(places, grown, strict=True):
                    trees[place].append(plain(tree.nodes, share))
        return [
            Grown(mine, float(base), scores.astype(np.float32))
            for mine, base, scores in zip(trees, bases, left_out.T, strict=True)
        ]

    def place_of_one(self, classes: np.ndarray) -> int:
        """Which score the trees are of that tell two classes apart."""
        return int(classes[-1]) if self.scores > 1 else 0


def parts_of(labels: np.ndarray, classes: bool, members: int, seed: int) -> list[np.ndarray]:
    """The rows that each member leaves out, int arrays that do not overlap; none of too few records.

    A single member leaves out a fifth. Of a class with fewer records than members all are seen by all.
    """
    parts = members if members > 1 else 5
    random = np.random.RandomState(seed)
    order = random.permutation(len(labels))
    if classes:
        counts = np.bincount(labels)
        order = order[counts[labels[order]] >= parts]
        order = order[np.argsort(labels[order], kind="stable")]  # each part has its share of each class
    if len(order) < FEWEST * parts:
        return []
    found = [np.sort(order[first::parts]) for first in range(parts)]
    return found if members > 1 else found[:1]


def plain(nodes: np.ndarray, share: float) -> Tree:
    """The nodes of one of scikit-learn's trees, in an order in which children stand side by side."""
    order, places = [0], {0: 0}
    for node in order:  # grows on the way
        if not nodes["is_leaf"][node]:
            for side in ("left", "right"):
                places[int(nodes[side][node])] = len(order)
                order.append(int(nodes[side][node]))
    told = nodes[order]
    leaf = told["is_leaf"].astype(bool)
    own = np.arange(len(order))
    first = [own[k] if leaf[k] else places[int(told["left"][k])] for k in own]
    return Tree(
        np.where(leaf, 0, told["feature_idx"]).astype(np.int32),
        np.where(leaf, np.float32(HUGE), rounded_down(told["num_threshold"])).astype(np.float32),
        np.where(leaf, 1, told["missing_go_to_left"]).astype(np.int32),
        np.array(first, np.int32),
        np.where(leaf, told["value"] * share, 0.0).astype(np.float32),
    )


def rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """The largest float32 up to each threshold: the same float32 numbers are above it, and the same are not."""
    bounded = np.clip(thresholds, -HUGE, HUGE)
    near = bounded.astype(np.float32)
    return np.asarray(np.where(near > bounded, np.nextafter(near, np.float32(-np.inf)), near))
