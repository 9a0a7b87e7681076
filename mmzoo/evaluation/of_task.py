"""What an evaluation finds of one task: whether fusing was worth it; and what its analyses are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.balance import is_skewed
from mmzoo.data.records import Records
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.uncertainty import conflict
from mmzoo.evaluation.verdict import Gain, gain, sentence
from mmzoo.inference.subset_predictions import SubsetPredictions
from mmzoo.inference.subsets import subsets
from mmzoo.messages.words import decimal, one_line
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.evaluation.retrieval import Direction


TELLING = ("average_precision", "roc_auc", "kappa", "macro_f1")
"""Metrics that see rare labels."""


@dataclass(frozen=True)
class TaskEvaluation:
    """The answers to the records of one split, for one task.

    Args:
        records: that were answered.
        subset_predictions: to the records, by subset, of all tasks; a record that has none of a subset is answered from
            the learned embeddings alone.
        subsets: by subset that is told of, the metrics of this task, called as `Spec.metric_name` has it.
        validation: the answers to other records, which temperatures and thresholds are fitted on; None without.
    """

    spec: Spec
    task: Task
    split: str
    records: Records
    subset_predictions: SubsetPredictions
    subsets: dict[str, dict[str, float]]
    validation: SubsetPredictions | None = None

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def everything(self) -> str:
        """The name of the subset of all modalities."""
        return "+".join(self.spec.input_names)

    @property
    def primary(self) -> str:
        """What the metric is called that the subsets are ranked by."""
        return self.spec.metric_name(self.task, self.task.primary_metric)

    @property
    def score_name(self) -> str:
        """What the metric is called that is the mean of `scores`, or minus that."""
        return self.spec.metric_name(self.task, self.task.score_name)

    @cached_property
    def known(self) -> np.ndarray:
        """Which records have a label of this task, bool (N,)."""
        return self.subset_predictions.known(self.task)

    @property
    def reason(self) -> str:
        """Why there is nothing to be found; empty where there is."""
        return "" if self.known.any() else f"None of these records has a label of task '{self.name}'."

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many of the records have each modality."""
        return self.subset_predictions.counts(self.spec)

    def best(self, size: int) -> str | None:
        """The subset of `size` modalities that does best here, of those that some record has; None for none."""
        found = [
            chosen for chosen in subsets(self.spec) if len(chosen) == size and all(self.counts[name] for name in chosen)
        ]
        return max(map("+".join, found), key=lambda name: self.subsets[name][self.primary], default=None)

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """By subset, how good the answer to each record with a label is; NaN where it is not asked for anything."""
        found = self.subset_predictions
        return {
            name: self.task.scored(*found.labels_and_answers(self.task, name), name.split("+"))
            for name in found.predictions
        }

    @cached_property
    def gains(self) -> list[Gain]:
        """What fusion adds over the best single modality, and over the best pair where there are three or more."""
        sizes = [size for size in (1, 2) if size < len(self.spec.inputs)]
        others = [name for name in map(self.best, sizes) if name is not None]
        return [gain(self.task, name, self.scores[self.everything], self.scores[name]) for name in others]

    @cached_property
    def intervals(self) -> dict[str, dict[str, list[float]]]:
        """By subset, the 95 % bootstrap interval of the score."""
        sign = self.task.score_sign
        scores = {name: self.scores[name][np.isfinite(self.scores[name])] for name in self.subsets}
        return {name: {self.score_name: list(interval(sign * each))} for name, each in scores.items()}

    @property
    def directions(self) -> list[Direction]:
        """Of a task whose answers are vectors, which inputs find which."""
        return []

    def nearest(self, direction: Direction, place: int, count: int) -> tuple[int, list[tuple[int, float, bool]]]:
        """Of one query of a direction the record, and what it finds first: records, cosines, and whether each is right.

        Args:
            place: the query's among the direction's.
        """
        raise NotImplementedError

    @property
    def verdict(self) -> str:
        """In one sentence: is the fused model better than the best single modality?"""
        two = self.gains[1] if len(self.gains) > 1 else None
        said = sentence(self.task, self.gains[0], two) if self.gains else self.single_verdict
        return " ".join(filter(None, [said, self.skewed_words]))

    @property
    def skewed_words(self) -> str:
        """What a share of right answers is worth where nearly all records have one label; "" where they have not."""
        labels = self.labels_and_predictions[0]
        if self.task.score_name != "accuracy" or not is_skewed(self.task, labels):
            return ""
        counts = np.bincount(labels.astype(int))
        label, share = one_line(self.task.answer_names[int(counts.argmax())], 40), decimal(counts.max() / len(labels))
        found = self.subsets[self.everything]
        names = {name: self.spec.metric_name(self.task, name) for name in TELLING}
        others = [f"{name.replace('_', ' ')} {decimal(found[own])}" for name, own in names.items() if own in found]
        more = f"; {' and '.join(others[:2])} tell{'s' * (len(others) == 1)} more" if others else ""
        return f"Whoever always says '{label}' has accuracy {share} on these records{more}."

    @property
    def single_verdict(self) -> str:
        """What a model of one input is worth, which is held against baselines and not against its other inputs."""
        said = f"The model reads one input, {self.spec.input_names[0]}"
        if len(self.spec.inputs) > 1 or not np.isfinite(self.scores[self.everything]).any():
            return f"{said}; there is nothing to fuse."
        value = self.subsets[self.everything][self.score_name]
        low, high = self.intervals[self.everything][self.score_name]
        words = self.task.score_name.replace("_", " ")
        return f"{said}: {words} {decimal(value)} (95 % {decimal(low)} to {decimal(high)})."

    @cached_property
    def conflicts(self) -> np.ndarray:
        """How far the modalities disagree about each record, float (N,)."""
        single = [self.subset_predictions.predictions[name][self.name] for name in self.spec.input_names]
        return conflict(self.task, single, self.subset_predictions.present)

    @cached_property
    def labels_and_predictions(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the records with a label: the labels as they are encoded, and the predictions with all modalities."""
        return self.subset_predictions.labels_and_predictions(self.task, self.everything)

    def to_json(self) -> dict[str, object]:
        """What metrics.json has of this task, beside the metrics themselves and the analyses."""
        if self.reason:
            return {"reason": self.reason}
        return {
            "intervals": self.intervals,
            "verdict": self.verdict,
            "gains": [found.to_json() for found in self.gains],
        }
