"""How much cleaner an input is rebuilt than it was given."""

from __future__ import annotations

from typing import ClassVar, TypedDict, TypeGuard

import keras
import numpy as np
import tensorflow as tf

from mmzoo.data.records import Records, decode
from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import OnRequest
from mmzoo.evaluation.analyses.noise import MOST
from mmzoo.evaluation.blocks import Block, Chart, Line, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.inference.running import BATCH, run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tasks.reconstruction import Reconstruction, rebuilds

SIGNALS = ("psnr", "snr")


class Decibels(TypedDict):
    """By level of one kind of noise, how strong the signal is beside what is wrong with it."""

    unit: str
    levels: list[float]
    given: list[float]
    rebuilt: list[float]
    gained: list[float]


@analyses.register("denoising", section="noise")
class Denoising(OnRequest):
    """How much stronger beside its noise an input is once it was rebuilt, in decibels."""

    remedy: ClassVar[str] = "Noise was not asked for; mmzoo evaluate RUN --noise measures what is removed of it."

    def applies(self, result: TaskEvaluation) -> bool:
        return denoises(result.task, result.spec)

    def draw(self, found: dict[str, Decibels], result: TaskEvaluation) -> list[Block]:
        task = result.task
        assert rebuilds(task)
        charts: list[Block] = [
            Chart(
                f"{task.input}: {how}",
                [
                    Line("given", list(range(len(curve["given"]))), curve["given"], 0, dots=True),
                    Line("rebuilt", list(range(len(curve["rebuilt"]))), curve["rebuilt"], 1, dots=True),
                ],
                f"{how}, {curve['unit']}",
                f"decibels before and after {task.input} was rebuilt, by {how}",
                x_ticks=[(place, f"{level:g}") for place, level in enumerate(curve["levels"])],
                note=f"{min(curve['gained']):+.1f} to {max(curve['gained']):+.1f} dB gained",
                small=True,
            )
            for how, curve in found.items()
        ]
        said = "By how much the signal is stronger than what is wrong with it: as it is given, and as it is rebuilt."
        return [Text(said, soft=True), *charts] if charts else []


def denoises(task: Task, spec: Spec) -> TypeGuard[Reconstruction]:
    """Does a task rebuild a signal that it has read?"""
    if not rebuilds(task) or task.withholds:
        return False
    return task.rebuilding.measures in SIGNALS and bool(spec.inputs[spec.input_names.index(task.column)].corruptions)


def denoised(model: keras.Model, records: Records) -> dict[str, dict[str, Decibels]]:
    """By task and kind of noise: `unit`, `levels`, and for each level the decibels `given`, `rebuilt` and `gained`.

    Decibels are those of the task's own metric (peak signal-to-noise ratio of pictures). Noise that leaves nothing in
    places, such as gaps, is none of it. Of at most `MOST` records a task, the first that have the input.
    """
    spec: Spec = model.spec
    labels = encode_labels(spec.tasks, records, unasked=True)
    found: dict[str, dict[str, Decibels]] = {}
    for task in spec.tasks:
        if not denoises(task, spec):
            continue
        rows = np.flatnonzero(np.asarray(task.known(labels[task.name])))[:MOST]
        chosen, item = records.select(rows.tolist()), spec.inputs[spec.input_names.index(task.input)]
        inputs, clean = decode(spec, chosen), labels[task.name][rows].astype(np.float32)
        values = [*chosen.column(item.name)]
        curves: dict[str, Decibels] = {}
        for how, corruption in item.corruptions.items():
            given, rebuilt = [], []
            for step, level in enumerate(corruption.levels):
                worse = np.concatenate(
                    [
                        corruption.apply(
                            values[start : start + BATCH],
                            inputs[item.name][start : start + BATCH],
                            level,
                            np.random.default_rng([start, step]),
                            item,
                        )
                        for start in range(0, len(rows), BATCH)
                    ]
                )
                read = np.asarray(task.rebuilding.target_of(tf.constant(worse)), np.float32)
                if np.isnan(read[np.isfinite(clean)]).any():
                    break
                answers = to_predictions(spec, run_model(model, inputs | {item.name: worse}))[task.name]
                given.append(task.cells.decibels(clean, read))
                rebuilt.append(task.cells.decibels(clean, answers))
            if len(given) == len(corruption.levels):
                gained = (np.array(rebuilt) - given).tolist()
                levels = list(corruption.levels)
                curves[how] = {
                    "unit": corruption.unit, "levels": levels, "given": given, "rebuilt": rebuilt, "gained": gained
                }  # fmt: skip
        found[task.name] = curves
    return found
