"""What an evaluation finds of one task: whether fusing was worth it, how far to trust the answers, where they err."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmzoo.evaluation.classes import by_class, confusion, residuals
from mmzoo.evaluation.shapley import MOST, Coalition, shapley
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.uncertainty import auroc, conflict
from mmzoo.evaluation.unimodal import Unimodal, unimodal_verdict
from mmzoo.evaluation.verdict import Gain, gain, sentence
from mmzoo.inference.subset_predictions import SubsetPredictions
from mmzoo.inference.subsets import subsets
from mmzoo.spec import Spec
from mmzoo.tasks import Task

NO_UNIMODAL: Any = "Models of one modality each were not asked for; mmzoo evaluate RUN --unimodal trains them."
NO_UNCERTAINTY: Any = "Not asked for; mmzoo evaluate RUN --mc-dropout 20, --ensemble RUNS or --ood TABLE measures them."
NOT_ASKED: Any = "Noise was not asked for; mmzoo evaluate RUN --noise measures it."


@dataclass(frozen=True)
class TaskEvaluation:
    """What was found of one task on one split.

    Args:
        subset_predictions: to the records, by subset, of all tasks; a record that has none of a subset is answered from
            the learned embeddings alone.
        subsets: by subset, the metrics of this task, called as `Spec.metric_name` has it.
        trust: how far its answers can be trusted: `calibration`, `selective`, `conformal`.
        slices: the mean score over records that share a value, worst first.
        noise: the noise curves, where they were asked for.
        unimodal: by input, a model of it alone, where they were asked for.
        uncertainty: what uncertainty scores are worth, where they were asked for; see
            `mmzoo.evaluation.failure_detection.failure_detection`.
    """

    spec: Spec
    task: Task
    subset_predictions: SubsetPredictions
    subsets: dict[str, dict[str, float]]
    trust: dict[str, Any]
    slices: list[dict[str, Any]]
    noise: dict[str, dict[str, Any]] | None = None
    unimodal: dict[str, Unimodal] | None = None
    uncertainty: dict[str, Any] | None = None

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
        """By subset, how good the answer to each record with a label is."""
        return {
            name: self.task.score(*self.subset_predictions.labels_and_predictions(self.task, name))
            for name in self.subset_predictions.predictions
        }

    @cached_property
    def gains(self) -> list[Gain]:
        """What fusion adds over the best single modality, and over the best pair where there are three or more."""
        sizes = [size for size in (1, 2) if size < len(self.spec.inputs)]
        others = [name for name in map(self.best, sizes) if name is not None]
        return [gain(name, self.scores[self.everything], self.scores[name]) for name in others]

    @cached_property
    def intervals(self) -> dict[str, dict[str, Any]]:
        """By subset, the 95 % bootstrap interval of the score."""
        sign = self.task.score_sign
        return {name: {self.score_name: list(interval(sign * score))} for name, score in self.scores.items()}

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each modality's Shapley value in what the model is worth: they sum to it, less what it is without any."""
        names = self.spec.input_names
        if len(names) > MOST:
            return {}
        values: dict[Coalition, Any] = {chosen: self.scores["+".join(chosen)].mean() for chosen in subsets(self.spec)}
        labels, empty = (
            self.subset_predictions.labels[self.name][self.known],
            self.subset_predictions.nothing[self.name][self.known],
        )
        values[()] = self.task.score(labels, empty).mean()
        return {name: float(share) for name, share in shapley(values, names).items()}

    @property
    def verdict(self) -> str:
        """In one sentence: is the fused model better than the best single modality?"""
        if not self.gains:
            return f"The model has one modality, {self.spec.input_names[0]}; there is nothing to fuse."
        return sentence(self.task, self.gains[0], self.gains[1] if len(self.gains) > 1 else None)

    @cached_property
    def conflicts(self) -> np.ndarray:
        """How far the modalities disagree about each record, float (N,)."""
        single = [self.subset_predictions.predictions[name][self.name] for name in self.spec.input_names]
        return conflict(self.task, single, self.subset_predictions.present)

    @property
    def conflict(self) -> dict[str, Any]:
        """The mean conflict, and how well it tells wrong answers from right ones."""
        known, score = self.conflicts[self.known], self.scores[self.everything]
        found: dict[str, Any] = {"mean": float(self.conflicts.mean())}
        if self.task.tags.exclusive:
            found["error_auroc"] = auroc(known[score < 1], known[score == 1])
        return found

    @cached_property
    def classes(self) -> dict[str, Any]:
        """`confusion` and `by_class` of labels, or the `residuals` of numbers; nothing of what is neither."""
        task = self.task
        labels, answers = self.subset_predictions.labels_and_predictions(task, self.everything)
        found: dict[str, Any] = {}
        if task.tags.numeric:
            found["residuals"] = residuals(labels, answers)
        if task.tags.probabilistic:
            found["by_class"] = by_class(task, labels, answers)
        if task.tags.exclusive:
            counts = confusion(task, labels, answers)
            found["confusion"] = {"labels": list(task.answer_names), "counts": counts.tolist()}
        return found

    def unimodal_json(self) -> dict[str, Any]:
        """Models of one modality each, and the verdict over them; or why there are none."""
        if self.unimodal is None:
            return {"reason": NO_UNIMODAL}
        models = {name: each.to_json() for name, each in self.unimodal.items()}
        return {"models": models, "verdict": unimodal_verdict(self.task, self.unimodal)}

    def to_json(self) -> dict[str, Any]:
        """What metrics.json has of this task, beside the metrics themselves."""
        if self.reason:
            return {"reason": self.reason}
        return {
            "intervals": self.intervals,
            "verdict": self.verdict,
            "gains": [found.to_json() for found in self.gains],
            **self.classes,
            "slices": self.slices,
            "conflict": self.conflict,
            "shares": self.shares,
            "noise": self.noise if self.noise is not None else {"reason": NOT_ASKED},
            "unimodal": self.unimodal_json(),
            "uncertainty": self.uncertainty if self.uncertainty is not None else {"reason": NO_UNCERTAINTY},
            **self.trust,
        }
