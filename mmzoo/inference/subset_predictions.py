"""What a model says to records, for every subset of its modalities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.inference.running import to_predictions
from mmzoo.inference.subsets import evaluated_subsets, orders, presence_of, run_presences
from mmzoo.labels import encode_labels
from mmzoo.names import uncalibrated_output
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

DECODED = 2**27
"""Bytes of decoded examples that are held; larger inputs are decoded batch by batch."""


@dataclass(frozen=True)
class SubsetPredictions:
    """What a model says to some records, by subset of its modalities (`"image+name"`).

    Args:
        labels: by task, encoded.
        present: bool (N, M), what each record has.
        outputs: by subset and task, the logits.
        predictions: by subset and `Task.answer_outputs`, the predictions. What one input says by itself (the vectors
            that a retrieval looks for) is there in each subset.
        nothing: by task, the predictions without any modality.
        orders: see `mmzoo.inference.subsets.orders`; their subsets are here too.
        temperatures: by task with probabilities and subset.
    """

    labels: dict[str, np.ndarray]
    present: np.ndarray
    outputs: dict[str, dict[str, np.ndarray]]
    predictions: dict[str, dict[str, np.ndarray]]
    nothing: dict[str, np.ndarray]
    orders: list[tuple[str, ...]]
    temperatures: dict[str, dict[str, float]]

    def counts(self, spec: Spec) -> dict[str, int]:
        """How many of the records have each modality."""
        return dict(zip(spec.input_names, self.present.sum(axis=0).tolist(), strict=True))

    def known(self, task: Task) -> np.ndarray:
        """Which records have a label of this task, bool (N,)."""
        return np.asarray(task.known(self.labels[task.name]))

    def uncalibrated(self, task: Task, subset: str) -> np.ndarray:
        """The predictions to the records whose label is known as they would be without temperatures."""
        logits = self.outputs[subset][uncalibrated_output(task.name)]
        return np.asarray(task.to_predictions(logits[self.known(task)]))

    def labels_and_answers(self, task: Task, subset: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The labels that are known, and all of `Task.answers` to the same records with this subset."""
        known = self.known(task)
        answers = {name: self.predictions[subset][name][known] for name in task.answer_outputs}
        return self.labels[task.name][known], answers

    def labels_and_predictions(self, task: Task, subset: str) -> tuple[np.ndarray, np.ndarray]:
        """The labels that are known, and the predictions to the same records with this subset."""
        known = self.known(task)
        return self.labels[task.name][known], self.predictions[subset][task.name][known]


def predict_subsets(model: Multimodal, records: Records) -> SubsetPredictions:
    """Run `model` on `records` with every subset of its modalities, or a sample of them; each tower runs once.

    See `mmzoo.inference.subsets.subsets`.

    Raises:
        MMZooError: an answer is not a finite number; names the first such record.
    """
    spec: Spec = model.spec
    inputs = decode(spec, records, memory=DECODED)
    names = evaluated_subsets(spec)
    *found, empty = run_presences(model, inputs, (presence_of(spec, inputs["present"], each) for each in (*names, ())))
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
    predictions = {name: to_predictions(spec, each) for name, each in outputs.items()}
    every = predictions["+".join(spec.input_names)]
    for each in predictions.values():
        each |= {name: every[name] for task in spec.tasks for name in task.answer_outputs[1:]}
    labels = encode_labels(spec.tasks, records, unasked=True)
    nothing = to_predictions(spec, empty)
    return SubsetPredictions(
        labels, inputs["present"], outputs, predictions, nothing, orders(spec), temperatures_of(model)
    )


def temperatures_of(model: Multimodal) -> dict[str, dict[str, float]]:
    """The temperatures of tasks with probabilities, by task and subset of the modalities."""
    spec: Spec = model.spec
    names = evaluated_subsets(spec)
    asked = np.array([[name in chosen for name in spec.input_names] for chosen in names])
    found: dict[str, dict[str, float]] = {}
    for task, heads in model.parts.heads.items():
        if (layer := heads.temperature) is not None:
            theirs = np.asarray(layer.temperatures)[layer.place(asked)].tolist()
            found[task] = {"+".join(chosen): each for chosen, each in zip(names, theirs, strict=True)}
    return found
