"""Evidence: the objective against SciPy, and an uncertainty that is there in answers, exports and reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import digamma, gammaln
from scipy.stats import dirichlet

import mmzoo
from mmzoo import lite
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.evaluation.uncertainty import auroc
from mmzoo.inference.running import run_model
from tests.conftest import LABELS, small_records, small_spec

TASK = mmzoo.Classification("animal", labels=LABELS, objective=mmzoo.Objective("evidential", kl=0.3))


def concentrations(logits: np.ndarray) -> np.ndarray:
    return 1 + np.logaddexp(0, logits.astype(np.float64))


def test_the_objective_is_that_of_the_paper() -> None:
    """The expected squared error over the Dirichlet, by its moments, and the divergence by its closed form."""
    random = np.random.default_rng(0)
    logits, labels = random.normal(0, 4, (50, 3)).astype(np.float32), random.integers(0, 3, 50)
    wanted = []
    for a, label in zip(concentrations(logits), labels, strict=True):
        target = np.eye(3)[label]
        error = ((target - dirichlet.mean(a)) ** 2 + dirichlet.var(a)).sum()
        b = target + (1 - target) * a
        apart = gammaln(b.sum()) - gammaln(3) - gammaln(b).sum() + ((b - 1) * (digamma(b) - digamma(b.sum()))).sum()
        wanted.append(error + 0.3 * apart)
    found = TASK.loss(tf.constant(labels), tf.constant(logits))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_the_divergence_is_one() -> None:
    """Its closed form against draws: `E[log Dir(x; b) - log Dir(x; 1)]`."""
    b = np.array([1.0, 3.0, 2.0])
    draws = dirichlet.rvs(b, 20_000, random_state=0)
    drawn = np.mean(dirichlet.logpdf(draws.T, b) - dirichlet.logpdf(draws.T, np.ones(3)))
    logits = np.log(np.expm1(np.array([[30.0, 2.0, 1.0]])))  # a = 31, 3, 2; the first is the right label
    with_kl, without = (
        mmzoo.Classification("x", labels=LABELS, objective=mmzoo.Objective("evidential", kl=kl)) for kl in (2.0, 1.0)
    )
    x = tf.constant(logits, tf.float32)
    found = with_kl.loss(tf.constant([0]), x) - without.loss(tf.constant([0]), x)
    assert float(found[0]) == pytest.approx(drawn, rel=0.03)


def test_answers_and_uncertainty() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (20, 3)).astype(np.float32)
    a = concentrations(logits)
    np.testing.assert_allclose(TASK.to_predictions(logits), a / a.sum(axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(TASK.uncertainty(logits), 3 / a.sum(axis=1, keepdims=True), rtol=1e-5)
    assert float(TASK.uncertainty(np.full((1, 3), -50.0, np.float32))[0, 0]) == pytest.approx(1)
    assert mmzoo.Classification("animal", labels=LABELS).uncertainty(logits) is None
    share = np.asarray(TASK.to_predictions(logits))[:, 1]
    np.testing.assert_allclose(TASK.log_odds(tf.constant(logits), 1), np.log(share / (1 - share)), atol=1e-4)


def test_what_cannot_weigh_evidence_is_said() -> None:
    with pytest.raises(
        MMZooError, match="'evidential' reads concentrations, which task 'sick' of kind 'binary' does not give"
    ):
        mmzoo.Binary("sick", objective="evidential")
    with pytest.raises(MMZooError, match="'decision_mean' joins answers and would lose the evidence of task 'animal'"):
        small_spec("decision_mean", tasks=[TASK])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    task = mmzoo.Classification("animal", labels=LABELS, objective="evidential", auxiliary=0.3, mutual=0.1)
    training = mmzoo.Training(epochs=12, batch_size=8, learning_rate=1e-2)
    out = tmp_path_factory.mktemp("evidential") / "run"
    spec = small_spec(tasks=[task])
    return mmzoo.train(spec, small_records(60), small_records(30, 1), training=training, out=out)


def ood_records(count: int = 30) -> Records:
    """Black pictures, words never seen, noise."""
    random = np.random.default_rng(0)
    sounds = [random.normal(0, 0.3, 4000).astype(np.float32) for _ in range(count)]
    pictures = [np.zeros((32, 32, 3), np.uint8)] * count
    return Records({"picture": pictures, "words": ["zzz qqq"] * count, "sound": sounds, "animal": ["cat"] * count})


@pytest.mark.long
def test_strange_records_have_less_evidence(run: mmzoo.Run) -> None:
    known, ood = (run_model(run.model, decode(run.spec, each)) for each in (small_records(40, 3), ood_records()))
    uncertainties = [np.asarray(run.spec.tasks[0].uncertainty(each["animal"]))[:, 0] for each in (ood, known)]
    score = auroc(*uncertainties)
    assert score is not None
    assert score > 0.9
    found = run.evaluate(small_records(60, 4), validation=small_records(60, 5))
    assert found["metrics"]["accuracy"] > 0.9
    assert found["calibration"]["nll"] < found["calibration"]["before"]["nll"] + 0.02


@pytest.mark.long
def test_it_is_in_every_answer(run: mmzoo.Run) -> None:
    """Python, SavedModel and .tflite say the same uncertainty, in 32, 16 and 8 bits."""
    records = small_records(8, 6)
    example: dict[str, Any] = {name: records.column(name)[0] for name in run.spec.input_names}
    wanted = run.predict(example)["animal_uncertainty"][0]
    assert 0 < wanted < 1
    run.export("saved_model", records)
    loaded = tf.saved_model.load(str(next((run.folder / "export").glob("saved_model*"))))
    inputs = decode(run.spec, records.take(1))
    given = {name: tf.constant(value) for name, value in inputs.items() if name != "words"}
    found = loaded.signatures["serving_default"](**given, words=tf.constant([records.column("words")[0]]))
    assert float(found["animal_uncertainty"][0, 0]) == pytest.approx(wanted, abs=1e-5)
    rows = run.export("tflite", records, variants=["fp32", "fp16", "int8"], training=small_records(30), allow_loss=True)
    for row in rows:
        exported = lite.Model(run.folder / "export" / row["file"])
        limit = {"fp32": 1e-5, "fp16": 1e-2, "int8": 0.1}[row["variant"]]
        assert exported.predict(example)["animal_uncertainty"][0] == pytest.approx(wanted, abs=limit), row["variant"]
