"""A model on records: every subset of its modalities, and in words whether fusing them was worth it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from mmzoo.data.records import Records
from mmzoo.errors import require
from mmzoo.evaluation.alone import Alone, verdict_alone
from mmzoo.evaluation.classes import by_class, confusion, residuals, slices
from mmzoo.evaluation.robustness import noise_curves
from mmzoo.evaluation.shapley import MOST, Coalition, shapley
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.trust import trust_in
from mmzoo.evaluation.uncertainty import auroc, conflict
from mmzoo.evaluation.verdict import Gain, gain, sentence, worth_name
from mmzoo.inference.answers import Answers, answer
from mmzoo.inference.metrics import metrics, primary
from mmzoo.inference.subsets import subsets
from mmzoo.spec import Spec

NOT_ALONE: Any = "Models of one modality each were not asked for; mmzoo evaluate RUN --alone trains them."
NO_DOUBTS: Any = "Not asked for; mmzoo evaluate RUN --dropout 20, --ensemble RUNS or --strange TABLE measures them."
NOT_ASKED: Any = "Noise was not asked for; mmzoo evaluate RUN --noise measures it."


@dataclass(frozen=True)
class Evaluation:
    """What was found on one split.

    Args:
        answers: to the records, by subset; a record that has none of a subset is answered from the
            learned embeddings alone.
        subsets: by subset, the metrics of all tasks.
        trust: by task, how far its answers can be trusted: `calibration`, `selective`, `conformal`.
        slices: the first task's mean worth over records that share a value, worst first.
        noise: the noise curves, where they were asked for.
        alone: by input, a model of it alone, where they were asked for.
        doubts: what signs of doubt are worth, where they were asked for; see `mmzoo.evaluation.doubt.doubts`.
    """

    spec: Spec
    split: str
    answers: Answers
    subsets: dict[str, dict[str, float]]
    trust: dict[str, dict[str, Any]]
    slices: list[dict[str, Any]]
    noise: dict[str, dict[str, Any]] | None = None
    alone: dict[str, Alone] | None = None
    doubts: dict[str, Any] | None = None

    @property
    def labels(self) -> dict[str, np.ndarray]:
        """By task, encoded."""
        return self.answers.labels

    @property
    def predictions(self) -> dict[str, dict[str, np.ndarray]]:
        """By subset and task, the finished answers."""
        return self.answers.predictions

    @property
    def everything(self) -> str:
        """The name of the subset of all modalities."""
        return "+".join(self.spec.input_names)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many of the records have each modality."""
        return dict(zip(self.spec.input_names, self.answers.present.sum(axis=0).tolist(), strict=True))

    def best(self, size: int) -> str | None:
        """The subset of `size` modalities that does best here, of those that some record has; None for none."""
        found = [
            chosen for chosen in subsets(self.spec) if len(chosen) == size and all(self.counts[name] for name in chosen)
        ]
        return max(map("+".join, found), key=lambda name: self.subsets[name][primary(self.spec)], default=None)

    @cached_property
    def known(self) -> np.ndarray:
        """Which records have a label of the first task, bool (N,)."""
        return self.answers.known(self.spec.tasks[0])

    @cached_property
    def worths(self) -> dict[str, np.ndarray]:
        """By subset, how good the first task's answer to each record with a label is."""
        task = self.spec.tasks[0]
        return {name: task.worth(*self.answers.finished(task, name)) for name in self.predictions}

    @cached_property
    def gains(self) -> list[Gain]:
        """What fusion adds over the best single modality, and over the best pair where there are three or more."""
        sizes = [size for size in (1, 2) if size < len(self.spec.inputs)]
        others = [name for name in map(self.best, sizes) if name is not None]
        return [gain(name, self.worths[self.everything], self.worths[name]) for name in others]

    @cached_property
    def intervals(self) -> dict[str, dict[str, Any]]:
        """By subset, the 95 % bootstrap interval of its accuracy, or of its mean absolute error."""
        task = self.spec.tasks[0]
        metric, sign = self.spec.metric_name(task, worth_name(task)), 1 if task.labels else -1
        return {name: {metric: list(interval(sign * worth))} for name, worth in self.worths.items()}

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each modality's Shapley value in what the model is worth: they sum to it, less what it is without any."""
        names = self.spec.input_names
        if len(names) > MOST:
            return {}
        values: dict[Coalition, Any] = {chosen: self.worths["+".join(chosen)].mean() for chosen in subsets(self.spec)}
        task = self.spec.tasks[0]
        labels, empty = self.labels[task.name][self.known], self.answers.nothing[task.name][self.known]
        values[()] = task.worth(labels, empty).mean()
        return {name: float(share) for name, share in shapley(values, names).items()}

    @property
    def verdict(self) -> str:
        """In one sentence: is the fused model better than the best single modality?"""
        if not self.gains:
            return f"The model has one modality, {self.spec.input_names[0]}; there is nothing to fuse."
        return sentence(self.spec.tasks[0], self.gains[0], self.gains[1] if len(self.gains) > 1 else None)

    @cached_property
    def conflicts(self) -> np.ndarray:
        """How far the modalities disagree about each record, float (N,)."""
        task = self.spec.tasks[0]
        return conflict(
            task, [self.predictions[name][task.name] for name in self.spec.input_names], self.answers.present
        )

    @property
    def conflict(self) -> dict[str, Any]:
        """The mean conflict, and how well it tells wrong answers from right ones."""
        known, worth = self.conflicts[self.known], self.worths[self.everything]
        found: dict[str, Any] = {"mean": float(self.conflicts.mean())}
        if self.spec.tasks[0].exclusive:
            found["auroc_of_mistakes"] = auroc(known[worth < 1], known[worth == 1])
        return found

    @cached_property
    def classes(self) -> dict[str, Any]:
        """Of the first task: `confusion` and `by_class`, or the `residuals` of numbers."""
        task = self.spec.tasks[0]
        labels, answers = self.answers.finished(task, self.everything)
        if not task.labels:
            return {"residuals": residuals(labels, answers)}
        found: dict[str, Any] = {"by_class": by_class(task, labels, answers)}
        if task.exclusive:
            found["confusion"] = {"labels": list(task.labels), "counts": confusion(task, labels, answers).tolist()}
        return found

    def alone_json(self) -> dict[str, Any]:
        """Models of one modality each, and the verdict over them; or why there are none."""
        if self.alone is None:
            return {"why_not": NOT_ALONE}
        models = {name: each.to_json() for name, each in self.alone.items()}
        return {"models": models, "verdict": verdict_alone(self.spec.tasks[0], self.alone)}

    def to_json(self) -> dict[str, Any]:
        """The content of metrics.json."""
        return {
            "split": self.split,
            "examples": len(self.answers.present),
            "metrics": self.subsets[self.everything],
            "subsets": self.subsets,
            "intervals": self.intervals,
            "verdict": self.verdict,
            "gains": [found.to_json() for found in self.gains],
            "modality_counts": self.counts,
            **self.classes,
            "slices": self.slices,
            "conflict": self.conflict,
            "shares": self.shares,
            "noise": self.noise if self.noise is not None else {"why_not": NOT_ASKED},
            "alone": self.alone_json(),
            "uncertainty": self.doubts if self.doubts is not None else {"why_not": NO_DOUBTS},
            **self.trust[self.spec.tasks[0].name],
            "other_tasks": {task.name: self.trust[task.name] for task in self.spec.tasks[1:]},
        }


def evaluate(
    model: keras.Model,
    records: Records,
    split_name: str = "test",
    *,
    validation: Records | None = None,
    noise: bool = False,
) -> Evaluation:
    """Run `model` on `records` with every subset of its modalities; the towers run once.

    Args:
        validation: other records, which temperatures and conformal thresholds are fitted on.
        noise: run the noise curves too.

    Raises:
        MMZooError: there are no records, or the model's answers are not finite numbers.
    """
    require(len(records), f"The {split_name} split has no records, so there is nothing to evaluate.")
    found = answer(model, records)
    held_out = answer(model, validation) if validation is not None and len(validation) else None
    first, everything = model.spec.tasks[0], "+".join(model.spec.input_names)
    require(
        found.known(first).any(),
        f"No record of the {split_name} split has a label of task '{first.name}', so its answers cannot be judged; "
        "give labels.",
    )
    scores = {subset: metrics(model.spec, each, found.labels) for subset, each in found.predictions.items()}
    trust = {task.name: trust_in(task, found, held_out) for task in model.spec.tasks}
    worth = first.worth(*found.finished(first, everything))
    parts = slices(model.spec, records, found.present, found.known(first), worth)
    return Evaluation(
        model.spec, split_name, found, scores, trust, parts, noise_curves(model, records) if noise else None
    )
