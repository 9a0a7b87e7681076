"""Tasks that are weighed by the norms of their gradients."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.training.methods.base import Learner
from mmzoo.training.methods.gradnorm import RATE, GradNorm, new_weights
from mmzoo.training.settings import check_settings
from mmzoo.tuning.groups import Tuned

RANDOM = np.random.default_rng(0)
LABELS = ("a", "b", "c", "d")


def test_one_step_is_the_papers() -> None:
    """Down the slope of the sum of |G - wanted|, where what is wanted is held as it is; in float64, by differences."""
    weights, losses, first, norms = (RANDOM.uniform(0.5, 2, 3) for _ in range(4))
    pace = losses / first / (losses / first).mean()
    wanted = (weights * norms).mean() * pace**1.5

    def apart(w: np.ndarray) -> float:
        return float(np.abs(w * norms - wanted).sum())

    steps = 1e-6 * np.eye(3)
    slope = np.array([(apart(weights + step) - apart(weights - step)) / 2e-6 for step in steps])
    moved = weights - RATE * slope / norms.mean()
    found = new_weights(*(tf.constant(x, tf.float32) for x in (weights, losses, first, norms)), 1.5)
    np.testing.assert_allclose(found, moved * 3 / moved.sum(), rtol=1e-4)


def test_what_is_not_there_or_no_number_moves_nothing() -> None:
    balance, tasks = GradNorm(), [mmzoo.Regression(name) for name in ("a", "b", "c")]
    three = dataclasses.replace(spec(), tasks=tasks)
    balance.build(Learner(three, keras.Model(), Tuned([]), 10))
    balance.update(tf.constant([[1.0, 2.0, 0.0], [4.0, 1.0, 0.0]]))
    assert balance.first.numpy().tolist() == [1.0, 2.0, 0.0]
    one, two, three = balance.weights.numpy()
    assert one < three < two  # the one with the larger gradient gives way
    before = balance.weights.numpy().tolist()
    balance.update(tf.constant([[1.0, np.nan, 1.0], [1.0, 1.0, 1.0]]))
    assert balance.weights.numpy().tolist() == before


def records(count: int) -> mmzoo.Records:
    """One table that tells a label, and a number whose loss is a hundred times as large, learned as it is."""
    x = RANDOM.normal(size=(count, 12))
    return mmzoo.Records(
        {
            "row": [{f"x{k}": float(value) for k, value in enumerate(row)} for row in x],
            "kind": [LABELS[k] for k in (x[:, :4] + x[:, 4:8] * 0.3).argmax(axis=1)],
            "grams": (10 * x[:, 8] + 5 * x[:, 9]).tolist(),
        }
    )


def spec(fusion: str = "concat", **changes: Any) -> mmzoo.Spec:
    row = mmzoo.Tabular("row", numbers=[f"x{k}" for k in range(12)], tower=mmzoo.Tower("mlp", hidden=[16], width=8))
    as_they_are = mmzoo.Regression("grams", means=[0.0], deviations=[1.0])
    tasks = [mmzoo.Classification("kind", labels=LABELS), as_they_are]
    return mmzoo.Spec([row], fusion, tasks, dim=8, **changes)


@pytest.mark.long
def test_a_task_with_small_gradients_is_not_passed_over(tmp_path: Path) -> None:
    found, new = [], records(400)
    data = records(400)
    for name, methods in (("fixed", []), ("gradnorm", ["gradnorm"])):
        training = mmzoo.Training(epochs=40, ema_decay=0.0, modality_dropout=0.0, methods=methods)
        run = mmzoo.train(spec(), data, training=training, out=tmp_path / name)
        found.append(run.evaluate(new)["metrics"]["kind_accuracy"])
    assert found[1] > found[0] + 0.05, found


def test_what_has_nothing_to_weigh_is_refused() -> None:
    training = mmzoo.Training(methods=["gradnorm"])
    with pytest.raises(MMZooError, match="a fused embedding, which a decision-level fusion does not have"):
        check_settings(spec("decision_mean"), training)
    with pytest.raises(MMZooError, match="and so do learned 'task_weights'"):
        check_settings(spec(task_weights="learned"), training)
