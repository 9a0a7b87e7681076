"""A model on records: every subset of its modalities, and in words whether fusing them was worth it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import keras

from mmzoo.aliases import Raw
from mmzoo.data.records import Records
from mmzoo.errors import require
from mmzoo.evaluation.analyses import computed
from mmzoo.evaluation.analyses.columns import columns_of
from mmzoo.evaluation.analyses.denoising import denoised
from mmzoo.evaluation.analyses.noise import noise_curves
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.retrieval import RetrievalEvaluation
from mmzoo.inference.metrics import metrics, task_metrics
from mmzoo.inference.subset_predictions import SubsetPredictions, predict_subsets
from mmzoo.inference.subsets import is_sampled, subset_count, subsets
from mmzoo.spec import Spec

Findings: TypeAlias = dict[str, Any]
"""By analysis, what it has found of a task; of which type that is the analysis says alone."""


@dataclass(frozen=True)
class Evaluation:
    """What was found on one split.

    Args:
        subset_predictions: to the records, by subset; a record that has none of a subset is answered from the
            learned embeddings alone.
        subsets: by subset, the metrics of all tasks; of a sample of them, where there are too many.
        tasks: by name, the answers for each task.
        found: by task, what each analysis that applies to it has found, as metrics.json has it; of a task that no
            record has a label of, nothing.
    """

    spec: Spec
    split: str
    subset_predictions: SubsetPredictions
    subsets: dict[str, dict[str, float]]
    tasks: dict[str, TaskEvaluation]
    found: dict[str, Findings]

    @property
    def everything(self) -> str:
        """The name of the subset of all modalities."""
        return "+".join(self.spec.input_names)

    @property
    def counts(self) -> dict[str, int]:
        """How many of the records have each modality."""
        return self.subset_predictions.counts(self.spec)

    def with_found(self, analysis: str, found: Mapping[str, object]) -> Evaluation:
        """The same with what an analysis that was asked for has found, by task."""
        more = {name: {analysis: each} for name, each in found.items() if self.found[name]}
        return replace(self, found={name: {**each, **more.get(name, {})} for name, each in self.found.items()})

    def of_task(self, name: str) -> dict[str, object]:
        """What metrics.json has of one task, beside the metrics themselves."""
        return {**self.tasks[name].to_json(), **self.found[name]}

    def to_json(self) -> dict[str, object]:
        """The content of metrics.json.

        `metrics` and `subsets` are of all tasks, each metric called as `Spec.metric_name` has it. What else was found
        of a task, analysis by analysis, stands beside them where there is one task, and by the tasks' names in
        `tasks` where there are several; `by_task` reads both. Where `subsets` are a sample, `subsets_in_all` says of
        how many.
        """
        found = {name: self.of_task(name) for name in self.tasks}
        return {
            "split": self.split,
            "examples": len(self.subset_predictions.present),
            "metrics": self.subsets[self.everything],
            "subsets": self.subsets,
            **({"subsets_in_all": subset_count(self.spec)} if is_sampled(self.spec) else {}),
            "modality_counts": self.counts,
            **({"tasks": found} if len(found) > 1 else next(iter(found.values()))),
        }


def by_task(data: Mapping[str, Raw]) -> dict[str, Mapping[str, Raw]]:
    """What metrics.json says of each task, by its name; of a single task under no name, ""."""
    tasks = data.get("tasks", {"": data})
    named = tasks.items() if isinstance(tasks, Mapping) else ()
    return {str(name): found for name, found in named if isinstance(found, Mapping)}


def verdict_of(found: Mapping[str, Raw]) -> str:
    """What is said of one task in a sentence or two, or why nothing can be said."""
    beside = [found.get(name) for name in ("unimodal", "baselines", "columns")]
    said = [found.get("verdict"), *(each.get("verdict") for each in beside if isinstance(each, dict))]
    floor = found.get("baselines")
    if not found.get("gains") and isinstance(floor, dict):  # else it would not be said what its figures are worth
        said.append(floor.get("reason"))
    return str(found["reason"]) if found.get("reason") else " ".join(each for each in said if isinstance(each, str))


def evaluate(
    model: keras.Model,
    records: Records,
    split_name: str = "test",
    *,
    validation: Records | None = None,
    noise: bool = False,
) -> Evaluation:
    """Run `model` on `records` with every subset of its modalities, or with a sample of them; the towers run once.

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
    told = {name: found.predictions[name] for name in map("+".join, subsets(spec))}
    scores = {subset: metrics(spec, each, found.labels, subset.split("+")) for subset, each in told.items()}
    tasks = {}
    for task in spec.tasks:
        theirs = {name: task_metrics(spec, task, each, found.labels, name.split("+")) for name, each in told.items()}
        kind: type[TaskEvaluation] = RetrievalEvaluation if task.tags.vectors else TaskEvaluation
        tasks[task.name] = kind(spec, task, split_name, records, found, theirs, held_out)
    analyzed = {name: {} if each.reason else computed(each) for name, each in tasks.items()}
    result = Evaluation(spec, split_name, found, scores, tasks, analyzed)
    result = result.with_found("columns", columns_of(model, records))
    if not noise:
        return result
    return result.with_found("noise", noise_curves(model, records)).with_found("denoising", denoised(model, records))
