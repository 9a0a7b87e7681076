"""A committee of boosted trees, each member of which leaves out a part of the records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.boosting.hiding import Hiding
from mmzoo.boosting.linear import Encoding, fit_linear, share_of
from mmzoo.boosting.nodes import Tree, plain

STEP, PATIENCE = 20, 3
HIDDEN = 0.05  # what a record with hidden cells counts beside a whole one: enough to learn the side of each question
SHARE = 0.5  # of the columns, that a split is chosen from
PENALTY = 1.0  # on the squares of the leaves
SMALL = 8  # leaves of a tree of few records
FEWEST = 5  # records of a part that is left out
WITHOUT = 20  # trees of a single member that no records can stop
SURE = 10.0  # the log-odds of what all records have


@dataclass
class Grown:
    """The trees of one score, which is `base` and the sum of the leaves that a row comes to.

    weights: float32 (E,), of the encoded row (`mmzoo.boosting.linear.Encoding`), whose sum is added; None for none.
    left_out: float32 (N,), the training records' scores, each by those that have not seen it.
    """

    trees: list[Tree]
    base: float
    left_out: np.ndarray
    weights: np.ndarray | None = None


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


class Committee:
    """Members that are grown together, each without a part of the records, until these say that it is enough.

    Args:
        labels: float (N,), or int (N,) of classes.
        scores: 0 of numbers, 1 of two classes, else one of each class.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        labels: np.ndarray,
        scores: int,
        shape: Shape,
        encoding: Encoding | None = None,
        seed: int = 0,
        hiding: Hiding | None = None,
    ) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self.matrix, self.labels, self.scores, self.shape, self.encoding = matrix, labels, scores, shape, encoding
        self.hiding, self.seed = hiding, seed
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
            loss = float(self.losses(found).mean()) if self.parts else np.inf
            if loss < best or not self.parts:
                best, kept, left_out = loss, trees, found
            say(trees, loss)
        return self.taken_apart(kept, left_out)

    def fit(self, member: Untyped, trees: int, number: int) -> None:
        """Grow one member to so many trees."""
        rows = np.ones(len(self.labels), bool)
        if self.parts:
            rows[self.parts[number]] = False
        seen, labels = self.matrix[rows], self.labels[rows]
        weights = None
        if self.hiding is not None:
            more, places = self.hiding.copy_of(seen, self.seed + number)  # the same each time that it grows on
            weights = np.repeat([1.0, HIDDEN], [len(seen), len(more)])
            seen, labels = np.concatenate([seen, more]), np.concatenate([labels, labels[places]])
        seen[:, np.isnan(seen).all(axis=0)] = 0.0  # scikit-learn takes no column without any number
        member.set_params(max_iter=trees).fit(seen, labels, weights)

    def raw(self, member: Untyped, rows: np.ndarray) -> np.ndarray:
        """The scores of one member, float (rows, K)."""
        if not self.scores:
            return np.asarray(member.predict(self.matrix[rows]))[:, None]
        found = np.asarray(member.decision_function(self.matrix[rows])).reshape(len(rows), -1)
        return self.spread(found, member.classes_)

    def spread(self, found: np.ndarray, classes: np.ndarray, missing: float = -SURE) -> np.ndarray:
        """Scores of the classes that there are, float (N, those), as scores of all."""
        if self.scores < 2:
            return found
        wide = np.full((len(found), self.scores), missing)
        wide[:, classes] = found if found.shape[1] == len(classes) else np.concatenate([0 * found, found], axis=1)
        return wide

    def blank(self) -> np.ndarray:
        """Scores of nobody yet, float (N, K)."""
        return np.full((len(self.labels), max(self.scores, 1)), np.nan)

    def losses(self, scores: np.ndarray) -> np.ndarray:
        """How far the scores of those records that have some are off: squared errors, or the likelihood of labels."""
        there = ~np.isnan(scores[:, 0])
        scores, labels = scores[there], self.labels[there]
        if not self.scores:
            return np.asarray((scores[:, 0] - labels) ** 2)
        if self.scores == 1:
            return np.asarray(np.logaddexp(0.0, np.where(labels > 0, -scores[:, 0], scores[:, 0])))
        return np.asarray(np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(labels)), labels])

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
        linear = fit_linear(self, self.encoding) if self.encoding else None
        part = share_of(self, left_out, linear.left_out) if linear else 0.0
        if linear is not None:
            left_out = left_out + part * (linear.left_out - left_out)
        every = np.flatnonzero(np.isnan(left_out[:, 0]))
        if len(every) and len(every) < len(left_out):
            left_out[every] = np.mean([self.raw(member, every) for member in self.members], axis=0)
        elif len(every):
            left_out = self.raw(self.members[0], every)
        share = (1.0 - part) / len(self.members)
        bases, trees = np.zeros(max(self.scores, 1)), [[] for _ in range(max(self.scores, 1))]  # type: ignore[var-annotated]
        for member in self.members:
            classes = member.classes_ if self.scores else np.zeros(1, int)
            prior = np.asarray(member._baseline_prediction, np.float64).reshape(1, -1)
            bases += share * self.spread(prior, classes)[0]
            places = classes if self.scores > 1 and prior.shape[1] == len(classes) else [self.place_of_one(classes)]
            for grown in member._predictors[:kept]:
                for place, tree in zip(places, grown, strict=True):
                    trees[place].append(plain(tree.nodes, share))
        found = [
            Grown(mine, float(base), scores.astype(np.float32))
            for mine, base, scores in zip(trees, bases, left_out.T, strict=True)
        ]
        if linear is not None and part:
            for each, weights, bias in zip(found, linear.weights.T, linear.bias, strict=True):
                each.weights = (part * weights).astype(np.float32)
                each.base += part * float(bias)
        return found

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
