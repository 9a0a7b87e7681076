"""A tower that begins with the weights of a trained one."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.files import is_folder
from mmzoo.graph.weights import named_weights
from mmzoo.weights import RUN
from mmzoo.weights.card import CARD, WEIGHTS, read_card
from mmzoo.weights.tensors import TensorFile, layout_of

if TYPE_CHECKING:
    from mmzoo.spec import Spec

PART = re.compile(r"^\.(?:(?:blocks|frozen_features|pretrained|adapted)/)?")
"""The layers that hold the blocks of a tower: which of them does, depends on how it is trained."""
SHOWN = 3  # weights that did not fit and are named


def begin_with(model: keras.Model, name: str, weights: str) -> None:
    """Give the tower `name` of a model the weights of a trained tower, by their names.

    What is in one of them only, or has another shape there, stays as it is, and is said.

    Args:
        name: of the input, or, of a tower within its tower, of that: `<input>.<part>`.
        weights: "run:FOLDER" or "run:FOLDER#INPUT": the folder of a run, or of a model that was saved.

    Raises:
        MMZooError: there is no such model or input, its files are damaged, or no weight fits.
    """
    where, _, wanted = weights.removeprefix(RUN).partition("#")
    folder = Path(where)
    if not (folder / CARD).exists() and is_folder(folder / "model"):
        folder = folder / "model"
    card = read_card(folder)
    source = source_of(card["spec"], model.spec, name, wanted, where)
    require(
        source not in card.get("packages", {}),
        f"The model in '{where}' has no copy of the pretrained weights of input '{source}'; give their name in place "
        "of the model (mmzoo list weights).",
    )
    file = TensorFile(folder / WEIGHTS, card["files"][WEIGHTS])
    arrays = file.read(file.layout)
    part = name.partition(".")[2]
    # A tower within a tower begins with its like, or with the whole tower of an input.
    there = (part and of_tower(arrays, f"{source}.{part}")) or of_tower(arrays, source)
    own = of_tower(named_weights(model), name)
    layouts = layout_of(there)
    fitting = [key for key, layout in layout_of(own).items() if layouts.get(key) == layout]
    require(
        fitting,
        f"No weight of the tower of input '{source}' in '{where}' fits that of input '{name}'; give it the same tower "
        "with the same options.",
    )
    for key in fitting:
        own[key].assign(there[key])
    others = [f"{key} {tuple(own[key].shape)}" for key in own if key not in fitting]
    left = f"; these stay as they are: {', '.join(others[:SHOWN])}" if others else ""
    left += f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    logging.getLogger("mmzoo").info(
        f"Input '{name}' begins with {len(fitting)} of {len(own)} weights of input '{source}' in '{where}'{left}."
    )


def source_of(there: dict[str, keras.Variable], spec: Spec, name: str, wanted: str, where: str) -> str:
    """Which input of a saved model's spec has the tower that is meant.

    That is the one that is called `wanted`; else as the input is called; else the only one with the same tower.
    """
    found = there.get("inputs")
    inputs = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    names = [str(each.get("name")) for each in inputs]
    own = name.partition(".")[0]
    if not wanted:
        towers = {str(item.name): tower_name(item.tower) for item in spec.inputs}
        alike = [str(each["name"]) for each in inputs if tower_name(each.get("tower")) == towers[own]]
        wanted = own if own in names else alike[0] if len(alike) == 1 else ""
    if wanted not in names:
        said = f"is called '{wanted}'" if wanted else f"is called '{own}', and none alone has the same tower"
        kinds = {str(item.name): item.kind for item in spec.inputs}
        # A tower within a tower, as that of a video's frames, may be one of another kind.
        alike = [str(each.get("name")) for each in inputs if each.get("kind") == kinds[own] or own != name]
        remedy = f"name one of {', '.join(alike)}: weights='{RUN}{where}#INPUT'"
        if not alike:
            remedy = f"its inputs are {', '.join(names)}, and none is {kinds[own]}, so give another model"
        raise MMZooError(f"No input of the model in '{where}' {said}; {remedy}.")
    return wanted


def tower_name(tower: Raw) -> str:
    """The name of a tower as a spec, or the JSON of one, has it."""
    return str(tower.get("name") if isinstance(tower, dict) else getattr(tower, "name", tower))


def of_tower(named: dict[str, keras.Variable], name: str) -> dict[str, keras.Variable]:
    """The weights of one tower, by names that do not say whose it is, nor which of its blocks train."""
    found = {}
    for key, weight in named.items():
        if key.startswith(f"{name}.") and not key.startswith((f"{name}.tokens/", f"{name}.gate/")):
            found[PART.sub("", key.removeprefix(name))] = weight
    return found
