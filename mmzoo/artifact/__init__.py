"""A model as a folder that cannot hurt whoever loads it: nothing in it is code, and every byte is accounted for.

card.json             the spec, the metrics, length and sha256 of the other files, and a sha256 of itself
weights.safetensors   every weight, finite; but those that the card leaves to a package
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
from mmzoo.artifact.packages import frozen_names, left_to_packages, packaged
from mmzoo.errors import MMZooError, require
from mmzoo.files import write_file
from mmzoo.graph.build import build
from mmzoo.graph.weights import named_weights
from mmzoo.models import model_of
from mmzoo.spec import Spec
from mmzoo.weights.card import CARD, FORMAT, GOLDEN, WEIGHTS, read_card, write_card
from mmzoo.weights.reading import read_json, told
from mmzoo.weights.tensors import TensorFile, layout_of

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def save(
    model: Multimodal,
    folder: str | Path,
    *,
    metrics: dict[str, float] | None = None,
    about: dict[str, str] | None = None,
    packages: bool = False,
) -> None:
    """Write `model` (made by `build`) to `folder`; equal models give equal bytes.

    Weights whose numbers all fit into 16 bits are kept in these.

    Args:
        metrics: what the model reached, for its readers.
        about: what there is to say of it, for people; `mmzoo.models.FIELDS` has the usual headings.
        packages: frozen weights that are those of an installed package are not copied, but named: whoever loads the
            model needs the package.

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
    named, frozen, assets = left_to_packages(model) if packages else ({}, set(), set())
    kept = {name: value for name, value in model.assets.items() if name not in assets}
    files = {name: json.dumps(value, ensure_ascii=False).encode() for name, value in kept.items()}
    stored = {name: narrowest(value) for name, value in weights.items() if name not in frozen}
    files |= {WEIGHTS: save_tensors(stored), GOLDEN: save_tensors(make_golden(model))}
    facts = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    card = {
        "format": FORMAT,
        "mmzoo": mmzoo.__version__,
        "spec": model.spec.to_json(),
        "metrics": metrics or {},
        "files": facts,
    }
    card |= {key: value for key, value in (("about", about), ("packages", named)) if value}
    files[CARD] = write_card(card)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be made ({error.strerror}); choose another.") from error
    for name, data in files.items():
        write_file(folder / name, data)


def narrowest(array: np.ndarray) -> np.ndarray:
    """The same numbers in 16 bits, where none of them is another one there."""
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array


def load(model: str | Path) -> keras.Model:
    """The model of a folder that `save` wrote, rebuilt from its spec.

    Args:
        model: that folder, or that of a run; the name of a model that comes with mmzoo (`mmzoo.list("models")`); or
            a model of a hub: "hf://USER/NAME", "kaggle://OWNER/MODEL/FRAMEWORK/VARIATION".

    No file is opened that the card does not name, no link is followed, and nothing is
    allocated before the lengths and shapes that ask for it are proven.

    Raises:
        MMZooError: a file is missing, damaged or not what `save` writes, does not fit the
            spec, or the model does not answer as it did; or a package that it needs is not installed.
    """
    return load_folder(model_of(model))


def load_folder(folder: Path) -> keras.Model:
    """The model of a folder, see `load`."""
    with told(f"The model in '{folder}' cannot be rebuilt; copy it again"):
        files = (card := read_card(folder))["files"]
        spec = Spec.from_json(card["spec"])
        weights, golden = (TensorFile(folder / name, files.pop(name)) for name in (WEIGHTS, GOLDEN))
        assets = {name: read_json(folder / name, facts) for name, facts in files.items()}
        taken = packaged(card, f"The model in '{folder}'")
        known = [each for row in taken.values() for each in row]
        with no_larger_than(weights, known):
            model = build(spec, files=assets, packaged=known)
        given = [name for name in taken if model.parts.of(name).packages]
        left = frozen_names(model, given) - weights.layout.keys()
        named = {name: weight for name, weight in named_weights(model).items() if name not in left}
        arrays = weights.read(layout_of(named))
        for name, weight in named.items():
            weight.assign(arrays[name])
        check_graph(model)
        check_golden(model, golden.read(golden_layout(model)), f"'{folder}'")
        return model
