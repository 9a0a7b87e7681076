"""The floor: models of scikit-learn that were fitted to the same records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypedDict

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import OnRequest, Reason
from mmzoo.evaluation.blocks import Block, Cell, Table, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.verdict import Gain, amount, gain, span

if TYPE_CHECKING:
    from mmzoo.baselines.base import Baseline


NAMED = 3  # baselines that are better than the model


class Scored(TypedDict):
    """A baseline: its score on the validation records and on those that are evaluated, and how long it took."""

    name: str
    validation: float
    test: float
    seconds: float


class BesideBaselines(TypedDict):
    """See `against_baselines`."""

    metric: str
    models: list[Scored]
    best: str
    gain: dict[str, object]
    verdict: str


@analyses.register("baselines", section="baselines")
class Baselines(OnRequest):
    """Is the model better than linear models, trees and neighbours on the same records?"""

    remedy: ClassVar[str] = "Baselines were not asked for; mmzoo evaluate RUN --baselines fits them."

    def draw(self, found: BesideBaselines, result: TaskEvaluation) -> list[Block]:
        words = found["metric"].replace("_", " ")
        own: list[Cell] = ["this model", None, result.subsets[result.everything][result.primary], None]
        rows: list[list[Cell]] = [
            [each["name"], each["validation"], each["test"], f"{each['seconds']:.1f}"] for each in found["models"]
        ]
        heads = ["", f"{words}, validation", f"{words}, {result.split}", "seconds"]
        chosen = "The best of them is the best on the validation records, which also chose how each is regularised."
        return [
            Text(found["verdict"]),
            Table(heads, [own, *rows], "baselines of scikit-learn on the same records"),
            Text(chosen, soft=True),
        ]


def against_baselines(result: TaskEvaluation, fitted: Sequence[Baseline]) -> BesideBaselines | Reason:
    """What the model is worth beside baselines of the same task, on the records that it was evaluated on.

    Args:
        fitted: as `fit_baselines` gave them, the best of each task first.

    Returns:
        `metric`; `models`, of each its `name`, its score on the `validation` records and on these (`test`), and its
        `seconds`; `best`, the name of the best on the validation records; the `gain` of the model over it, and the
        `verdict`.
    """
    task = result.task
    theirs = [each for each in fitted if each.task == task.name]
    if not theirs:
        return {"reason": f"There is no baseline for task '{task.name}': none fits it, or there was no time."}
    labels, _ = result.labels_and_predictions
    answers = [each.predict(result.records)[result.known] for each in theirs]
    rows: list[Scored] = [
        {
            "name": each.name,
            "validation": round(each.score, 6),
            "test": round(task.metrics(labels, said)[task.primary_metric], 6),
            "seconds": each.seconds,
        }
        for each, said in zip(theirs, answers, strict=True)
    ]
    # A model that has learnt nothing may still be "better" by all inputs than by one.
    constant = [
        f"The model is not shown to be better than {each.name}, which reads no input"
        + (": what fusion adds says little." if len(result.spec.inputs) > 1 else ".")
        for each, said in zip(theirs, answers, strict=True)
        if not each.inputs
        and gain(task, each.name, result.scores[result.everything], task.score(labels, said)).significance <= 0
    ]
    found = gain(task, theirs[0].name, result.scores[result.everything], task.score(labels, answers[0]))
    return {
        "metric": task.primary_metric,
        "models": rows,
        "best": theirs[0].name,
        "gain": found.to_json(),
        "verdict": " ".join(filter(None, [verdict(result, found, rows[0]["test"]), above(result, rows), *constant])),
    }


def above(result: TaskEvaluation, rows: Sequence[Scored]) -> str:
    """Which baselines do better than the model on these records; "" if none does."""
    own = result.subsets[result.everything][result.primary]
    better = sorted((each for each in rows if each["test"] > round(own, 6)), key=lambda each: -each["test"])
    named = ", ".join(f"{each['name']} {each['test']:.3f}" for each in better[:NAMED])
    more = f" and {len(better) - NAMED} more" if len(better) > NAMED else ""
    return f"On these records alone, which chose none of them, more have {named}{more}." if better else ""


def verdict(result: TaskEvaluation, found: Gain, score: float) -> str:
    """In one sentence: is the model better than the best baseline?"""
    task = result.task
    best = f"The best baseline, {found.over}, has {task.primary_metric.replace('_', ' ')} {score:.3f}"
    if found.significance > 0:
        return f"{best}; the model gains {amount(task, found)} ({span(task, found)})."
    if found.significance < 0:
        return f"{best}, and the model does not beat it: it loses {amount(task, found)} ({span(task, found)})."
    return f"{best}; the model is not shown to be better (difference {span(task, found)})."
