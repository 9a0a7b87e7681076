"""Which candidate is kept: by the validation records, without being taken in by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from mmzoo.data.balance import is_skewed
from mmzoo.data.records import Records, decode
from mmzoo.graph.cut import split
from mmzoo.inference.metrics import metrics, primary
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.training.features.compute import compute_features, first_variant

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

FEW = 200  # records with a label; with fewer a share of right answers says too little
WORST = 10.0  # an answer's negative log-likelihood counts as this at most


@dataclass(frozen=True)
class Answers:
    """What a candidate answers to the validation records.

    Args:
        logits: by task, (N, units).
        labels: by task, encoded (N, ...).
    """

    spec: Spec
    logits: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def primary(self) -> float:
        """The primary metric."""
        return metrics(self.spec, to_predictions(self.spec, self.logits), self.labels)[primary(self.spec)]

    @property
    def skewed(self) -> bool:
        """Have nearly all records the same label of a task? Candidates are not compared by accuracy then."""
        tasks = {task: self.labels[task.name] for task in self.spec.tasks}
        return any(is_skewed(task, labels[np.asarray(task.known(labels))]) for task, labels in tasks.items())

    @property
    def scores(self) -> np.ndarray:
        """How good each answer is, float (N,), over all tasks: the mean is what candidates are compared by."""
        found = np.zeros(len(next(iter(self.labels.values()))))
        for task in self.spec.tasks:
            known = np.asarray(task.known(self.labels[task.name]))
            if known.any():
                each = scores_of(task, self.labels[task.name][known], self.logits[task.name][known])
                found[known] += task.weight * each * len(known) / known.sum()
        return found


def scores_of(task: Task, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """How good each answer of a task is, float (N,).

    Of numbers minus the squared error in units of their variance, whose mean is R2 - 1; of few labels, and where
    nearly all are the same, the log-likelihood, which tells more of each; else what the task itself calls its score.
    """
    if task.tags.numeric:
        labels, answers = task.on_scale(labels), task.on_scale(np.asarray(task.to_predictions(logits)))
        spread = np.maximum(labels.var(axis=0), 1e-12)
        return np.asarray(-((answers - labels) ** 2 / spread).mean(axis=-1))
    if task.tags.probabilistic and (len(labels) < FEW or is_skewed(task, labels)):
        lost = task.negative_log_likelihood(tf.constant(labels), tf.constant(logits))
        return -np.minimum(np.asarray(lost, np.float64), WORST)
    return np.asarray(task.score(labels, np.asarray(task.to_predictions(logits))), np.float64)


def answers_of(model: Multimodal, records: Records, memory: float) -> Answers:
    """What a trained model answers to records.

    Args:
        memory: gigabytes that decoded examples may take.
    """
    spec: Spec = model.spec
    part = split(model)
    arrays = compute_features(part, spec, decode(spec, records, memory=memory * 1e9), what="validation features")
    outputs = run_model(part.rest, first_variant(arrays))
    names = [task.name for task in spec.tasks]
    return Answers(spec, {name: outputs[name] for name in names}, encode_labels(spec.tasks, records, unasked=True))


def choose(scores: Sequence[np.ndarray], errors: float = 1.0) -> tuple[int, float, float]:
    """Which of several candidates is kept: its place, what it gains over the first on average, and the standard error.

    The first, unless the best of the others is better by more than `errors` standard errors of the difference, record
    by record. Of five that are equally good the best looks better by about that much (the winner's curse).

    Of fewer than a hundred records the error is large, so that another than the first has to be far better. Several
    seeds of each candidate, or folds, would tell more, and would take several times as long: that time is better spent
    on more candidates. What is done instead is to compare log-likelihoods, which say more of each record than whether
    the answer is right (see `scores_of`). How good the one that is kept then is, a cross-validation says
    (`mmzoo.auto.folds`), which chooses nothing.

    Args:
        scores: of each candidate, float (N,), in the order of promise.
        errors: more than one, where the first has not seen these records and the others have chosen their epochs by
            them: of some dozens of epochs the best looks better on few records than it is.
    """
    best = int(np.argmax([each.mean() for each in scores]))
    gains = scores[best] - scores[0]
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    if best and gains.mean() > errors * error:
        return best, float(gains.mean()), error
    return 0, 0.0, error
