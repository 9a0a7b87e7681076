"""A model cut between its towers and its fusion: a tower runs once, whatever subsets are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.inference.running import BATCH, compiled


@lru_cache(maxsize=4)
def fusing(model: keras.Model) -> keras.Model:
    """From the towers' tokens and `present` to the model's outputs: `fusing(m)({**run_towers(m, x), "present": p})`.

    It shares the model's variables, and is cut where `present` chooses between a tower's tokens and the learned
    embedding.
    """
    return keras.Model({**tower_outputs(model), "present": model.input["present"]}, model.output)


def run_towers(model: keras.Model, inputs: dict[str, Any]) -> dict[str, Any]:
    """By input, what its tower makes of a batch, (values, mask), before `present` is looked at."""
    tokens: dict[str, Any] = {}
    for name in model.spec.input_names:
        # A graph a tower, not one for all: noise and explanations run them one by one.
        tokens |= compiled(tower_of(model, name))({name: inputs[name], "present": inputs["present"]})
    return tokens


def tower_outputs(model: keras.Model) -> dict[str, tuple[Any, Any]]:
    """By input, the symbolic (values, mask) that its tower puts out."""
    layers = {layer.name: layer for layer in model.layers}
    found = {}
    for name in model.spec.input_names:
        values, mask, _here = keras.tree.flatten(layers[f"{name}.tokens"].input)
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
    fuse = compiled(fusing(model))
    pieces: list[list[dict[str, np.ndarray]]] = [[] for _ in presences]
    for start in range(0, len(inputs["present"]), BATCH):
        rows = slice(start, start + BATCH)
        tokens = run_towers(model, {name: tf.constant(values[rows]) for name, values in inputs.items()})
        for kept, present in zip(pieces, presences, strict=True):
            outputs = fuse({**tokens, "present": tf.constant(present[rows])})
            kept.append({name: value.numpy() for name, value in outputs.items()})
    return [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in pieces]
