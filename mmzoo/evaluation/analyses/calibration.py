"""Does the model know how sure it may be? Reliability after temperature scaling, and before."""

from __future__ import annotations

from typing import ClassVar, NotRequired, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis, Reason
from mmzoo.evaluation.blocks import Block, Cell, Chart, Line, Table, Text, named
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.tasks.base import Task

BINS = 15
DRAWS, MOST_DRAWN = 200, 4_000_000  # draws of chance, and claims in all of them
LEAST_CLAIMS = 5  # in a bin that is drawn: the share of fewer is mostly chance


class Bin(TypedDict):
    """Claims of about one probability: how sure on average, how often true, how many."""

    confidence: float
    accuracy: float
    count: int


class Scores(TypedDict):
    """The figures of some answers; `reliability` of all modalities alone."""

    ece: float
    brier: float
    nll: float
    reliability: NotRequired[list[Bin]]


class Calibrated(Scores):
    """And what a perfect model would have by chance, and `before` what they were at temperature 1."""

    ece_by_chance: float
    temperature: NotRequired[float]
    before: NotRequired[Scores]
    subsets: NotRequired[dict[str, Calibrated]]


@analyses.register("calibration", section="trust")
class Calibration(Analysis):
    """Are probabilities what they say? ECE, Brier score and NLL, and what they were before temperature scaling."""

    place: ClassVar[int] = 10

    def compute(self, result: TaskEvaluation) -> Calibrated | Reason:
        """The figures with all modalities; `subsets` has those of each subset."""
        task, found = result.task, result.subset_predictions
        if not task.tags.probabilistic:
            return no_probabilities(task)
        fitted = found.temperatures[task.name]
        scaled = any(by != 1 for by in fitted.values())
        by_subset = {
            subset: calibration(
                task,
                *found.labels_and_predictions(task, subset),
                (fitted[subset], found.uncalibrated(task, subset)) if scaled else None,
            )
            for subset in result.subsets
        }
        return {**by_subset[result.everything], "subsets": {name: figures(each) for name, each in by_subset.items()}}

    def draw(self, found: Calibrated, result: TaskEvaluation) -> list[Block]:
        bins = {"as it answers": found["reliability"]}
        if "before" in found:
            bins["before"] = found["before"]["reliability"]
        bins = {name: [each for each in rows if each["count"] >= LEAST_CLAIMS] for name, rows in bins.items()}
        drawn = [
            Line(name, [each["confidence"] for each in rows], [each["accuracy"] for each in rows], place, dots=True)
            for place, (name, rows) in enumerate(bins.items())
        ]
        ticks = [(k / 4, f"{k / 4:g}") for k in range(5)]
        said, label = "how sure it says it is", "share of right answers by stated probability"
        title, ideal = "Share that is right, by how sure the model is", Line("", [0, 1], [0, 1], "soft")
        heads = ["modalities", "ECE", "by chance", "Brier", "NLL"]
        how = "Its temperatures are 1: there were no validation records to fit them on, or these asked for no other."
        if "before" in found:
            heads += ["temperature", "ECE before", "Brier before", "NLL before"]
            how = "The temperatures are a part of the model, fitted on the validation records when training ended."
        rows = [[named(subset), *cells(each)] for subset, each in found["subsets"].items()]
        chance = "by chance it is so much on as many records where all that is claimed is true"
        return [
            Chart(title, [ideal, *drawn], said, label, (0, 1), ticks),
            Table(heads, rows, "calibration by subset of the modalities"),
            Text(f"ECE is the mean distance of what is claimed from what is true; {chance}. {how}", soft=True),
        ]


def no_probabilities(task: Task) -> Reason:
    """Why a task without probabilities has none of this."""
    what = "numbers, which say nothing of how sure they are" if task.tags.numeric else "no probabilities"
    return {"reason": f"Task '{task.name}' answers with {what}."}


def figures(found: Calibrated) -> Calibrated:
    """What `calibration` found without the bins of `reliability`, which are of all modalities only."""
    kept = found.copy()
    kept.pop("reliability", None)
    if "before" in kept:
        kept["before"] = kept["before"].copy()
        kept["before"].pop("reliability", None)
    return kept


def cells(found: Calibrated) -> list[Cell]:
    """The figures of a subset as a row of the table."""
    row: list[Cell] = [found["ece"], found["ece_by_chance"], found["brier"], found["nll"]]
    if "before" not in found:
        return row
    before = found["before"]
    return [*row, f"{found['temperature']:.2f}", before["ece"], before["brier"], before["nll"]]


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


def reliability(claims: np.ndarray, true: np.ndarray, bins: int = BINS) -> list[Bin]:
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


def ece_by_chance(claims: np.ndarray) -> float:
    """The mean ECE that so many claims would have if each came true as often as it says, over seeded draws.

    With a few hundred records it is some hundredths: an ECE near it is no sign of bad calibration.
    """
    random = np.random.default_rng(0)
    draws = int(np.clip(MOST_DRAWN // max(len(claims), 1), 5, DRAWS))
    return float(np.mean([ece(claims, random.random(len(claims)) < claims) for _ in range(draws)]))


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


def scores(task: Task, labels: np.ndarray, answers: np.ndarray) -> Scores:
    """ECE, Brier score and NLL of predictions to records whose label is known."""
    return {
        "ece": ece(*stated(task, labels, answers)),
        "brier": brier(task, labels, answers),
        "nll": nll(task, labels, answers),
    }


def calibration(
    task: Task, labels: np.ndarray, answers: np.ndarray, scaled: tuple[float, np.ndarray] | None = None
) -> Calibrated:
    """Scores and reliability of the answers of a task with labels, and what they were `before`.

    Args:
        labels, answers: encoded, and predictions (N, K).
        scaled: the temperature that they were made with, and the predictions without it.
    """
    claims, true = stated(task, labels, answers)
    rated = scores(task, labels, answers)
    found: Calibrated = {
        "ece": rated["ece"],
        "brier": rated["brier"],
        "nll": rated["nll"],
        "ece_by_chance": ece_by_chance(claims),
        "reliability": reliability(claims, true),
    }
    if scaled is not None:
        by, before = scaled
        found["temperature"] = by
        found["before"] = {
            **scores(task, labels, before),
            "reliability": reliability(*stated(task, labels, before)),
        }
    return found
