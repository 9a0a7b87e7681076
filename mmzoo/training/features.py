"""What never changes is computed once: a model is cut where training begins to matter."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.evaluation.metrics import compiled
from mmzoo.modalities import Modality
from mmzoo.towers import trunk_name

BATCH = 64


class Split(NamedTuple):
    """A model in two: `rest(trunk(x))` is `model(x)`.

    trunk: the model's inputs -> dict of what each input's trunk puts out, or None where no tower has one.
    rest: those, the inputs without a trunk, and `present` -> the model's outputs.
    """

    trunk: keras.Model | None
    rest: keras.Model


def split(model: keras.Model) -> Split:
    """Cut `model` behind the trunks of its towers; both parts share its variables."""
    layers = {layer.name: layer for layer in model.layers}
    cut = {name: layers[trunk_name(name)].output for name in model.spec.input_names if trunk_name(name) in layers}
    if not cut:
        return Split(None, model)
    for name, tensor in cut.items():
        if isinstance(tensor, list):
            cut[name] = tuple(tensor)  # tf.data takes a list for a tensor
        else:
            tensor.name = name  # Keras wants the tensors of a dict of inputs to be called by its keys
    entry = {name: cut.get(name, tensor) for name, tensor in model.input.items()}
    return Split(keras.Model(model.input, cut), keras.Model(entry, model.output))


def compute_features(
    part: Split, spec: Any, arrays: dict[str, np.ndarray], *, views: int = 1, seed: int = 0, what: str = "features"
) -> dict[str, Any]:
    """Run the trunks over all examples: what `part.rest` takes, each with an axis of views in second place.

    Inputs without random variants have one view. `present` has none of that axis.
    """
    count = len(arrays["present"])
    starts = range(0, count, BATCH)
    run = compiled(part.trunk) if part.trunk else lambda batch: {}
    found: dict[str, list[Any]] = {item.name: [] for item in spec.inputs}
    bar = tqdm(total=views * count, desc=what, unit="example", disable=None, leave=False)
    for view in range(views):
        items = [item for item in spec.inputs if view == 0 or has_variants(item)]
        pieces: dict[str, list[Any]] = {item.name: [] for item in items}
        for start in starts:
            batch = {name: tf.constant(array[start : start + BATCH]) for name, array in arrays.items()}
            for item in items if view else []:
                batch[item.name] = item.augment(batch[item.name], np.array([seed * 1000 + view, start], np.int32))
            outputs = run(batch)
            for name, kept in pieces.items():
                kept.append(keras.tree.map_structure(np.asarray, outputs.get(name, batch[name])))
            bar.update(len(batch["present"]))
        for name, kept in pieces.items():
            found[name].append(keras.tree.map_structure(lambda *parts: np.concatenate(parts), *kept))
    bar.close()
    stacked = {name: keras.tree.map_structure(lambda *v: np.stack(v, axis=1), *kept) for name, kept in found.items()}
    return {**stacked, "present": arrays["present"]}


def first_view(features: dict[str, Any]) -> dict[str, Any]:
    """The originals: what `rest` takes, without the axis of views."""
    originals = {
        name: keras.tree.map_structure(lambda a: a[:, 0], value)
        for name, value in features.items()
        if name != "present"
    }
    return {**originals, "present": features["present"]}


def has_variants(item: Modality) -> bool:
    """Does this modality draw random variants of its examples?"""
    return type(item).augment is not Modality.augment
