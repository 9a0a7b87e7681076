"""How a model bears noise: each modality made worse in steps, the others left as they are."""

from __future__ import annotations

from typing import ClassVar, TypedDict

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.data.records import Records, decode
from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import OnRequest
from mmzoo.evaluation.blocks import Block, Chart, Line, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.graph.cut import fusing, tower_of
from mmzoo.inference.running import BATCH, compiled, to_predictions
from mmzoo.inference.subsets import presence_of, run_towers
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

MOST = 256  # records; more would only narrow the curves


class Curve(TypedDict):
    """The scores under one kind of noise in one modality, as `noise_curves` tells them."""

    metric: str
    unit: str
    levels: list[float]
    fused: list[float]
    unimodal: list[float]
    late: list[float]
    clean: dict[str, float]
    relative: float | None
    effective: float


@analyses.register("noise", section="noise")
class Noise(OnRequest):
    """The score while one modality gets worse in steps and the others stay as they are."""

    remedy: ClassVar[str] = "Noise was not asked for; mmzoo evaluate RUN --noise measures it."

    def draw(self, found: dict[str, dict[str, Curve]], result: TaskEvaluation) -> list[Block]:
        charts = [chart(result, name, how, curve) for name, kinds in found.items() for how, curve in kinds.items()]
        said = "One modality gets worse from left to right, the others stay as they are."
        if len(result.spec.inputs) > 1:
            said += " Unfused is the mean of what each modality answers by itself."
        return [Text(said, soft=True), *charts] if charts else []


def chart(result: TaskEvaluation, name: str, how: str, curve: Curve) -> Chart:
    """The score with all modalities, and with the noisy one alone, by the level of one kind of noise."""
    several = len(result.spec.inputs) > 1
    steps = list(range(len(curve["levels"]) + 1))
    levels = ["none", *(f"{level:g}" for level in curve["levels"])]
    drawn = [Line("fused", steps, [curve["clean"]["fused"], *curve["fused"]], 0, dots=True)]
    if several:
        drawn.append(Line(f"{name} alone", steps, [curve["clean"]["unimodal"], *curve["unimodal"]], 1, dots=True))
    left = curve["relative"]
    notes = [] if left is None else [f"{left * 100:.0f} % of the score is left on average"]
    notes += [against_late(result.task, curve)] * several
    return Chart(
        f"{name}: {how}",
        drawn,
        f"{how}, {curve['unit']}",
        f"{curve['metric']} by {how} of {name}",
        (0, 1) if result.task.score_is_share else None,
        list(zip(steps, levels, strict=True)),
        "; ".join(notes),
        small=True,
    )


def against_late(task: Task, curve: Curve) -> str:
    """Effective robustness in words."""
    more = curve["effective"]
    size = f"{abs(more) * 100:.1f} points" if task.score_is_share else f"{abs(more):.3g}"
    if size in ("0.0 points", "0"):
        return "as much lost as unfused"
    return f"{size} {'less' if more > 0 else 'more'} lost than unfused"


def noise_curves(model: keras.Model, records: Records) -> dict[str, dict[str, dict[str, Curve]]]:
    """Each task's score against each kind of noise, by task, modality and kind; none of a task without labels.

    Each has `unit`, `levels`, and for each level `fused`, all modalities with this one noisy, `unimodal`, only the
    noisy one, and `late`, the mean of what each modality answers by itself; `clean`, all three without noise. Over the
    levels (Liang et al. 2021, arXiv:2107.07502; Hendrycks & Dietterich 2019, arXiv:1903.12261, turned to scores):
    `relative`, the share of the clean fused score that is left on average; `effective`, how much less of the score is
    lost on average than by `late`, which knows the same modalities and does not fuse them.
    Of at most `MOST` records a task, the first with a label.
    """
    spec: Spec = model.spec
    labels = encode_labels(spec.tasks, records, unasked=True)
    tasks = [task for task in spec.tasks if task.tags.elementwise]
    if not tasks:
        return {}
    known = {task.name: np.flatnonzero(np.asarray(task.known(labels[task.name])))[:MOST] for task in tasks}
    chosen = np.unique(np.concatenate([*known.values()]))
    records = records.select(chosen.tolist())
    found = noisy_answers(model, records)
    curves: dict[str, dict[str, dict[str, Curve]]] = {}
    for task in tasks:
        if len(known[task.name]):
            rows = np.searchsorted(chosen, known[task.name])
            curves[task.name] = task_curves(spec, task, found, labels[task.name][known[task.name]], rows)
    return curves


Noisy = dict[tuple[str, str, int], dict[str, dict[str, np.ndarray]]]
"""By input, kind of noise and step, what `three_ways` gives; without noise under `(input, "", 0)`."""


def noisy_answers(model: keras.Model, records: Records) -> Noisy:
    """What the model answers under each kind and step of noise; the towers of the others run once."""
    spec: Spec = model.spec
    inputs = decode(spec, records)
    found: dict[tuple[str, str, int], list[dict[str, dict[str, np.ndarray]]]] = {}
    for start in range(0, len(records), BATCH):
        rows = slice(start, start + BATCH)
        present = inputs["present"][rows]
        tokens = run_towers(model, {name: tf.constant(values[rows]) for name, values in inputs.items()})

        single = {name: ask(model, tokens, presence_of(spec, present, [name])) for name in spec.input_names}
        for item in spec.inputs:
            name = item.name
            found.setdefault((name, "", 0), []).append(three_ways(model, name, tokens, present, single))
            column = [records.column(name)[k] for k in range(len(records))[rows]]
            for how, corruption in item.corruptions.items():
                for step, level in enumerate(corruption.levels):
                    random = np.random.default_rng([start, step])
                    worse = corruption.apply(column, inputs[name][rows], level, random, item)
                    feed = {name: tf.constant(worse), "present": tf.constant(present)}
                    noisy = {**tokens, **compiled(tower_of(model, name))(feed)}
                    found.setdefault((name, how, step), []).append(three_ways(model, name, noisy, present, single))
    return {key: keras.tree.map_structure(lambda *parts: np.concatenate(parts), *each) for key, each in found.items()}


def task_curves(
    spec: Spec, task: Task, found: Noisy, labels: np.ndarray, rows: np.ndarray
) -> dict[str, dict[str, Curve]]:
    """One task's curves by modality and kind, from the answers to the `rows` that have these `labels`."""
    sign = task.score_sign

    def scores(key: tuple[str, str, int]) -> dict[str, float]:
        """Of "fused", "unimodal" and "late"."""
        return {how: float(sign * task.score(labels, each[task.name][rows]).mean()) for how, each in found[key].items()}

    curves: dict[str, dict[str, Curve]] = {}
    for item in spec.inputs:
        clean = scores((item.name, "", 0))
        for how, corruption in item.corruptions.items():
            steps = [scores((item.name, how, step)) for step in range(len(corruption.levels))]
            each = {key: [step[key] for step in steps] for key in clean}
            mean = {key: float(np.mean(values)) for key, values in each.items()}
            best, least = (mean, clean) if task.greater_is_better else (clean, mean)
            curves.setdefault(item.name, {})[how] = {
                "metric": task.score_name,
                "unit": corruption.unit,
                "levels": list(corruption.levels),
                "fused": each["fused"],
                "unimodal": each["unimodal"],
                "late": each["late"],
                "clean": clean,
                "relative": best["fused"] / least["fused"] if least["fused"] else None,
                "effective": sign * ((mean["fused"] - clean["fused"]) - (mean["late"] - clean["late"])),
            }
    return curves


def ask(model: keras.Model, tokens: dict[str, Tensor], present: np.ndarray) -> dict[str, np.ndarray]:
    """By task, the predictions (B, K) to what the towers made of a batch."""
    outputs = compiled(fusing(model))({**tokens, "present": tf.constant(present)})
    return to_predictions(model.spec, {name: value.numpy() for name, value in outputs.items()})


def three_ways(
    model: keras.Model,
    name: str,
    tokens: dict[str, Tensor],
    present: np.ndarray,
    single: dict[str, dict[str, np.ndarray]],
) -> dict[str, dict[str, np.ndarray]]:
    """By task, answers of all modalities, of `name` alone, and the mean of each by itself, the others' in `single`."""
    unimodal = ask(model, tokens, presence_of(model.spec, present, [name]))

    def late(task: str) -> np.ndarray:
        each = np.stack([answers[task] for answers in {**single, name: unimodal}.values()], axis=1)
        return np.asarray((each * present[..., None]).sum(axis=1) / present.sum(axis=1)[:, None])

    return {"fused": ask(model, tokens, present), "unimodal": unimodal, "late": {task: late(task) for task in unimodal}}
