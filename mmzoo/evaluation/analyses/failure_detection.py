"""How well each uncertainty score tells mistakes from right answers, and what is out of distribution from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Required, TypedDict

import keras
import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.data.schema.names import input_names
from mmzoo.data.sources import open_table
from mmzoo.datasets import open_source
from mmzoo.errors import require
from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import OnRequest
from mmzoo.evaluation.analyses.calibration import Bin, scores
from mmzoo.evaluation.blocks import Block, Cell, Heading, Table, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.uncertainty import (
    auroc,
    confidence,
    embedder,
    energy,
    ensemble,
    logits_of,
    mahalanobis,
    mc_dropout,
)
from mmzoo.inference.running import run_model
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

MOST_LEARNED = 1000  # training records that the embeddings are held against

SIGNS = {
    "probability": "a low probability of what is said",
    "energy": "energy of the logits",
    "evidence": "little evidence",
    "mc_dropout": "draws under dropout disagree",
    "ensemble": "the ensemble disagrees",
    "mahalanobis": "distance from what was learned",
}
MEANS = {"mc_dropout": "The mean of the draws under dropout", "ensemble": "The mean of the ensemble"}


class Averaged(TypedDict, total=False):
    """The figures of what several answers say together; all but the score of probabilities alone."""

    score: Required[float]
    ece: float
    brier: float
    nll: float
    reliability: list[Bin]


class Told(TypedDict):
    """What `failure_detection` finds of one task."""

    scores: dict[str, dict[str, float | None]]
    averaged: dict[str, Averaged]
    ood_records: int


@analyses.register("uncertainty", section="trust")
class Uncertainty(OnRequest):
    """How well uncertainty scores tell mistakes, and records out of distribution."""

    remedy: ClassVar[str] = (
        "Not asked for; mmzoo evaluate RUN --mc-dropout 20, --ensemble RUNS or --ood TABLE measures them."
    )

    def draw(self, found: Told, result: TaskEvaluation) -> list[Block]:
        ood, sign = found["ood_records"], result.task.score_sign
        said = "How often a sign is stronger in a mistake than in a right answer"
        said += f", and in one of {ood} out-of-distribution records than in one like those learned" if ood else ""
        heads = ["sign", "mistakes", *(["out-of-distribution records"] if ood else [])]
        rows: list[list[Cell]] = [
            [SIGNS[name], each["mistakes"], *([each["ood"]] if ood else [])] for name, each in found["scores"].items()
        ]
        blocks: list[Block] = [
            Heading("Uncertainty"),
            Text(f"{said} (AUROC; 0.5 is chance).", soft=True),
            Table(heads, rows, "uncertainty scores"),
        ]
        for how, each in found["averaged"].items():
            text = f"{MEANS[how]}: {result.task.score_words} {sign * each['score']:.3f}"
            if "ece" in each:
                text += f", ECE {each['ece']:.3f}, Brier {each['brier']:.3f}, NLL {each['nll']:.3f}"
            blocks.append(Text(f"{text}.", soft=True))
        return blocks

    def draw_reason(self, reason: str) -> list[Block]:
        return [Heading("Uncertainty"), Text(reason, soft=True)]


def failure_detection(
    model: keras.Model,
    records: Records,
    *,
    draws: int = 0,
    others: Sequence[keras.Model] = (),
    ood: Records | None = None,
    training: Records | None = None,
) -> dict[str, Told]:
    """What each task's uncertainty scores are worth, as an area under the ROC curve from 0 to 1; 0.5 is chance.

    Args:
        draws: draws under dropout; none for 0.
        others: models that answer together with `model`, an ensemble.
        ood: records unlike what was learned. They are held against the same inputs of `records`, so that
            an input which they lack tells nothing.
        training: records that were learned, for the distance of embeddings.

    Returns:
        By task that has labels in `records`: `scores`, by sign `mistakes` (None for numbers) and `ood` (None
        without out-of-distribution records); `averaged`, ECE, Brier score, NLL and mean score of the answers that
        "mc_dropout" and the "ensemble" give together; and the number of `ood_records`.
    """
    spec: Spec = model.spec
    labels = encode_labels(spec.tasks, records, unasked=True)
    ours, logits = uncertainty_scores(model, records, draws, others), logits_of(model, records)
    far = far_off(model, records, ood, training, draws, others) if ood is not None and len(ood) else {}
    found: dict[str, Told] = {}
    for task in spec.tasks:
        known = np.asarray(task.known(labels[task.name]))
        if not known.any() or not task.tags.elementwise:
            continue
        right, (score_of, together) = labels[task.name][known], ours[task.name]
        score = task.score(right, np.asarray(task.to_predictions(logits[task.name]))[known])
        said: dict[str, dict[str, float | None]] = {}
        for name, uncertainty in score_of.items():
            told = auroc(uncertainty[known][score < 1], uncertainty[known][score == 1]) if task.tags.exclusive else None
            said[name] = {"mistakes": told, "ood": None}
        for name, told in far.get(task.name, {}).items():
            said.setdefault(name, {"mistakes": None, "ood": None})["ood"] = told
        averaged: dict[str, Averaged] = {}
        for how, answers in together.items():
            better = float(task.score(right, answers[known]).mean())
            averaged[how] = {"score": better}
            if task.tags.probabilistic:
                averaged[how] = {**scores(task, right, answers[known]), "score": better}
        count = 0 if ood is None else len(ood)
        found[task.name] = {"scores": said, "averaged": averaged, "ood_records": count}
    return found


def far_off(
    model: keras.Model,
    records: Records,
    ood: Records,
    training: Records | None,
    draws: int,
    others: Sequence[keras.Model],
) -> dict[str, dict[str, float | None]]:
    """By task and sign, how well it tells `ood` records from the `records`, as `uncertainty` has it."""
    spec: Spec = model.spec
    names = [name for name in spec.input_names if any(value is not None for value in ood.column(name))]
    near, learned = (only(spec, each, names) if each is not None else None for each in (records, training))
    assert near is not None
    words = " or ".join(names)
    require(
        len(near), f"No record has the input {words}, so there is nothing to hold the out-of-distribution ones against."
    )
    ours, theirs = (uncertainty_scores(model, each, draws, others) for each in (near, ood))
    found: dict[str, dict[str, float | None]] = {}
    for task in spec.tasks:
        far = distances(model, task, learned.take(MOST_LEARNED), near, ood) if learned is not None else None
        found[task.name] = {"mahalanobis": auroc(far[1], far[0])} if far else {}
        for name, uncertainty in ours[task.name][0].items():
            found[task.name][name] = auroc(theirs[task.name][0][name], uncertainty)
    return found


Signs = dict[str, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]
"""By task, each uncertainty score, float (N,), higher is less certain; and the answers given together, (N, K)."""


def uncertainty_scores(model: keras.Model, records: Records, draws: int, others: Sequence[keras.Model]) -> Signs:
    """The uncertainty scores about the answers to some records."""
    logits = logits_of(model, records)
    drawn = {"mc_dropout": mc_dropout(model, records, draws)} if draws else {}
    drawn |= {"ensemble": ensemble([model, *others], records)} if others else {}
    found: Signs = {}
    for task in model.spec.tasks:
        said: dict[str, np.ndarray] = {}
        if task.tags.probabilistic:
            said["probability"] = 1.0 - confidence(task, np.asarray(task.to_predictions(logits[task.name])))
            said["energy"] = energy(logits[task.name], exclusive=task.tags.exclusive)
        if (evidence := task.uncertainty(logits[task.name])) is not None:
            said["evidence"] = np.asarray(evidence)[:, 0]
        for how, each in drawn.items():
            said[how] = each[task.name].get("information", each[task.name]["deviation"].mean(axis=1))
        found[task.name] = said, {how: each[task.name]["mean"] for how, each in drawn.items()}
    return found


def distances(
    model: keras.Model, task: Task, learned: Records, near: Records, far: Records
) -> tuple[np.ndarray, np.ndarray] | None:
    """The Mahalanobis distances of two kinds of records from those learned; None where there is no embedding."""
    cut = embedder(model, task.name)
    if cut is None or not task.tags.exclusive:
        return None
    labels = encode_labels(model.spec.tasks, learned, unasked=True)[task.name]
    known = np.asarray(task.known(labels))
    if not known.any():
        return None
    base, *rest = (run_model(cut, decode(model.spec, each))["embedding"] for each in (learned, near, far))
    first, second = (mahalanobis(base[known], labels[known], each) for each in rest)
    return first, second


def only(spec: Spec, records: Records, names: Sequence[str]) -> Records:
    """The records that have one of these inputs, and of their inputs only these; labels and all else stay."""
    here = [k for k in range(len(records)) if any(records.column(name)[k] is not None for name in names)]
    chosen = records.select(here)
    absent = {name: [None] * len(here) for name in spec.input_names if name not in names}
    return Records({**chosen.columns, **absent}, chosen.ids)


def ood_records(spec: Spec, source: str) -> Records:
    """Records to hold against those learned: of a data set, a table or shards, each column under its input's name.

    Raises:
        MMZooError: it has none of the spec's inputs.
    """
    from mmzoo.datasets import datasets

    table = open_source(source).splits["test"] if source in datasets.names() else open_table(source)
    names = input_names(table.columns)
    columns = {names[column]: values for column, values in table.columns.items()}
    for item in spec.inputs:
        if item.name not in columns and (values := item.gathered(table.columns)) is not None:
            columns[item.name] = values
    found = {name: columns.get(name, [None] * len(table)) for name in spec.input_names}
    there = [k for k in range(len(table)) if any(values[k] is not None for values in found.values())]
    wanted = ", ".join(spec.input_names)
    require(there, f"No record of '{source}' has one of the inputs {wanted}; name its columns like them.")
    return Records(found, table.ids).select(there)
