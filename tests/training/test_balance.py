"""Rare labels count as much as others, by weight or by being drawn more often."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.data.balance import MOST, rows_of, weights_of
from mmzoo.errors import MMZooError
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream

TASK = mmzoo.Classification("animal", labels=["cat", "dog", "bird"])
LABELS = np.array([0] * 12 + [1] * 4 + [2] * 1 + [-1] * 3, np.int32)


def test_weights() -> None:
    """As scikit-learn's "balanced", and 1 in the mean."""
    from sklearn.utils.class_weight import compute_sample_weight

    found = weights_of(TASK, LABELS)
    np.testing.assert_allclose(found[:17], compute_sample_weight("balanced", LABELS[:17]), rtol=1e-6)
    assert (found[17:] == 1).all()
    assert found.mean() == pytest.approx(1)
    binary = mmzoo.Binary("liked")
    np.testing.assert_allclose(weights_of(binary, np.array([0, 0, 0, 1])), [2 / 3, 2 / 3, 2 / 3, 2])


def test_rows() -> None:
    rows = rows_of(TASK, LABELS)
    assert np.bincount(LABELS[rows][LABELS[rows] >= 0]).tolist() == [12, 12, 12]
    assert set(rows) == set(range(20))
    rare = np.array([0] * 1000 + [1], np.int32)
    assert np.bincount(rare[rows_of(TASK, rare)]).tolist() == [1000, MOST]


def test_what_has_no_single_label() -> None:
    for task in (mmzoo.Regression("size"), mmzoo.MultiLabel("tags", labels=["a", "b"])):
        with pytest.raises(MMZooError, match="no single label to balance by"):
            weights_of(task, np.zeros((3, 2), np.float32))
    with pytest.raises(MMZooError, match="Did you mean 'sampling'"):
        mmzoo.Training(balance="samplin")


def feed(weights: np.ndarray | None = None, table: np.ndarray | None = None) -> Stream:
    features = {"x": np.arange(20, dtype=np.float32)[:, None, None], "present": np.ones((20, 1), bool)}
    return Stream(features, {"animal": LABELS}, Varied(weights=weights), batch_size=4, seed=0, table=table)


def test_the_stream_draws_by_the_table() -> None:
    rows = rows_of(TASK, LABELS)
    made = feed(table=rows)
    assert made.count == 39
    batches = list(made.batches(range(39)))  # four passes
    seen = np.concatenate([keras.ops.convert_to_numpy(inputs["x"])[:, 0] for inputs, _ in batches]).astype(int)
    assert np.bincount(seen, minlength=20).tolist() == (4 * np.bincount(rows, minlength=20)).tolist()
    assert made.examples(5) == seen[20:24].tolist()


def test_the_stream_gives_the_weights() -> None:
    weights = weights_of(TASK, LABELS)
    for inputs, _, given in feed(weights=weights).batches(range(5)):
        np.testing.assert_array_equal(given, weights[np.asarray(inputs["x"])[:, 0].astype(int)])


def test_a_rare_label_is_found() -> None:
    """Two normal distributions 2 apart, one of them twenty times rarer, told apart by scikit-learn's regression."""
    from sklearn.linear_model import LogisticRegression

    rng, task = np.random.default_rng(0), mmzoo.Classification("animal", labels=["cat", "dog"])
    y, new_y = (np.arange(4000) % 20 == 0).astype(np.int32), np.arange(20000) % 2
    x, new = (rng.normal(size=(len(each), 1)) + 2.0 * each[:, None] for each in (y, new_y))
    rows = rows_of(task, y)
    found = {
        "plain": LogisticRegression().fit(x, y),
        "weights": LogisticRegression().fit(x, y, weights_of(task, y)),
        "sampling": LogisticRegression().fit(x[rows], y[rows]),
    }
    score = {name: float(np.mean(fitted.predict(new) == new_y)) for name, fitted in found.items()}
    # Phi(1) is the best there is; at the plain threshold of 1 + log(19) / 2 it is (Phi(2.47) + Phi(-0.47)) / 2.
    assert score["plain"] < 0.7
    assert score["weights"] == pytest.approx(0.841, abs=0.015)
    assert score["sampling"] == pytest.approx(0.841, abs=0.03)
