"""Spec to model: the whole graph on one screen."""

from __future__ import annotations

from typing import Any

import keras

from mmzoo.choice import Fusion, Tower
from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.layers import LOG_VARIANCES, Gate, Here, LogVariances, Presence, entry, head, pooled
from mmzoo.spec import Spec
from mmzoo.towers import towers
from mmzoo.towers.assets import collecting


def build(spec: Spec, *, files: dict[str, Any] | None = None) -> keras.Model:
    """The model that `spec` describes: a plain functional `keras.Model`, dict in, dict out.

    Inputs: each input's name, (B, *shape) of its dtype, and `present`, bool
    (B, M): which of them an example really has, in the spec's order.
    Outputs: each task's name, float32 logits (B, units); with auxiliary heads
    or a decision-level fusion also `<task>.<input>`, one modality's logits; with
    learned task weights `fusion.log_variances` (B, tasks).

    Args:
        files: the assets of a saved model; its weights are loaded afterwards, so
            no pretrained ones are looked for.

    Raises:
        MMZooError: pretrained weights are asked for and cannot be had.
    """
    inputs = {item.name: entry(item.shape, item.dtype, item.name) for item in spec.inputs}
    present = entry((len(spec.inputs),), "bool", "present")

    tokens, here = {}, []
    with collecting(files) as assets:
        for index, item in enumerate(spec.inputs):
            # What an absent modality holds must not reach anything, be it NaN; so it is cut off at the door.
            x = Gate(index, name=f"{item.name}.gate")(inputs[item.name], present)
            tower = Tower.of(item.tower)
            found = towers[tower.name](x, item, **tower.options)
            here.append(Here(index, name=f"{item.name}.here")(found.mask, present))
            tokens[item.name] = Presence(spec.dim, name=f"{item.name}.tokens")(found, here[-1])
    really = keras.ops.stack(here, axis=1)

    fusion = Fusion.of(spec.fusion)
    fuse, level = fusions[fusion.name], fusions.facts(fusion.name)["level"]
    embedding = fuse(tokens, really, dim=spec.dim, **fusion.options) if level == "feature" else None
    outputs: dict[str, Any] = {}
    for task in spec.tasks:
        single = {}
        if level == "decision" or task.auxiliary:
            single = {name: head(task.units, f"{task.name}.{name}")(pooled(t)) for name, t in tokens.items()}
        if level == "decision":
            outputs[task.name] = fuse(single, really, task=task, **fusion.options)
        else:
            outputs[task.name] = head(task.units, task.name)(embedding)
        outputs |= {f"{task.name}.{name}": logits for name, logits in single.items()}
    if spec.task_weights == "learned":
        outputs[LOG_VARIANCES] = LogVariances(len(spec.tasks), name=LOG_VARIANCES)(present)

    return Multimodal(spec, assets.files, inputs={**inputs, "present": present}, outputs=outputs, name="mmzoo")


class Multimodal(keras.Model):
    """A functional model that remembers its spec, and says by name what is wrong with what it is called with."""

    def __init__(self, spec: Spec, assets: dict[str, Any], **graph: Any) -> None:
        super().__init__(**graph)
        self.spec, self.assets = spec, assets

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = [*self.spec.input_names, "present"]
        require(
            isinstance(inputs, dict), f"The model takes a dict with {', '.join(wanted)}, not {type(inputs).__name__}."
        )
        extra, lacking = inputs.keys() - set(wanted), set(wanted) - inputs.keys()
        require(not extra, f"The model has no input {', '.join(sorted(extra))}; it takes {', '.join(wanted)}.")
        require(
            not lacking,
            f"The model needs {', '.join(sorted(lacking))} too; what an example lacks may hold anything, as long as "
            "`present` says so.",
        )
        return super().__call__(inputs, *args, **kwargs)
