"""A model on records: every subset of its modalities, and in words whether fusing them was worth it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras

from mmzoo.data.records import Records
from mmzoo.errors import require
from mmzoo.evaluation.classes import slices
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.robustness import noise_curves
from mmzoo.evaluation.trust import trust_in
from mmzoo.inference.metrics import metrics, task_metrics
from mmzoo.inference.subset_predictions import SubsetPredictions, predict_subsets
from mmzoo.spec import Spec
from mmzoo.tasks import Task


@dataclass(frozen=True)
class Evaluation:
    """What was found on one split.

    Args:
        subset_predictions: to the records, by subset; a record that has none of a subset is answered from the
            learned embeddings alone.
        subsets: by subset, the metrics of all tasks.
        tasks: by name, what was found of each task.
    """

    spec: Spec
    split: str
    subset_predictions: SubsetPredictions
    subsets: dict[str, dict[str, float]]
    tasks: dict[str, TaskEvaluation]

    @property
    def everything(self) -> str:
        """The name of the subset of all modalities."""
        return "+".join(self.spec.input_names)

    @property
    def counts(self) -> dict[str, int]:
        """How many of the records have each modality."""
        return self.subset_predictions.counts(self.spec)

    def with_found(self, what: str, found: dict[str, Any]) -> Evaluation:
        """The same with `what` filled in, "noise", "unimodal" or "uncertainty" of `TaskEvaluation`, by task."""
        more: dict[str, dict[str, Any]] = {name: {what: found.get(name)} for name in self.tasks}
        return replace(self, tasks={name: replace(each, **more[name]) for name, each in self.tasks.items()})

    def to_json(self) -> dict[str, Any]:
        """The content of metrics.json.

        `metrics` and `subsets` are of all tasks, each metric called as `Spec.metric_name` has it. What else was found
        of a task (`TaskEvaluation.to_json`) stands beside them where there is one task, and by the tasks' names in
        `tasks` where there are several; `by_task` reads both.
        """
        found = {name: each.to_json() for name, each in self.tasks.items()}
        return {
            "split": self.split,
            "examples": len(self.subset_predictions.present),
            "metrics": self.subsets[self.everything],
            "subsets": self.subsets,
            "modality_counts": self.counts,
            **({"tasks": found} if len(found) > 1 else next(iter(found.values()))),
        }


def by_task(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What metrics.json says of each task, by its name; of a single task under no name, ""."""
    found: dict[str, dict[str, Any]] = data.get("tasks", {"": data})
    return found


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
        MMZooError: there are no records, one has no label of any task, or the model's answers are not finite numbers.
    """
    require(len(records), f"The {split_name} split has no records, so there is nothing to evaluate.")
    spec: Spec = model.spec
    found = predict_subsets(model, records)
    held_out = predict_subsets(model, validation) if validation is not None and len(validation) else None
    scores = {subset: metrics(spec, each, found.labels) for subset, each in found.predictions.items()}
    tasks = {task.name: evaluate_task(spec, task, records, found, held_out) for task in spec.tasks}
    result = Evaluation(spec, split_name, found, scores, tasks)
    return result.with_found("noise", noise_curves(model, records)) if noise else result


def evaluate_task(
    spec: Spec, task: Task, records: Records, found: SubsetPredictions, held_out: SubsetPredictions | None
) -> TaskEvaluation:
    """What the answers to the records say of one task."""
    everything = "+".join(spec.input_names)
    scores = {subset: task_metrics(spec, task, each, found.labels) for subset, each in found.predictions.items()}
    if not found.known(task).any():
        return TaskEvaluation(spec, task, found, scores, {}, [])
    score = task.score(*found.labels_and_predictions(task, everything))
    parts = slices(spec, task, records, found.present, found.known(task), score)
    return TaskEvaluation(spec, task, found, scores, trust_in(task, found, held_out), parts)
