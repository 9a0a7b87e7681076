"""A model cut between its towers and its fusion: a tower runs once, whatever subsets are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mmzoo.evaluation.metrics import BATCH, compiled


class Halves(NamedTuple):
    """`fuse(towers(x))` is `model(x)`; both share its variables.

    towers: the model's inputs -> by input, the tower's (values, mask) before `present` is looked at.
    fuse: those and `present` -> the model's outputs.
    """

    towers: keras.Model
    fuse: keras.Model


@lru_cache(maxsize=4)
def halves(model: keras.Model) -> Halves:
    """Cut `model` where `present` chooses between a tower's tokens and the learned embedding."""
    cut = tower_outputs(model)
    return Halves(keras.Model(model.input, cut), keras.Model({**cut, "present": model.input["present"]}, model.output))


def tower_outputs(model: keras.Model) -> dict[str, tuple[Any, Any]]:
    """By input, the symbolic (values, mask) that its tower puts out."""
    layers = {layer.name: layer for layer in model.layers}
    found = {}
    for name in model.spec.input_names:
        values, mask, _present = keras.tree.flatten(layers[f"{name}_tokens"].input)
        found[name] = (values, mask)
    return found


@lru_cache(maxsize=8)
def tower_of(model: keras.Model, name: str) -> keras.Model:
    """One input's tower: `{name: (B, ...), "present": (B, M)}` -> `{name: (values, mask)}`."""
    return keras.Model({key: model.input[key] for key in (name, "present")}, {name: tower_outputs(model)[name]})


def run_presences(
    model: keras.Model, inputs: dict[str, Any], presences: Iterable[np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """The model's outputs for each `present` bool (N, M) in `presences`, in batches; the towers run once a batch."""
    presences = list(presences)
    towers, fuse = (compiled(half) for half in halves(model))
    pieces: list[list[dict[str, np.ndarray]]] = [[] for _ in presences]
    for start in range(0, len(inputs["present"]), BATCH):
        rows = slice(start, start + BATCH)
        tokens = towers(keras.tree.map_structure(lambda a, r=rows: tf.constant(a[r]), inputs))
        for kept, present in zip(pieces, presences, strict=True):
            outputs = fuse({**tokens, "present": tf.constant(present[rows])})
            kept.append({name: value.numpy() for name, value in outputs.items()})
    return [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in pieces]
