"""Answers held back where the model is unsure, and answers that are sets or ranges with a promised coverage."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.tasks import Task

COVERAGES = np.arange(1, 21) / 20
PROMISE = 0.9
DIVISIONS = 100


def risk_coverage(confidence: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """The share of mistakes among the surest answers, and the area under it.

    Args:
        confidence: float (N,), higher is surer.
        score: float (N,) from 0 to 1; `1 - score` is the risk.

    Returns:
        `aurc`, the mean risk over all coverages (Geifman, Uziel & El-Yaniv 2019, arXiv:1805.08206), with
        `best`, what the same answers would reach in the best order; `coverage` and `risk` at `COVERAGES`.
        Among equally sure answers the risk is spread evenly.
    """
    order = np.argsort(-confidence, kind="stable")
    loss = (1.0 - score)[order]
    _, starts, counts = np.unique(-confidence[order], return_index=True, return_counts=True)
    loss = np.repeat(np.add.reduceat(loss, starts) / counts, counts)
    ranks = np.arange(1, len(loss) + 1)
    risks = np.cumsum(loss) / ranks
    places = np.ceil(COVERAGES * len(loss) - 1e-9).astype(int) - 1
    return {
        "aurc": float(risks.mean()),
        "best": float((np.cumsum(np.sort(1.0 - score)) / ranks).mean()),
        "coverage": COVERAGES.tolist(),
        "risk": risks[places].tolist(),
    }


def confidence(task: Task, answers: np.ndarray) -> np.ndarray:
    """How sure each prediction (N, K) is, float (N,): the probability of what it says, the mean over many."""
    return answers.max(axis=1) if task.tags.exclusive else np.maximum(answers, 1.0 - answers).mean(axis=1)


def threshold(scores: np.ndarray, promise: float = PROMISE) -> float:
    """The score that `promise` of new records will not exceed: the ceil((n + 1) promise)-th smallest of n, or inf.

    Split-conformal (Vovk et al. 2005); holds where the new records are drawn as these were.
    """
    place = int(np.ceil((len(scores) + 1) * promise - 1e-9))
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else float("inf")


def conformal(
    task: Task,
    labels: np.ndarray,
    answers: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray],
    promise: float = PROMISE,
) -> dict[str, Any]:
    """Prediction sets (LAC; Sadinle, Lei & Wasserman 2019, arXiv:1609.00451), or for numbers ranges of even width.

    A set holds every label whose probability is at least `1 - threshold`; a range is the answer plus
    and minus the threshold of the absolute errors, target by target.

    Args:
        labels, answers: of the records that are evaluated; answers are predictions.
        held_out: those of other records, which fix the threshold.

    Returns:
        `nominal_coverage` and measured `coverage`, mean `size`, and for sets the share of each size.
    """
    theirs, their_answers = held_out
    if task.tags.numeric:
        widths = np.array([threshold(column, promise) for column in np.abs(theirs - their_answers).T])
        inside = np.abs(labels - answers) <= widths
        return {"nominal_coverage": promise, "coverage": float(inside.mean()), "half_width": bounded(widths)}
    limit = threshold(1.0 - their_answers[np.arange(len(theirs)), theirs], promise)
    sets = 1.0 - answers <= limit
    sizes = sets.sum(axis=1)
    return {
        "nominal_coverage": promise,
        "coverage": float(sets[np.arange(len(labels)), labels].mean()),
        "size": float(sizes.mean()),
        "sizes": (np.bincount(sizes, minlength=answers.shape[1] + 1) / len(sizes)).tolist(),
    }


def resampled(
    task: Task,
    labels: np.ndarray,
    answers: np.ndarray,
    held_out: tuple[np.ndarray, np.ndarray],
    promise: float = PROMISE,
) -> dict[str, Any]:
    """The coverage in `DIVISIONS` random divisions of all these records, as many of them held out as were.

    One division's coverage is off by chance, with a few hundred records by points; their mean is hardly.

    Returns:
        `mean`, and `low` and `high`, between which nine of ten lie.
    """
    every, said = np.concatenate([held_out[0], labels]), np.concatenate([held_out[1], answers])
    random, found = np.random.default_rng(0), []
    for _ in range(DIVISIONS):
        order = random.permutation(len(every))
        theirs, ours = order[: len(held_out[0])], order[len(held_out[0]) :]
        found.append(conformal(task, every[ours], said[ours], (every[theirs], said[theirs]), promise)["coverage"])
    low, high = np.percentile(found, [5, 95])
    return {"mean": float(np.mean(found)), "low": float(low), "high": float(high), "divisions": DIVISIONS}


def bounded(widths: np.ndarray) -> list[float | None]:
    """The widths as JSON has them; None where there were too few records for a finite one."""
    return [float(width) if np.isfinite(width) else None for width in widths]
