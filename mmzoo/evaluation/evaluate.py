"""A model on records: every subset of its modalities, and in words whether fusing them was worth it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from mmzoo.data.records import Records, decode, encode_labels
from mmzoo.errors import require
from mmzoo.evaluation.halves import run_presences
from mmzoo.evaluation.metrics import finish, metrics, named, presence_of, primary, subsets
from mmzoo.evaluation.statistics import interval
from mmzoo.evaluation.verdict import Gain, gain, sentence, worth_name
from mmzoo.spec import Spec


@dataclass(frozen=True)
class Answers:
    """What a model says to some records, by subset of its modalities (`"image+name"`).

    Args:
        labels: by task, encoded.
        present: bool (N, M), what each record has.
        outputs: by subset and task, the logits.
        predictions: by subset and task, the finished answers.
    """

    labels: dict[str, np.ndarray]
    present: np.ndarray
    outputs: dict[str, dict[str, np.ndarray]]
    predictions: dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Evaluation:
    """What was found on one split.

    Args:
        answers: to the records, by subset; a record that has none of a subset is answered from the
            learned embeddings alone.
        subsets: by subset, the metrics of all tasks.
    """

    spec: Spec
    split: str
    answers: Answers
    subsets: dict[str, dict[str, float]]

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
        task = self.spec.tasks[0]
        return np.asarray(task.known(self.labels[task.name]))

    @cached_property
    def worths(self) -> dict[str, np.ndarray]:
        """By subset, how good the first task's answer to each record with a label is."""
        task = self.spec.tasks[0]
        labels = self.labels[task.name][self.known]
        return {name: task.worth(labels, found[task.name][self.known]) for name, found in self.predictions.items()}

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
        metric, sign = named(self.spec, task, worth_name(task)), 1 if task.labels else -1
        return {name: {metric: list(interval(sign * worth))} for name, worth in self.worths.items()}

    @property
    def verdict(self) -> str:
        """In one sentence: is the fused model better than the best single modality?"""
        if not self.gains:
            return f"The model has one modality, {self.spec.input_names[0]}; there is nothing to fuse."
        return sentence(self.spec.tasks[0], self.gains[0], self.gains[1] if len(self.gains) > 1 else None)

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
        }


def answer(model: keras.Model, records: Records) -> Answers:
    """Run `model` on `records` with every subset of its modalities; each tower runs once.

    Raises:
        MMZooError: an answer is not a finite number; names the first such record.
    """
    spec: Spec = model.spec
    inputs = decode(spec, records)
    names = subsets(spec)
    found = run_presences(model, inputs, (presence_of(spec, inputs["present"], chosen) for chosen in names))
    outputs = {"+".join(chosen): each for chosen, each in zip(names, found, strict=True)}
    for each in outputs.values():
        for task in spec.tasks:
            broken = np.flatnonzero(~np.isfinite(each[task.name]).all(axis=1))
            first = records.ids[broken[0]] if len(broken) else ""
            require(
                not len(broken),
                f"The model's answers to {len(broken)} of {len(records)} records are not finite numbers, "
                f"the first of them '{first}'; train it again, with a lower learning rate.",
            )
    predictions = {name: finish(spec, each) for name, each in outputs.items()}
    return Answers(encode_labels(spec, records), inputs["present"], outputs, predictions)


def evaluate(model: keras.Model, records: Records, split_name: str = "test") -> Evaluation:
    """Run `model` on `records` with every subset of its modalities; the towers run once.

    Raises:
        MMZooError: there are no records, or the model's answers are not finite numbers.
    """
    require(len(records), f"The {split_name} split has no records, so there is nothing to evaluate.")
    found = answer(model, records)
    scores = {subset: metrics(model.spec, each, found.labels) for subset, each in found.predictions.items()}
    return Evaluation(model.spec, split_name, found, scores)
