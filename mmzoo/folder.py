"""A model as a folder: `card.json`, `weights.safetensors` and what its towers need beside. Nothing in it is code."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

import mmzoo
from mmzoo.builder import build
from mmzoo.errors import MMZooError, require
from mmzoo.files import write_file
from mmzoo.spec import Spec

FORMAT = 1
WEIGHTS = "weights.safetensors"


def named_weights(model: keras.Model) -> dict[str, Any]:
    """Every weight under a name that only the spec decides: its layer's, and its path in it.

    Keras numbers layers that were given no name through a whole program; within a layer of the
    model they are numbered anew, in the order in which they come.
    """
    named = {}
    for layer in model.layers:
        seen: dict[str, list[str]] = {}
        for weight in layer.weights:
            path = weight.path.removeprefix(f"{layer.name}/")
            named[f"{layer.name}/{'/'.join(_renumbered(part, seen) for part in path.split('/'))}"] = weight
    return named


def _renumbered(part: str, seen: dict[str, list[str]]) -> str:
    """`conv2d_94` as `conv2d_0` if it is the first of its kind in `seen`."""
    found = re.fullmatch(r"(conv2d|batch_normalization|layer_normalization|dense|transformer_block)(_\d+)?", part)
    if not found:
        return part
    numbers = seen.setdefault(found[1], [])
    if part not in numbers:
        numbers.append(part)
    return f"{found[1]}_{numbers.index(part)}"


def save(model: keras.Model, folder: str | Path, *, metrics: dict[str, Any] | None = None) -> None:
    """Write `model` (made by `build`) to `folder`; equal models give equal bytes.

    Raises:
        MMZooError: there is another model in the folder, or it cannot be written.
    """
    folder = Path(folder)
    spec = json.dumps(model.spec.to_json())
    if (folder / "card.json").exists():
        there = json.dumps(read_card(folder)["spec"])
        require(there == spec, f"'{folder}' holds a model with another spec; choose another folder or remove it first.")
    files = {name: json.dumps(value, ensure_ascii=False).encode() for name, value in model.assets.items()}
    files[WEIGHTS] = save_tensors({name: np.asarray(w) for name, w in named_weights(model).items()})
    card = {
        "format": FORMAT,
        "mmzoo": mmzoo.__version__,
        "spec": model.spec.to_json(),
        "metrics": metrics or {},
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be made ({error.strerror}); choose another.") from error
    for name, data in files.items():
        write_file(folder / name, data)
    write_file(folder / "card.json", json.dumps(card, indent=1, ensure_ascii=False).encode())


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model folder."""
    try:
        card = json.loads((folder / "card.json").read_text("utf-8"))
    except FileNotFoundError:
        raise MMZooError(f"'{folder}' is not a model: it has no card.json; give the 'model' folder of a run.") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise MMZooError(f"'{folder / 'card.json'}' is damaged; copy the model again.") from None
    require(
        isinstance(card, dict) and card.get("format") == FORMAT and {"spec", "files"} <= card.keys(),
        f"'{folder / 'card.json'}' is not a card that this version of mmzoo reads (format {FORMAT}).",
    )
    return card


def load(folder: str | Path) -> keras.Model:
    """The model of a folder that `save` wrote, rebuilt from its spec.

    Raises:
        MMZooError: a file is missing, damaged, or does not fit the spec.
    """
    folder = Path(folder)
    card = read_card(folder)
    files = {name: read_checked(folder, name, facts) for name, facts in card["files"].items()}
    require(WEIGHTS in files, f"The card of '{folder}' names no {WEIGHTS}; copy the model again.")
    try:
        arrays = load_tensors(files.pop(WEIGHTS))
    except SafetensorError as error:
        raise MMZooError(f"'{folder / WEIGHTS}' is damaged ({error}); copy the model again.") from error
    model = build(Spec.from_json(card["spec"]), files={name: json.loads(data) for name, data in files.items()})
    weights = named_weights(model)
    for name in weights.keys() ^ arrays.keys():
        where = "spec" if name in weights else "weights file"
        raise MMZooError(
            f"Only the {where} of '{folder}' has a weight '{name}'; the folder's files do not belong together."
        )
    for name, weight in weights.items():
        found = arrays[name]
        require(
            tuple(weight.shape) == found.shape,
            f"The weight '{name}' of '{folder}' has shape {found.shape}, but the spec asks for {tuple(weight.shape)}.",
        )
        weight.assign(found)
    return model


def read_checked(folder: Path, name: str, facts: dict[str, Any]) -> bytes:
    """The bytes of a file that the card names, if they are those the card means."""
    require(Path(name).name == name, f"The card of '{folder}' names a file outside of it: '{name}'; it is refused.")
    path = folder / name
    require(path.is_file(), f"'{path}' is missing; copy the model again.")
    data = path.read_bytes()
    require(
        len(data) == facts["bytes"] and hashlib.sha256(data).hexdigest() == facts["sha256"],
        f"'{path}' is not what its card says (wrong length or hash); copy the model again.",
    )
    return data
