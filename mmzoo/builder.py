"""Spec to model: the whole graph on one screen."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.choice import Fusion, Tower
from mmzoo.fusions import fusions
from mmzoo.layers import LOG_VARIANCES, Gate, LogVariances, Presence, head, pooled
from mmzoo.spec import Spec
from mmzoo.towers import towers
from mmzoo.towers.assets import collecting


def build(spec: Spec, *, files: dict[str, Any] | None = None) -> keras.Model:
    """The model that `spec` describes: a plain functional `keras.Model`, dict in, dict out.

    Inputs: each input's name, (B, *shape) of its dtype, and `present`, bool
    (B, M): which of them an example really has, in the spec's order.
    Outputs: each task's name, float32 logits (B, units); with auxiliary heads
    or a decision-level fusion also `<task>_<input>`, one modality's logits; with
    learned task weights `log_variances` (B, tasks).

    Args:
        files: the assets of a saved model; its weights are loaded afterwards, so
            no pretrained ones are looked for.

    Raises:
        MMZooError: pretrained weights are asked for and cannot be had.
    """
    inputs = {item.name: keras.Input(item.shape, dtype=item.dtype, name=item.name) for item in spec.inputs}
    present = keras.Input((len(spec.inputs),), dtype="bool", name="present")

    tokens, here = {}, []
    with collecting(files) as assets:
        for index, item in enumerate(spec.inputs):
            # What an absent modality holds must not reach anything, be it NaN; so it is cut off at the door.
            x = Gate(index, name=f"{item.name}_gate")(inputs[item.name], present)
            tower = Tower.of(item.tower)
            found = towers[tower.name](x, item, **tower.options)
            tokens[item.name], is_here = Presence(spec.dim, index, name=f"{item.name}_tokens")(found, present)
            here.append(is_here)
    # A text without words or a silent sound is as absent as one that was never given.
    really = keras.ops.stack(here, axis=1)

    fusion = Fusion.of(spec.fusion)
    fuse, level = fusions[fusion.name], fusions.facts(fusion.name)["level"]
    embedding = fuse(tokens, really, dim=spec.dim, **fusion.options) if level == "feature" else None
    outputs: dict[str, Any] = {}
    for task in spec.tasks:
        single = {}
        if level == "decision" or task.auxiliary:
            single = {name: head(task.units, f"{task.name}_{name}")(pooled(t)) for name, t in tokens.items()}
        if level == "decision":
            outputs[task.name] = fuse(single, really, task=task, **fusion.options)
        else:
            outputs[task.name] = head(task.units, task.name)(embedding)
        outputs |= {f"{task.name}_{name}": logits for name, logits in single.items()}
    if spec.task_weights == "learned":
        outputs[LOG_VARIANCES] = LogVariances(len(spec.tasks), name=LOG_VARIANCES)(present)

    model = keras.Model({**inputs, "present": present}, outputs, name="mmzoo")
    model.spec, model.assets = spec, assets.files
    return model
