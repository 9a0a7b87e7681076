"""Metrics of scores that put the right ones first."""

from __future__ import annotations

import numpy as np


def ranking(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """ROC-AUC and average precision, each the mean over the labels that some examples have and some have not.

    Args:
        labels: bool (N, K), what is right.
        scores: float (N, K), higher for what is held to be right.

    Returns:
        `roc_auc` and `average_precision`; nothing where no label has both kinds of examples.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    mixed = labels.any(axis=0) & ~labels.all(axis=0)
    if not mixed.any():
        return {}
    labels, scores = labels[:, mixed], scores[:, mixed]
    return {
        "roc_auc": float(roc_auc_score(labels, scores, average="macro")),
        "average_precision": float(average_precision_score(labels, scores, average="macro")),
    }


def macro_f1(labels: np.ndarray, guesses: np.ndarray) -> float:
    """F1 averaged over the classes that occur in `labels` or `guesses`, both int (N,)."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, guesses, labels=np.union1d(labels, guesses), average="macro"))
