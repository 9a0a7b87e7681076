"""What never changes is computed once: a model is cut where training begins to matter."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.data.examples import Examples, Held
from mmzoo.draws import keys_of
from mmzoo.inference.running import compiled
from mmzoo.modalities.base import Modality
from mmzoo.spec import Spec
from mmzoo.towers import trunk_name
from mmzoo.training.cache import kept, key_of

BATCH = 64


class Split(NamedTuple):
    """A model in two: what the trunks put out, given to `rest`, is what the model puts out.

    trunks: by input, a model from it and `present` to what its tower's trunk puts out; none for a tower that is whole.
    rest: that, the inputs whose towers are whole, and `present` -> the model's outputs.
    """

    trunks: dict[str, keras.Model]
    rest: keras.Model


def split(model: keras.Model) -> Split:
    """Cut `model` behind the trunks of its towers; both parts share its variables.

    A tower stays whole where it has no trunk, and where its examples are augmented anew in each epoch: what a log-mel
    makes of them is then another thing every time. What a frozen network makes of them is worth computing once.
    """
    layers, frozen = {layer.name: layer for layer in model.layers}, frozen_inputs(model)
    cut = {
        item.name: layers[trunk_name(item)].output
        for item in model.spec.inputs
        if trunk_name(item) in layers and (item.name in frozen or not item.augmentations)
    }
    if not cut:
        return Split({}, model)
    for name, tensor in cut.items():
        if isinstance(tensor, list):
            cut[name] = tuple(tensor)  # tf.data takes a list for a tensor
        else:
            tensor.name = name  # Keras wants the tensors of a dict of inputs to be called by its keys
    entry = {name: cut.get(name, tensor) for name, tensor in model.input.items()}
    present = model.input["present"]
    trunks = {name: keras.Model({name: model.input[name], "present": present}, out) for name, out in cut.items()}
    rest = keras.Model(entry, model.output)
    for name, tensor in rest.input.items():
        if not isinstance(tensor, (list, tuple)):
            tensor.name = name  # it is a copy; whoever cuts `rest` further is asked for this too
    return Split(trunks, rest)


def frozen_inputs(model: keras.Model) -> frozenset[str]:
    """The inputs that a frozen network reads, one with weights that do not train."""
    layers = {layer.name: layer for layer in model.layers}
    return frozenset(
        name for name in model.spec.input_names if trunk_name(name) in layers and layers[trunk_name(name)].weights
    )


def compute_features(
    part: Split, spec: Spec, arrays: dict[str, Any], *, views: int = 1, seed: int = 0, what: str = "features"
) -> dict[str, Any]:
    """Run the trunks over all examples: what comes out of them, (N, views, ...), and other inputs as they are.

    These are `Held`, or `Examples` where they are not in memory; `present` is an array (N, M). What comes out of a
    trunk with weights, a frozen network, is kept on disk; of examples without random variants it has one view.
    """
    found: dict[str, Any] = {"present": arrays["present"]}
    for item in spec.inputs:
        given = {name: arrays[name] for name in (item.name, "present")}
        trunk = part.trunks.get(item.name)
        if trunk is None:
            array = arrays[item.name]
            found[item.name] = array if isinstance(array, Examples) else Held(item, array)
            continue
        count = views if item.augmentations else 1
        label = f"{what} of {item.name}"
        if not trunk.weights:
            found[item.name] = run_trunk(trunk, item, given, count, seed, label)
            continue
        facts = [item.to_json(), count, seed if count > 1 else 0, trunk.layers[-1].compute_dtype]
        key = key_of(facts, trunk.weights, given)
        found[item.name] = kept(
            label,
            key,
            trunk.output,
            (len(arrays["present"]), count),
            lambda trunk=trunk, item=item, given=given, count=count, label=label: run_trunk(  # type: ignore[misc]
                trunk, item, given, count, seed, label
            ),
        )
    return found


def run_trunk(trunk: keras.Model, item: Modality, arrays: dict[str, Any], views: int, seed: int, what: str) -> Any:
    """What a trunk makes of all examples, (N, views, ...): of the examples themselves, then of variants."""
    run = compiled(trunk)
    total = len(arrays["present"])
    found = []
    with tqdm(total=views * total, desc=what, unit="example", disable=None, leave=False) as bar:
        for view in range(views):
            parts = []
            for start in range(0, total, BATCH):
                batch = {name: tf.constant(array[start : start + BATCH]) for name, array in arrays.items()}
                if view:
                    rows = tf.range(start, start + len(batch["present"]), dtype=tf.int64)
                    batch[item.name] = item.augment(batch[item.name], keys_of(seed, rows, view + 0 * rows))
                parts.append(keras.tree.map_structure(np.asarray, run(batch)))
                bar.update(len(batch["present"]))
            found.append(keras.tree.map_structure(lambda *each: np.concatenate(each), *parts))
    return keras.tree.map_structure(lambda *each: np.stack(each, axis=1), *found)


def first_view(features: dict[str, Any]) -> dict[str, Any]:
    """The originals: what `rest` takes, without the axis of views."""

    def original(value: Any) -> Any:
        if isinstance(value, Held):
            return value.array
        return value if isinstance(value, Examples) else keras.tree.map_structure(lambda each: each[:, 0], value)

    originals = {name: original(value) for name, value in features.items() if name != "present"}
    return {**originals, "present": features["present"]}
