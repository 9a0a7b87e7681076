"""Each modality by itself, in a model of its own: what the fused one has to be better than."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from mmzoo.data.records import Records
from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import OnRequest
from mmzoo.evaluation.blocks import Block
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.verdict import Gain, amount, gain, span, within
from mmzoo.files import subfolder
from mmzoo.files.folders import check_no_link
from mmzoo.inference.metrics import task_metrics
from mmzoo.inference.subset_predictions import predict_subsets
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.training.finished import load_finished
from mmzoo.training.settings import Training
from mmzoo.training.train import train


@analyses.register("unimodal", section="modalities")
class Unimodal(OnRequest):
    """A model of each modality by itself, trained as the fused one was.

    The page has these models below the subsets of the fused one, and their gains beside the others.
    """

    remedy: ClassVar[str] = "Models of one modality each were not asked for; mmzoo evaluate RUN --unimodal trains them."

    def applies(self, result: TaskEvaluation) -> bool:
        return not result.task.tags.vectors

    def draw_reason(self, reason: str) -> list[Block]:
        return []


def train_unimodal(
    spec: Spec,
    train_records: Records,
    validation: Records,
    records: Records,
    scores: dict[str, np.ndarray],
    *,
    folder: Path,
    training: Training,
    data: str,
    seed: int,
    on_error: str,
    budget: float,
) -> dict[str, dict[str, object]]:
    """By task `models`, what a model of each input alone is worth, and the `verdict`.

    Each is trained into `FOLDER/unimodal/INPUT`. One that is there already is not trained again, and one that was
    stopped is gone on with.

    Args:
        spec: of the fused model.
        train_records, validation: which that one was trained on.
        records: to test on.
        scores: by task, the fused model's, float (N,), of the records with a label of the task.
        folder: of the fused model's run.
        training, data, seed, on_error, budget: of `mmzoo.training.train.train`, as the fused model had them.

    Returns:
        Of each model its `metrics` on the same records, and the `gain` of the fused model over it.
    """
    place = subfolder(folder, "unimodal")
    found: dict[str, dict[str, tuple[dict[str, float], Gain]]] = {name: {} for name in scores}
    for name in spec.input_names:
        out = check_no_link(place / name)
        made = train(
            spec.subset([name]),
            train_records,
            validation,
            training=training,
            seed=seed,
            out=out,
            data=data,
            on_error=on_error,
            budget=budget,
        )
        model = load_finished(made)
        answers = predict_subsets(model, records)
        for task in model.spec.tasks:
            if task.name in scores:
                theirs = task.score(*answers.labels_and_predictions(task, name))
                values = task_metrics(model.spec, task, answers.predictions[name], answers.labels)
                found[task.name][name] = values, gain(task, f"{name}, trained alone", scores[task.name], theirs)
    said: dict[str, dict[str, object]] = {}
    for task in spec.tasks:
        if each := found.get(task.name):
            models = {name: {"metrics": values, "gain": more.to_json()} for name, (values, more) in each.items()}
            said[task.name] = {"models": models, "verdict": verdict(task, [more for _, more in each.values()])}
    return said


def verdict(task: Task, gains: list[Gain]) -> str:
    """In one sentence: is the fused model better than the best of them?"""
    least = min(gains, key=lambda each: each.gain)
    over = f"{least.over.partition(',')[0]} in a model of its own"
    if least.significance > 0:
        return f"The fused model gains {amount(task, least)} over {over} ({span(task, least)})."
    if least.significance < 0:
        return f"The fused model loses {amount(task, least)} against {over} ({span(task, least)})."
    if least.equivalent:
        return f"The fused model is as good as {over}, {within(task, least)}."
    return f"The fused model is not shown to be better than {over} (difference {span(task, least)})."
