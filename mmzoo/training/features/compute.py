"""What never changes is computed once, in front of the part of the model that trains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.aliases import Tensor, Tree
from mmzoo.data.lazy.examples import Examples, Half, Held
from mmzoo.data.sharing import is_sharing, shared
from mmzoo.draws import keys_of
from mmzoo.graph.cut import Split
from mmzoo.inference.running import compiled
from mmzoo.layers import Gate
from mmzoo.modalities.base import Modality
from mmzoo.spec import Spec
from mmzoo.training.features.cache import kept, key_of

BATCH = 64


def compute_features(
    part: Split, spec: Spec, arrays: dict[str, Tree], *, num_variants: int = 1, seed: int = 0, what: str = "features"
) -> dict[str, Tree]:
    """Run the frozen parts over all examples: their outputs (N, num_variants, ...), and other inputs as they are.

    These are `Held`, or `Examples` where they are not in memory; `present` is an array (N, M). What comes out of a
    frozen part with weights, a frozen network, is `Half` as large, and kept on disk; of examples without random
    variants it has one variant.
    """
    found: dict[str, Tree] = {"present": arrays["present"]}
    for index, item in enumerate(spec.inputs):
        given = {name: arrays[name] for name in (item.name, "present")}
        frozen_features = part.frozen.get(item.name)
        if frozen_features is None:
            array = arrays[item.name]
            found[item.name] = array if isinstance(array, Examples) else Held(item, array)
            continue
        count = num_variants if item.augmentations else 1
        label = f"{what} of {item.name}"
        make = partial(run_frozen_features, frozen_features, item, given, count, seed, label)
        # Of the presence of others nothing depends: with another input beside it, it is the same.
        read = {item.name: given[item.name], "present": given["present"][:, index]}
        facts = [item.to_json(), count, seed if count > 1 else 0, frozen_features.layers[-1].compute_dtype]
        if frozen_features.weights:
            like = keras.tree.map_structure(stored, frozen_features.output)
            key = key_of(facts, frozen_features.weights, read)
            leading = (len(given["present"]), count)
            make = partial(kept, label, key, like, leading, lambda make=make: keras.tree.map_structure(halved, make()))  # type: ignore[misc]
        elif is_sharing():
            key = key_of(facts, [], read)
        else:
            key = ""
        made = shared(key, make)
        if frozen_features.weights:  # what comes from disk is a plain array
            out = frozen_features.output
            each = map(as_half, keras.tree.flatten(made), keras.tree.flatten(out))
            made = keras.tree.pack_sequence_as(out, list(each))
        found[item.name] = made
    return found


def is_halved(tensor: Tensor) -> bool:
    """Is this output of a frozen network kept as half as many bytes?"""
    return str(keras.backend.standardize_dtype(tensor.dtype)) == "float32"


def stored(tensor: Tensor) -> Tensor:
    """What this output of a frozen network is kept as."""
    return keras.KerasTensor(tensor.shape, "float16") if is_halved(tensor) else tensor


def halved(array: np.ndarray) -> np.ndarray:
    """An output of a frozen network as it is kept."""
    return Half.of(array) if array.dtype == np.float32 else array


def as_half(array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """What was kept, so that whoever takes it knows what it stands for."""
    return array.view(Half) if is_halved(tensor) else array


def run_frozen_features(
    frozen_features: keras.Model, item: Modality, arrays: dict[str, Tree], num_variants: int, seed: int, what: str
) -> Tensor:
    """What a frozen part makes of all examples, (N, num_variants, ...): of the originals, then of variants.

    Originals that are the same, as a picture is that much is asked about, are computed once.
    """
    run = runner(frozen_features, item)
    total = len(arrays["present"])
    found = []
    with tqdm(total=num_variants * total, desc=what, unit="example", disable=None, leave=False) as bar:
        for variant in range(num_variants):
            parts, places, seen = [], [], dict[bytes, int]()
            for start in range(0, total, BATCH):
                batch = {name: np.asarray(array[start : start + BATCH]) for name, array in arrays.items()}
                rows = np.arange(start, start + len(batch["present"]))
                if variant:
                    keys = keys_of(seed, tf.constant(rows), variant + 0 * rows)
                    batch[item.name] = item.augment(tf.constant(batch[item.name]), keys)
                    new, own = np.arange(len(rows)), rows
                else:
                    new, own = unseen(batch, seen)
                places.append(own)
                if len(new):
                    kept = {name: tf.gather(each, new) for name, each in batch.items()}
                    parts.append(keras.tree.map_structure(np.asarray, run(kept)))
                bar.update(len(rows))
            order = np.concatenate(places)
            found.append(keras.tree.map_structure(lambda *each, rows=order: np.concatenate(each)[rows], *parts))
    return keras.tree.map_structure(lambda *each: np.stack(each, axis=1), *found)


def unseen(batch: dict[str, np.ndarray], seen: dict[bytes, int]) -> tuple[np.ndarray, np.ndarray]:
    """The examples of a batch that are like none before, int (n,), and of each which one of all these it is, int (B,).

    Args:
        seen: of the batches before, by what they hold; what is new is added.
    """
    new, own = [], []
    for row, values in enumerate(zip(*batch.values(), strict=True)):
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in values)).digest()
        if digest not in seen:
            new.append(row)
        own.append(seen.setdefault(digest, len(seen)))
    return np.array(new, int), np.array(own, int)


def runner(frozen_features: keras.Model, item: Modality) -> Callable[[dict[str, Tensor]], Tree]:
    """What computes a frozen part for a batch: its graph, or its layer's own `on_host`, if it has that.

    `on_host` takes and gives arrays, and gives what the layer does. A tokenizer that has to be in the graph, since a
    phone has no other, is in plain Python a dictionary, and many times faster.
    """
    on_host = getattr(frozen_features.layers[-1], "on_host", None)
    if on_host is None:
        graph: Callable[[dict[str, Tensor]], Tree] = compiled(frozen_features)
        return graph
    (gate,) = [layer for layer in frozen_features.layers if isinstance(layer, Gate)]

    def run(batch: dict[str, Tensor]) -> Tree:
        rows, here = np.asarray(batch[item.name]), np.asarray(batch["present"])[:, gate.index]
        found: Tree = on_host(np.where(here[:, None], rows, np.zeros((), rows.dtype)))
        return found

    return run


def first_variant(features: dict[str, Tree]) -> dict[str, Tree]:
    """The originals: what `rest` takes, without the axis of variants."""

    def first(each: Tree) -> np.ndarray:
        chosen = each[:, 0]
        return chosen.whole() if isinstance(chosen, Half) else np.asarray(chosen)

    def original(value: Tree) -> Tree:
        if isinstance(value, Held):
            return value.array
        return value if isinstance(value, Examples) else keras.tree.map_structure(first, value)

    originals = {name: original(value) for name, value in features.items() if name != "present"}
    return {**originals, "present": features["present"]}
