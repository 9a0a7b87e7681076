"""Conflict, energy and dropout: what they are by definition, and that they point at what is wrong."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.spatial.distance import mahalanobis as distance
from scipy.special import logsumexp

import mmzoo
from mmzoo.data.records import Records
from mmzoo.evaluation.retrieval import ranks, retrieval
from mmzoo.evaluation.uncertainty import auroc, conflict, energy, ensemble, mahalanobis, mc_dropout, strange
from tests.conftest import LABELS, small_records, small_spec

TASK = mmzoo.Classification("group", labels=list("abc"))


def test_conflict_against_scipy() -> None:
    random = np.random.default_rng(0)
    answers = [random.dirichlet(np.ones(3), 20) for _ in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    wanted = np.mean([jensenshannon(answers[a], answers[b], base=2, axis=1) ** 2 for a, b in pairs], axis=0)
    np.testing.assert_allclose(conflict(TASK, answers), wanted, atol=1e-9)
    here = np.tile([True, True, False], (20, 1))
    np.testing.assert_allclose(conflict(TASK, answers, here), conflict(TASK, answers[:2]))
    sure = [np.eye(3)[[0, 0]], np.eye(3)[[0, 1]]]
    np.testing.assert_allclose(conflict(TASK, sure), [0, 1], atol=1e-9)
    assert conflict(TASK, answers[:1]).tolist() == [0] * 20
    numbers = [np.array([[1.0], [2.0]]), np.array([[1.0], [5.0]])]
    assert conflict(mmzoo.Regression("size"), numbers).tolist() == [0, 3]
    many = conflict(mmzoo.MultiLabel("tags", labels=list("ab")), [np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])])
    np.testing.assert_allclose(many, [0.5], atol=1e-9)


def test_energy_against_scipy() -> None:
    logits = np.random.default_rng(0).normal(0, 50, (10, 4))
    np.testing.assert_allclose(energy(logits), -logsumexp(logits, axis=1))
    np.testing.assert_allclose(energy(logits, exclusive=False), -np.logaddexp(0, logits).sum(axis=1))


def test_pairs_in_the_right_order() -> None:
    assert auroc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert auroc(np.array([]), np.array([1.0])) is None


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> keras.Model:
    out = tmp_path_factory.mktemp("uncertainty") / "run"
    training = mmzoo.Training(epochs=10, batch_size=8, learning_rate=3e-3)
    return mmzoo.train(small_spec(), small_records(60), small_records(30, 1), training=training, out=out).model


def test_strange_records_have_more_energy(trained: keras.Model) -> None:
    """Black pictures, words never seen and noise, against records like those learned."""
    random = np.random.default_rng(0)
    others = Records(
        {
            "picture": [np.zeros((32, 32, 3), np.uint8)] * 20,
            "words": ["zzz qqq"] * 20,
            "sound": [random.normal(0, 0.3, 4000).astype(np.float32) for _ in range(20)],
            "animal": [LABELS[0]] * 20,
        }
    )
    found = strange(trained, small_records(40, 3), others, small_records(60))["animal"]
    assert found["energy"] is not None
    assert found["energy"] > 0.8
    assert found["mahalanobis"] is not None
    assert found["mahalanobis"] > 0.9
    assert strange(trained, small_records(5, 3), others)["animal"].keys() == {"energy"}


def test_mahalanobis_against_scipy() -> None:
    """With many records the shrunk covariance is the plain one."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 4000) * 2
    learned = random.normal(size=(4000, 4)) * [1, 1.2, 0.8, 1] + labels[:, None] * 3
    judged = random.normal(size=(20, 4)) * 5
    means = [learned[labels == label].mean(axis=0) for label in (0, 2, 4)]
    centred = np.concatenate([learned[labels == label] - mean for label, mean in zip((0, 2, 4), means, strict=True)])
    inverse = np.linalg.inv(centred.T @ centred / len(centred))
    wanted = [min(distance(each, mean, inverse) ** 2 for mean in means) for each in judged]
    np.testing.assert_allclose(mahalanobis(learned, labels, judged), wanted, rtol=0.05)


def test_dropout_at_work(trained: keras.Model) -> None:
    records = small_records(12, 4)
    found = mc_dropout(trained, records, draws=30)["animal"]
    plain = mmzoo.predict(trained, {name: records.column(name)[0] for name in ("picture", "words", "sound")})
    assert found["mean"].shape == (12, 3)
    assert found["mean"][0].argmax() == np.argmax(list(plain["animal"].values()))
    assert (found["deviation"].max(axis=1) > 0).all()
    assert (found["information"] >= -1e-9).all()
    again = mc_dropout(trained, records, draws=30)["animal"]
    np.testing.assert_array_equal(found["mean"], again["mean"])


def test_an_ensemble_is_the_mean(trained: keras.Model) -> None:
    records = small_records(5)
    alone, twice = (ensemble([trained] * count, records)["animal"] for count in (1, 2))
    np.testing.assert_allclose(alone["mean"], twice["mean"], atol=1e-7)
    assert alone["deviation"].max() == 0
    other = mmzoo.build(small_spec())
    assert ensemble([trained, other], records)["animal"]["deviation"].max() > 0


def test_retrieval() -> None:
    scores = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.5, 0.5, 0.5]])
    assert ranks(scores).tolist() == [1, 2, 3]
    found = retrieval(scores, at=(1, 2))
    assert found["recall@1"] == pytest.approx(1 / 3)
    assert found["recall@2"] == pytest.approx(2 / 3)
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    right = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 1]], bool)
    assert ranks(scores, right).tolist() == [2, 1, 3]
