"""Does the model know how sure it may be? Reliability before and after temperature scaling."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Cell, Chart, Line, Table, Text, named
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.inference.calibrate import confidence as fit_confidence
from mmzoo.tasks.base import Task

BINS = 15
LEAST_CLAIMS = 5  # in a bin that is drawn: the share of fewer is mostly chance


@analyses.register("calibration", section="trust")
class Calibration(Analysis):
    """Are probabilities what they say? ECE, Brier score and NLL, before and after temperature scaling."""

    place: ClassVar[int] = 10

    def compute(self, result: TaskEvaluation) -> dict[str, Any]:
        task, held_out = result.task, result.validation
        if not task.tags.probabilistic:
            return no_probabilities(task)
        by_subset = {
            subset: calibration(
                task,
                *result.subset_predictions.logits(task, subset),
                held_out.logits(task, subset) if held_out else None,
            )
            for subset in result.subset_predictions.outputs
        }
        return {**by_subset[result.everything], "subsets": {name: figures(each) for name, each in by_subset.items()}}

    def draw(self, found: dict[str, Any], result: TaskEvaluation) -> list[Block]:
        bins = {"as trained": found["reliability"]}
        if "scaled" in found:
            bins["scaled"] = found["scaled"]["reliability"]
        bins = {name: [each for each in rows if each["count"] >= LEAST_CLAIMS] for name, rows in bins.items()}
        drawn = [
            Line(name, [each["confidence"] for each in rows], [each["accuracy"] for each in rows], place, dots=True)
            for place, (name, rows) in enumerate(bins.items())
        ]
        ticks = [(k / 4, f"{k / 4:g}") for k in range(5)]
        said, label = "how sure it says it is", "share of right answers by stated probability"
        title, ideal = "Share that is right, by how sure the model is", Line("", [0, 1], [0, 1], "soft")
        heads = ["modalities", "ECE", "Brier", "NLL"]
        after = "Without validation records no temperature is fitted."
        if "scaled" in found:
            heads += ["temperature", "ECE after", "Brier after", "NLL after"]
            after = "The temperature is fitted on the validation records."
        rows = [[named(subset), *cells(each)] for subset, each in found["subsets"].items()]
        return [
            Chart(title, [ideal, *drawn], said, label, (0, 1), ticks),
            Table(heads, rows, "calibration by subset of the modalities"),
            Text(f"ECE is the mean distance of what is claimed from what is true. {after}", soft=True),
        ]


def no_probabilities(task: Task) -> dict[str, str]:
    """Why a task without probabilities has none of this."""
    what = "numbers, which say nothing of how sure they are" if task.tags.numeric else "no probabilities"
    return {"reason": f"Task '{task.name}' answers with {what}."}


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """What `calibration` found without the bins of `reliability`, which are of all modalities only."""
    return {key: figures(value) if key == "scaled" else value for key, value in found.items() if key != "reliability"}


def cells(found: dict[str, Any]) -> list[Cell]:
    """The figures of a subset as a row of the table."""
    plain: list[Cell] = [found[key] for key in ("ece", "brier", "nll")]
    return [*plain, f"{found['temperature']:.2f}", *cells(found["scaled"])] if "scaled" in found else plain


def stated(task: Task, labels: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What was claimed with which probability, and whether it came true: float (N,), bool (N,).

    Where one label is right, the claim is the likeliest one; else each label is a claim of its own.

    Args:
        labels: encoded, (N,) or (N, K).
        answers: predictions, (N, K).
    """
    if task.tags.exclusive:
        return answers.max(axis=1), answers.argmax(axis=1) == labels
    return answers.reshape(-1), labels.reshape(-1) > 0.5


def reliability(claims: np.ndarray, true: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """The claims in bins of equal width: how many, how sure they were on average, how many came true."""
    place = np.minimum((claims * bins).astype(int), bins - 1)
    return [
        {"count": int(here.sum()), "confidence": float(claims[here].mean()), "accuracy": float(true[here].mean())}
        for here in (place == k for k in range(bins))
        if here.any()
    ]


def ece(claims: np.ndarray, true: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance of claimed from true shares, bin by bin.

    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    found = reliability(claims, true, bins)
    return sum(each["count"] * abs(each["confidence"] - each["accuracy"]) for each in found) / len(claims)


def brier(task: Task, labels: np.ndarray, answers: np.ndarray) -> float:
    """Mean squared distance of the probabilities from the truth (Brier 1950), summed over exclusive labels."""
    if task.tags.exclusive:
        return float(((answers - np.eye(answers.shape[1])[labels]) ** 2).sum(axis=1).mean())
    return float(((answers - labels) ** 2).mean())


def nll(task: Task, labels: np.ndarray, answers: np.ndarray) -> float:
    """Mean negative log-likelihood of the truth, in nats; probabilities are held to be at least 1e-12."""
    if task.tags.exclusive:
        return float(-np.log(np.maximum(answers[np.arange(len(labels)), labels], 1e-12)).mean())
    right = np.where(labels > 0.5, answers, 1.0 - answers)
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def scores(task: Task, labels: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """ECE, Brier score and NLL of predictions to records whose label is known."""
    return {
        "ece": ece(*stated(task, labels, answers)),
        "brier": brier(task, labels, answers),
        "nll": nll(task, labels, answers),
    }


def temperature(task: Task, labels: np.ndarray, logits: np.ndarray) -> float:
    """What the logits are divided by for the least loss on these records (Guo et al. 2017, arXiv:1706.04599)."""
    return 1.0 / fit_confidence(task, labels, logits)


def cooled(task: Task, logits: np.ndarray, by: float) -> np.ndarray:
    """Predictions at a temperature."""
    return np.asarray(task.to_predictions(logits / np.float32(by)))


def calibration(
    task: Task, labels: np.ndarray, logits: np.ndarray, held_out: tuple[np.ndarray, np.ndarray] | None
) -> dict[str, Any]:
    """Scores and reliability of a task with labels; with `held_out` labels and logits also after temperature scaling.

    Args:
        labels, logits: of the records that are evaluated, their labels known.
        held_out: of other records, which the temperature is fitted on.
    """
    answers = np.asarray(task.to_predictions(logits))
    found: dict[str, Any] = scores(task, labels, answers)
    found["reliability"] = reliability(*stated(task, labels, answers))
    if held_out is not None and len(held_out[0]):
        found["temperature"] = temperature(task, *held_out)
        after = cooled(task, logits, found["temperature"])
        found["scaled"] = {**scores(task, labels, after), "reliability": reliability(*stated(task, labels, after))}
    return found
