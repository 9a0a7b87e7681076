"""Each modality by itself, in a model of its own: what the fused one has to be better than."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmzoo.data.records import Records
from mmzoo.evaluation.verdict import Gain, amount, gain, span
from mmzoo.files import subfolder
from mmzoo.folders import check_no_link
from mmzoo.inference.answers import answer
from mmzoo.inference.metrics import metrics
from mmzoo.tasks import Task
from mmzoo.training.settings import Training


@dataclass(frozen=True)
class Alone:
    """A model of one modality, trained as the fused one was.

    Args:
        metrics: of all tasks, on the same records.
        gain: what the fused model adds to it.
    """

    metrics: dict[str, float]
    gain: Gain

    def to_json(self) -> dict[str, Any]:
        return {"metrics": self.metrics, "gain": self.gain.to_json()}


def trained_alone(run: Any, records: Records, worths: Any) -> dict[str, Alone]:
    """By input, what a model of it alone is worth; each is trained with the run's settings into `RUN/alone/INPUT`.

    One that is there already is not trained again, and one that was stopped is gone on with.

    Args:
        records: to test on.
        worths: the fused model's, float (N,), of the records with a label of the first task.

    Raises:
        MMZooError: the run does not say where its records came from.
    """
    from mmzoo.training.train import train

    train_records, validation = run.records("train"), run.records("validation")
    folder = subfolder(run.folder, "alone")
    found = {}
    for name in run.model.spec.input_names:
        same = {key: run.settings[key] for key in ("seed", "on_error", "budget")}
        alone = train(
            run.model.spec.subset([name]),
            train_records,
            validation,
            training=Training.from_json(run.settings["training"]),
            data=run.data,
            out=check_no_link(folder / name),
            **same,
        )
        answers = answer(alone.model, records)
        task = alone.model.spec.tasks[0]
        theirs = task.worth(*answers.finished(task, name))
        scores = metrics(alone.model.spec, answers.predictions[name], answers.labels)
        found[name] = Alone(scores, gain(f"{name}, trained alone", worths, theirs))
    return found


def verdict_alone(task: Task, found: dict[str, Alone]) -> str:
    """In one sentence: is the fused model better than the best of them?"""
    best = min(found.values(), key=lambda each: each.gain.gain)
    over = f"{best.gain.over.partition(',')[0]} in a model of its own"
    if best.gain.sure > 0:
        return f"The fused model gains {amount(task, best.gain)} over {over} ({span(task, best.gain)})."
    if best.gain.sure < 0:
        return f"The fused model loses {amount(task, best.gain)} against {over} ({span(task, best.gain)})."
    return f"The fused model is about as good as {over} (difference {span(task, best.gain)})."
