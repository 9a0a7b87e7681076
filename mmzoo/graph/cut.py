"""A model cut between its towers and its fusion: a tower runs once, whatever subsets are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import keras

from mmzoo.aliases import Tensor, Tree
from mmzoo.graph.parts import Parts, kept_on
from mmzoo.names import PRESENT

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


class Split(NamedTuple):
    """A model in two: what is put out by what never trains, given to `rest`, is what the model puts out.

    frozen: by input, a model from it and `present` to the output of the layer that never trains; none for a tower
        that is whole.
    rest: that, the inputs whose towers are whole, and `present` -> the model's outputs.
    """

    frozen: dict[str, keras.Model]
    rest: keras.Model


def split(model: Multimodal) -> Split:
    """Cut `model` behind what never trains; both parts share its variables.

    A tower stays whole where nothing in it is frozen, and where its examples are augmented anew in each epoch: what a
    log-mel makes of them is then another thing every time. What a frozen network makes of them is worth computing once,
    but where parts of them are hidden.
    """
    parts: Parts = model.parts
    cut: dict[str, Tree] = {}
    hidden = {task.hides for task in model.spec.tasks}
    for item in model.spec.inputs:
        part = parts.inputs[item.name]
        if item.name not in hidden and part.frozen is not None and (part.frozen_network or not item.augmentations):
            cut[item.name] = parts.output(part.frozen)
    if not cut:
        return Split({}, model)
    present = model.input["present"]
    frozen = {name: parts.cut({name: model.input[name], "present": present}, out) for name, out in cut.items()}
    called_by_key(cut)
    rest = parts.cut({name: cut.get(name, tensor) for name, tensor in model.input.items()}, model.output)
    called_by_key(rest.input)  # they are copies; whoever cuts `rest` further is asked for this too
    return Split(frozen, rest)


def called_by_key(tensors: dict[str, Tensor]) -> None:
    """Call single tensors as their keys are, as Keras wants it of a dict of inputs."""
    for key, tensor in tensors.items():
        if not isinstance(tensor, (list, tuple)):
            tensor.name = key


def tower_outputs(model: Multimodal) -> dict[str, tuple[Tensor, Tensor]]:
    """By input, the symbolic (values, mask) that its tower puts out."""
    return {name: tuple(model.parts.tower_tokens(name)) for name in model.parts.inputs}


def tower_of(model: Multimodal, name: str) -> keras.Model:
    """One input's tower: `{name: (B, ...), "present": (B, M)}` -> `{name: (values, mask)}`."""
    return kept_on(
        model,
        ("tower", name),
        lambda: model.parts.cut(
            {key: model.input[key] for key in (name, "present")}, {name: tuple(model.parts.tower_tokens(name))}
        ),
    )


def fusing(model: Multimodal) -> keras.Model:
    """From the towers' tokens and `present` to the model's outputs: `fusing(m)({**tokens, "present": p})`.

    It shares the model's variables, and is cut where `present` chooses between a tower's tokens and the learned
    embedding. Beside the outputs are the logits before their temperatures (`Parts.uncalibrated`).
    """

    def cut() -> keras.Model:
        given = {**tower_outputs(model), "present": model.input["present"]}
        return model.parts.cut(given, {**model.output, **model.parts.uncalibrated})

    return kept_on(model, "fusing", cut)


def presence_model(model: Multimodal) -> keras.Model:
    """From what a model takes to its output `PRESENT`, bool (B, M): which modalities are really there.

    Of the towers only that runs which it takes: mostly how long a text is, or where a sound ends.
    """
    return kept_on(model, PRESENT, lambda: model.parts.cut(model.input, {PRESENT: model.parts.present}))
