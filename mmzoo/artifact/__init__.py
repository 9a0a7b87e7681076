"""A model as a folder that cannot hurt whoever loads it: nothing in it is code, and every byte is accounted for.

card.json             the spec, the metrics, length and sha256 of the other files, and a sha256 of itself
weights.safetensors   every weight, finite
golden.safetensors    two examples and what the model answers, checked when it is loaded
*.json                vocabularies
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from safetensors.numpy import save as save_tensors

import mmzoo
from mmzoo.artifact.cost import check_graph, no_larger_than
from mmzoo.artifact.golden import check_golden, golden_layout, make_golden
from mmzoo.errors import MMZooError, require
from mmzoo.files import write_file
from mmzoo.graph.build import build
from mmzoo.graph.weights import named_weights
from mmzoo.spec import Spec
from mmzoo.weights.card import CARD, FORMAT, GOLDEN, WEIGHTS, read_card, write_card
from mmzoo.weights.reading import read_json, told
from mmzoo.weights.tensors import TensorFile, layout_of

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def save(model: Multimodal, folder: str | Path, *, metrics: dict[str, float] | None = None) -> None:
    """Write `model` (made by `build`) to `folder`; equal models give equal bytes.

    Args:
        metrics: what the model reached, for its readers.

    Raises:
        MMZooError: there is another model in the folder, it cannot be written, or a weight is not finite.
    """
    folder = Path(folder)
    spec = json.dumps(model.spec.to_json())
    if (folder / CARD).exists():
        there = json.dumps(read_card(folder)["spec"])
        require(there == spec, f"'{folder}' holds a model with another spec; choose another folder or remove it first.")
    weights = {name: np.asarray(weight) for name, weight in named_weights(model).items()}
    for name, value in weights.items():
        require(np.isfinite(value).all(), f"The weight '{name}' is not finite; train the model again before saving it.")
    files = {name: json.dumps(value, ensure_ascii=False).encode() for name, value in model.assets.items()}
    files |= {WEIGHTS: save_tensors(weights), GOLDEN: save_tensors(make_golden(model))}
    facts = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    card = {
        "format": FORMAT,
        "mmzoo": mmzoo.__version__,
        "spec": model.spec.to_json(),
        "metrics": metrics or {},
        "files": facts,
    }
    files[CARD] = write_card(card)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be made ({error.strerror}); choose another.") from error
    for name, data in files.items():
        write_file(folder / name, data)


def load(folder: str | Path) -> keras.Model:
    """The model of a folder that `save` wrote, rebuilt from its spec.

    No file is opened that the card does not name, no link is followed, and nothing is
    allocated before the lengths and shapes that ask for it are proven.

    Raises:
        MMZooError: a file is missing, damaged or not what `save` writes, does not fit the
            spec, or the model does not answer as it did.
    """
    folder = Path(folder)
    with told(f"The model in '{folder}' cannot be rebuilt; copy it again"):
        files = (card := read_card(folder))["files"]
        spec = Spec.from_json(card["spec"])
        weights, golden = (TensorFile(folder / name, files.pop(name)) for name in (WEIGHTS, GOLDEN))
        assets = {name: read_json(folder / name, facts) for name, facts in files.items()}
        with no_larger_than(weights):
            model = build(spec, files=assets)
        named = named_weights(model)
        arrays = weights.read(layout_of(named))
        for name, weight in named.items():
            weight.assign(arrays[name])
        check_graph(model)
        check_golden(model, golden.read(golden_layout(model)), f"'{folder}'")
        return model
