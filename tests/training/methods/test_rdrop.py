"""R-Drop: the loss of its paper in NumPy, and what it cannot learn from."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.training.loss import Batch
from mmzoo.training.methods.rdrop import RDrop
from mmzoo.training.settings import check_settings
from tests.conftest import small_spec
from tests.training.tuning.case import PICTURES, trainer_of

RANDOM = np.random.default_rng(0)


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.asarray((softmax(p, axis=1) * (log_softmax(p, axis=1) - log_softmax(q, axis=1))).sum(axis=1))


def test_the_loss_is_half_of_the_papers() -> None:
    """Equation 4 of Liang et al. 2021, by a model whose two answers are given."""
    first, second = (RANDOM.normal(size=(6, 2)).astype(np.float32) for _ in range(2))
    method = RDrop(weight=3.0)
    method.tasks = list(PICTURES.tasks)
    method.model = lambda inputs, training: {"animal": tf.constant(second)}
    batch = Batch({}, {}, tf.ones((6, 1), bool), None, tf.zeros(0), share=0.5)
    asked = [{"animal": tf.constant(first)}, method.harder(batch, lambda _: tf.constant(0.0))]
    found = np.mean([method.added_loss(batch, outputs) for outputs in asked])
    paper = 3.0 / 2 * (divergence(first, second) + divergence(second, first)).mean()
    assert found == pytest.approx(0.5 * paper / 2, rel=1e-5)


def test_each_replica_has_its_own_second_answers() -> None:
    """Replicas have a thread each, and take turns between `harder` and `added_loss`."""
    answers = [RANDOM.normal(size=(4, 2)).astype(np.float32) for _ in range(2)]
    method, turn = RDrop(), threading.Barrier(2)
    method.tasks = list(PICTURES.tasks)
    method.model = lambda inputs, training: {"animal": inputs["x"]}

    def replica(own: np.ndarray) -> float:
        batch = Batch({"x": tf.constant(own)}, {}, tf.ones((4, 1), bool), None, tf.zeros(0))
        method.harder(batch, lambda _: tf.constant(0.0))
        turn.wait(timeout=60)
        return float(method.added_loss(batch, {"animal": tf.constant(answers[0])}))

    with ThreadPoolExecutor(2) as pool:
        same, other = pool.map(replica, answers)
    assert (same, other > 0.01) == (0.0, True)


def test_it_trains() -> None:
    """The second answer is under another dropout, and its loss counts."""
    made, batches, _ = trainer_of(
        small_spec().subset(["words"]), mmzoo.Training(epochs=4, batch_size=4, methods=["rdrop"])
    )
    losses, _ = made.run(batches, 2)
    assert made.gradients.terms == ("loss_animal", "rdrop_loss", "layers_loss")
    assert np.isfinite(losses).all()
    assert (losses[:, 1] > 0).all()


def test_without_labels_it_is_refused() -> None:
    spec = mmzoo.Spec(small_spec().inputs, "concat", [mmzoo.Retrieval("match", dim=8)], dim=8)
    with pytest.raises(MMZooError, match="needs a task that has labels"):
        check_settings(spec, mmzoo.Training(methods=["rdrop"]))


@pytest.mark.parametrize("methods", [["rdrop", "fgsm"], ["pgd", "rdrop"]])
def test_one_second_answer_is_enough(methods: list[str]) -> None:
    with pytest.raises(MMZooError, match=r"'rdrop' and '[fp]g[sd]m?' both train on second answers"):
        check_settings(PICTURES, mmzoo.Training(methods=methods))
