"""Boosted trees in the graph against scikit-learn's own answers, and what a stranger's trees can do."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mmzoo.boosting import Committee, Shape
from mmzoo.towers.boosted_trees import Forest

SHAPE = Shape(trees=30, leaves=6, depth=5, rate=0.3, members=3)


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    """Rows of numbers of any size, of few different ones (places of categories), and of gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(30, 80)), draw(st.integers(1, 5))
    found = []
    for _ in range(columns):
        scale = 10.0 ** draw(st.integers(-20, 20))
        column = rng.integers(0, 6, rows) * 1.0 if draw(st.booleans()) else rng.normal(size=rows) * scale
        column[rng.random(rows) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
        found.append(column)
    return np.stack(found, axis=1).astype(np.float32)


def labels_for(matrix: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """Labels that depend on the first column and on chance; numbers, if there are no classes."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(matrix[:, 0])
    if not classes:
        return rng.normal(size=len(matrix)) + np.sign(known)
    return np.where(rng.random(len(matrix)) < 0.5, known > 0, rng.integers(0, classes, len(matrix))).astype(int)


def scores_by_scikit_learn(committee: Committee, kept: int, matrix: np.ndarray) -> np.ndarray:
    """The mean of the members' own answers after so many trees, float (N, K)."""
    found = []
    for member in committee.members:
        staged = member.staged_decision_function if committee.scores else member.staged_predict
        found.append([np.asarray(each) for each in staged(matrix)][kept - 1].reshape(len(matrix), -1))
    return np.asarray(np.mean(found, axis=0))


@settings(max_examples=8, deadline=None)
@given(matrix=tables(), classes=st.sampled_from([0, 2, 3]), seed=st.integers(0, 5))
def test_the_graph_answers_as_scikit_learn_does(matrix: np.ndarray, classes: int, seed: int) -> None:
    labels = labels_for(matrix, classes, seed)
    if classes and np.bincount(labels, minlength=classes).min() < SHAPE.members:
        return  # a member that knows fewer classes has another form, see below
    scores = 0 if not classes else 1 if classes == 2 else classes
    committee = Committee(matrix.astype(np.float64), labels, scores, SHAPE, seed)
    grown = committee.grow(lambda: False, lambda trees, loss: None)
    layer = Forest(len(grown), SHAPE.trees, SHAPE.leaves, SHAPE.depth, SHAPE.rate, SHAPE.members)
    layer.build((None, matrix.shape[1]))
    layer.hold(grown)
    kept = len(grown[0].trees) // SHAPE.members
    wanted = scores_by_scikit_learn(committee, kept, matrix.astype(np.float64))
    np.testing.assert_allclose(np.asarray(layer(matrix)), wanted, atol=1e-5, rtol=1e-5)
    # On a threshold, and next to it.
    some = np.nextafter(matrix, np.float32(np.inf))
    wanted = scores_by_scikit_learn(committee, kept, some.astype(np.float64))
    np.testing.assert_allclose(np.asarray(layer(some)), wanted, atol=1e-5, rtol=1e-5)


def test_records_are_scored_by_those_that_have_not_seen_them() -> None:
    """Labels that are pure chance are known to trees that have seen them, and to no others."""
    rng = np.random.default_rng(0)
    matrix, labels = rng.normal(size=(200, 5)).astype(np.float32), rng.integers(0, 2, 200)
    committee = Committee(matrix.astype(np.float64), labels, 1, SHAPE, 0)
    (grown,) = committee.grow(lambda: False, lambda trees, loss: None)
    kept = len(grown.trees) // SHAPE.members
    seen = scores_by_scikit_learn(committee, kept, matrix.astype(np.float64))[:, 0]
    assert ((seen > 0) == labels).mean() > 0.75
    assert ((grown.left_out > 0) == labels).mean() < 0.6
