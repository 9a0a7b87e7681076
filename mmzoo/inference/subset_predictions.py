"""What a model says to records, for every subset of its modalities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.inference.running import to_predictions
from mmzoo.inference.subsets import presence_of, run_presences, subsets
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


@dataclass(frozen=True)
class SubsetPredictions:
    """What a model says to some records, by subset of its modalities (`"image+name"`).

    Args:
        labels: by task, encoded.
        present: bool (N, M), what each record has.
        outputs: by subset and task, the logits.
        predictions: by subset and task, the predictions.
        nothing: by task, the predictions without any modality.
    """

    labels: dict[str, np.ndarray]
    present: np.ndarray
    outputs: dict[str, dict[str, np.ndarray]]
    predictions: dict[str, dict[str, np.ndarray]]
    nothing: dict[str, np.ndarray]

    def counts(self, spec: Spec) -> dict[str, int]:
        """How many of the records have each modality."""
        return dict(zip(spec.input_names, self.present.sum(axis=0).tolist(), strict=True))

    def known(self, task: Task) -> np.ndarray:
        """Which records have a label of this task, bool (N,)."""
        return np.asarray(task.known(self.labels[task.name]))

    def logits(self, task: Task, subset: str) -> tuple[np.ndarray, np.ndarray]:
        """The labels that are known, and the logits of the same records with this subset."""
        known = self.known(task)
        return self.labels[task.name][known], self.outputs[subset][task.name][known]

    def labels_and_predictions(self, task: Task, subset: str) -> tuple[np.ndarray, np.ndarray]:
        """The labels that are known, and the predictions to the same records with this subset."""
        known = self.known(task)
        return self.labels[task.name][known], self.predictions[subset][task.name][known]


def predict_subsets(model: Multimodal, records: Records) -> SubsetPredictions:
    """Run `model` on `records` with every subset of its modalities; each tower runs once.

    Raises:
        MMZooError: an answer is not a finite number; names the first such record.
    """
    spec: Spec = model.spec
    inputs = decode(spec, records)
    names = subsets(spec)
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
    labels = encode_labels(spec.tasks, records, unasked=True)
    return SubsetPredictions(labels, inputs["present"], outputs, predictions, to_predictions(spec, empty))
