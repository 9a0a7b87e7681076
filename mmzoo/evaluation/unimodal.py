"""Each modality by itself, in a model of its own: what the fused one has to be better than."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmzoo.data.records import Records
from mmzoo.evaluation.verdict import Gain, amount, gain, span
from mmzoo.files import subfolder
from mmzoo.folders import check_no_link
from mmzoo.inference.metrics import task_metrics
from mmzoo.inference.subset_predictions import predict_subsets
from mmzoo.spec import Spec
from mmzoo.tasks import Task
from mmzoo.training.finished import load_finished
from mmzoo.training.train import train


@dataclass(frozen=True)
class Unimodal:
    """A model of one modality, trained as the fused one was.

    Args:
        metrics: of one task, on the same records.
        gain: what the fused model adds to it.
    """

    metrics: dict[str, float]
    gain: Gain

    def to_json(self) -> dict[str, Any]:
        return {"metrics": self.metrics, "gain": self.gain.to_json()}


def train_unimodal(
    spec: Spec,
    train_records: Records,
    validation: Records,
    records: Records,
    scores: dict[str, Any],
    *,
    folder: Path,
    **settings: Any,
) -> dict[str, dict[str, Unimodal]]:
    """By task and input, what a model of it alone is worth; each is trained into `FOLDER/unimodal/INPUT`.

    One that is there already is not trained again, and one that was stopped is gone on with.

    Args:
        spec: of the fused model.
        train_records, validation: which that one was trained on.
        records: to test on.
        scores: by task, the fused model's, float (N,), of the records with a label of the task.
        folder: of the fused model's run.
        settings: of `mmzoo.training.train.train`, as the fused model had them.
    """
    place = subfolder(folder, "unimodal")
    found: dict[str, dict[str, Unimodal]] = {name: {} for name in scores}
    for name in spec.input_names:
        out = check_no_link(place / name)
        model = load_finished(train(spec.subset([name]), train_records, validation, out=out, **settings))
        answers = predict_subsets(model, records)
        for task in model.spec.tasks:
            if task.name in scores:
                theirs = task.score(*answers.labels_and_predictions(task, name))
                metric_values = task_metrics(model.spec, task, answers.predictions[name], answers.labels)
                found[task.name][name] = Unimodal(
                    metric_values, gain(f"{name}, trained alone", scores[task.name], theirs)
                )
    return found


def unimodal_verdict(task: Task, found: dict[str, Unimodal]) -> str:
    """In one sentence: is the fused model better than the best of them?"""
    best = min(found.values(), key=lambda each: each.gain.gain)
    over = f"{best.gain.over.partition(',')[0]} in a model of its own"
    if best.gain.significance > 0:
        return f"The fused model gains {amount(task, best.gain)} over {over} ({span(task, best.gain)})."
    if best.gain.significance < 0:
        return f"The fused model loses {amount(task, best.gain)} against {over} ({span(task, best.gain)})."
    return f"The fused model is about as good as {over} (difference {span(task, best.gain)})."
