"""Calibration, selective prediction and conformal sets, against scikit-learn and plain NumPy."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

import mmzoo
from mmzoo.evaluation.analyses.calibration import (
    brier,
    calibration,
    ece,
    ece_by_chance,
    nll,
    reliability,
    stated,
)
from mmzoo.evaluation.analyses.conformal import conformal, resampled, threshold
from mmzoo.evaluation.analyses.selective import risk_coverage
from tests.evaluation.test_evaluation import TASKS, every_task

TASK = mmzoo.Classification("group", labels=list("abcd"))


def drawn(count: int = 4000, scale: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the softmax of logits, and those logits times `scale`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 4)).astype(np.float32)
    shares = np.asarray(TASK.to_predictions(logits))
    labels = (random.random((count, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, 3).astype(np.int32)
    return labels, logits * np.float32(scale)


def test_scores_against_scikit_learn() -> None:
    labels, logits = drawn()
    answers = np.asarray(TASK.to_predictions(logits), np.float64)
    answers /= answers.sum(axis=1, keepdims=True)
    assert nll(TASK, labels, answers) == pytest.approx(log_loss(labels, answers), rel=1e-6)
    wanted = brier_score_loss(labels, answers, labels=range(4), scale_by_half=False)
    assert brier(TASK, labels, answers) == pytest.approx(wanted, rel=1e-6)


def test_ece_against_its_definition() -> None:
    labels, logits = drawn(500, 3.0)
    claims, true = stated(TASK, labels, np.asarray(TASK.to_predictions(logits)))
    wanted = 0.0
    for k in range(15):
        here = (claims >= k / 15) & ((claims < (k + 1) / 15) | (k == 14))
        wanted += here.mean() * abs(claims[here].mean() - true[here].mean()) if here.any() else 0
    assert ece(claims, true) == pytest.approx(wanted, abs=1e-6)
    assert sum(each["count"] for each in reliability(claims, true)) == 500
    assert ece(np.ones(4), np.ones(4, bool)) == 0
    assert ece(np.zeros(4), np.zeros(4, bool)) == 0


def test_before_and_after() -> None:
    """Logits three times too large, and what they are at a temperature of three."""
    labels, logits = drawn(8000, 3.0)
    before, after = (np.asarray(TASK.to_predictions(logits / np.float32(by))) for by in (1, 3))
    found = calibration(TASK, labels, after, (3.0, before))
    assert found["before"]["ece"] > 0.1
    assert found["ece"] < 0.02
    assert found["temperature"] == 3
    assert found["nll"] < found["before"]["nll"]
    assert found["brier"] < found["before"]["brier"]
    wanted = calibration(TASK, labels, before)
    wanted.pop("ece_by_chance")
    assert found["before"] == wanted


@pytest.mark.parametrize("count", [50, 400, 20_000])
def test_chance_is_what_true_claims_have(count: int) -> None:
    """The ECE of labels that are drawn from the claims is spread around it."""
    random = np.random.default_rng(1)
    claims = random.uniform(0.3, 1, count)
    found = [ece(claims, random.random(count) < claims) for _ in range(40)]
    assert ece_by_chance(claims) == pytest.approx(np.mean(found), abs=4 * np.std(found) / np.sqrt(40) + 1e-4)


def test_many_labels_are_many_claims() -> None:
    task = mmzoo.MultiLabel("tags", labels=list("abc"))
    random = np.random.default_rng(0)
    answers = random.random((500, 3))
    labels = (random.random((500, 3)) < answers).astype(np.float32)
    assert brier(task, labels, answers) == pytest.approx(brier_score_loss(labels.ravel(), answers.ravel()))
    assert nll(task, labels, answers) == pytest.approx(log_loss(labels.ravel(), answers.ravel()), rel=1e-6)
    assert ece(*stated(task, labels, answers)) < 0.04


def test_risk_over_coverage() -> None:
    score = np.array([1, 1, 0, 1, 0, 0, 1, 0, 0, 0], float)
    found = risk_coverage(np.arange(10, 0, -1) / 10, score)
    risks = [(1 - score[:k]).mean() for k in range(1, 11)]
    assert found["aurc"] == pytest.approx(np.mean(risks))
    assert found["risk"][-1] == pytest.approx(0.6)
    assert found["risk"][9] == pytest.approx(risks[4])
    assert found["best"] <= found["aurc"]
    assert risk_coverage(np.ones(10), score)["aurc"] == pytest.approx(0.6), "no confidence, no gain"
    perfect = risk_coverage(score, score)
    assert perfect["aurc"] == pytest.approx(perfect["best"])


def test_the_threshold_is_the_promised_rank() -> None:
    scores = np.random.default_rng(0).permutation(99) + 1.0
    assert threshold(scores, 0.9) == 90
    assert threshold(scores[:8], 0.9) == np.inf
    assert threshold(scores[:9], 0.9) == scores[:9].max()


def test_sets_cover_what_they_promise() -> None:
    """Averaged over draws of 200 held-out records, whatever the logits are scaled by."""
    for scale in (0.3, 1.0, 4.0):
        covered = []
        for seed in range(20):
            theirs, their_logits = drawn(200, scale, seed)
            labels, logits = drawn(1000, scale, seed + 100)
            held_out = theirs, np.asarray(TASK.to_predictions(their_logits))
            found = conformal(TASK, labels, np.asarray(TASK.to_predictions(logits)), held_out)
            covered.append(found["coverage"])
            assert sum(found["sizes"]) == pytest.approx(1)
            assert np.dot(found["sizes"], range(5)) == pytest.approx(found["size"])
        assert np.mean(covered) == pytest.approx(0.9, abs=0.015)


def test_divisions_cover_what_they_promise() -> None:
    """Also where one division would not: with held-out records that are luckier than the others."""
    labels, logits = drawn(600)
    answers = np.asarray(TASK.to_predictions(logits))
    order = np.argsort(-answers[np.arange(600), labels])  # the best answered first
    labels, answers = labels[order], answers[order]
    held_out = labels[:200], answers[:200]
    assert conformal(TASK, labels[200:], answers[200:], held_out)["coverage"] < 0.7
    found = resampled(TASK, labels[200:], answers[200:], held_out)
    assert 0.88 <= found["mean"] <= 0.92
    assert found["low"] < found["mean"] < found["high"]
    assert resampled(TASK, labels[200:], answers[200:], held_out) == found


def test_ranges_cover_what_they_promise() -> None:
    task = mmzoo.Regression("size", targets=2)
    random = np.random.default_rng(0)
    truth = random.normal(size=(4000, 2))
    answers = truth + random.normal(0, [0.1, 2.0], (4000, 2))
    found = conformal(task, truth[:2000], answers[:2000], (truth[2000:], answers[2000:]))
    assert found["coverage"] == pytest.approx(0.9, abs=0.02)
    assert found["half_width"] == pytest.approx([0.1 * 1.645, 2 * 1.645], rel=0.06)
    few = conformal(task, truth, answers, (truth[:5], answers[:5]))
    assert few["half_width"] == [None, None]
    assert few["coverage"] == 1


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_says_how_far_it_can_be_trusted_or_why_not(kind: str) -> None:
    every = every_task().to_json()["tasks"]
    data = every[kind]
    json.dumps(data, allow_nan=False)
    if kind == "regression":
        assert "numbers" in data["calibration"]["reason"]
    else:
        assert 0 <= data["calibration"]["ece"] <= 1
        assert 0 < data["calibration"]["ece_by_chance"] < 1
        assert "before" not in data["calibration"], "the model was not trained"
        assert len(data["calibration"]["subsets"]) == 7
        assert 0 <= data["selective"]["aurc"] <= 1
    if kind == "multi_label":
        assert "any number of right labels" in data["conformal"]["reason"]
    else:
        assert 0 <= data["conformal"]["coverage"] <= 1
    assert "calibration" in every["age"]
