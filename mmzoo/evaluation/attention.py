"""What a fusion attended to: the weights of its attention layers, by modality and token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.choice import Fusion
from mmzoo.evaluation.case import Case
from mmzoo.evaluation.halves import tower_outputs
from mmzoo.fusions import fusions

QUERIES, SHARED = "learned queries", "bottlenecks"
Parts = list[tuple[str, int]]
"""What stands side by side on an axis: a modality, or `QUERIES` or `SHARED`; and how many places it has."""


@dataclass(frozen=True)
class Attended:
    """What one group of tokens asked for in one layer, the mean over its heads and its real tokens.

    Args:
        layer: its name in the model.
        asks: the modality whose tokens ask, or "learned queries" or "bottlenecks".
        weights: by who is asked, the weight of each token, float64 (T,). They sum to 1; an absent modality's are 0,
            and those of a row are all 0 where there was nothing to ask.
    """

    layer: str
    asks: str
    weights: dict[str, np.ndarray]

    @property
    def shares(self) -> dict[str, float]:
        """By who is asked, the sum of the weights."""
        return {name: float(each.sum()) for name, each in self.weights.items()}

    def to_json(self) -> dict[str, Any]:
        tokens = {name: np.round(each, 6).tolist() for name, each in self.weights.items()}
        return {"layer": self.layer, "asks": self.asks, "shares": self.shares, "tokens": tokens}


def attended(case: Case) -> list[Attended]:
    """What the fusion of a case's model attended to, layer by layer; nothing where it does not attend.

    A fusion that does says by its fact `attends` how the names of its layers begin that ask the modalities' tokens.
    """
    prefix = fusions.facts(Fusion.of(case.spec.fusion).name).get("attends")
    if prefix is None:
        return []
    here = dict(zip(case.spec.input_names, case.inputs["present"][0], strict=True))
    real = {name: tokens[1][0] & here[name] for name, tokens in case.tokens.items()}
    inputs = {**keras.tree.map_structure(tf.constant, case.tokens), "present": tf.constant(case.inputs["present"])}
    found = []
    for layer, weights, itself in attention_weights(case.model, prefix, inputs):
        asking, asked = parts(layer, weights.shape, itself, {name: len(each) for name, each in real.items()})
        for asks, rows in cut(weights, asking).items():
            # An absent modality stands on its learned embedding; what that asks says nothing of the record.
            chosen = rows[real[asks]] if asks in real and len(rows) == len(real[asks]) else rows
            if not len(chosen) or not real.get(asks, np.ones(1, bool)).any():
                continue
            mean = cut(chosen.mean(axis=0), asked)
            there = {name: each * (name not in real or real[name].any()) for name, each in mean.items()}
            found.append(Attended(layer, asks, there))
    return found


def attention_weights(model: keras.Model, prefix: str, inputs: dict[str, Any]) -> list[tuple[str, np.ndarray, bool]]:
    """Of each layer whose name begins with `prefix`: its name, its weights float64 (T, S), do the T ask themselves?

    Args:
        inputs: one example, as the fusion's half of the model takes it.
    """
    layers, places, read = attending(model, prefix)
    values, found = read(inputs), []
    for layer in layers:
        x, itself = [values[place] for place in places[layer.name]], True
        weights = x[0]
        if isinstance(layer, keras.layers.MultiHeadAttention):
            query, value, mask = x
            _, weights = layer(query, value, attention_mask=mask, return_attention_scores=True)
            itself = layer.input[0] is layer.input[1]
        found.append((layer.name, np.asarray(weights, np.float64)[0].mean(axis=0), itself))
    return found


@lru_cache(maxsize=8)
def attending(model: keras.Model, prefix: str) -> tuple[list[keras.layers.Layer], dict[str, list[str]], keras.Model]:
    """The layers whose name begins with `prefix`; by layer, the names of what it reads; a model that puts that out.

    Weights that no MultiHeadAttention computes are the output of a layer called `fusion.weights`, (B, heads, T, S).
    """
    kinds = keras.layers.MultiHeadAttention
    layers = [
        layer
        for layer in model.layers
        if layer.name.startswith(prefix) and (isinstance(layer, kinds) or layer.name == "fusion.weights")
    ]
    read = {layer.name: layer.input if isinstance(layer, kinds) else [layer.output] for layer in layers}
    # Layers read the same tensors; Keras can cut a graph at each tensor once.
    outputs = {str(id(tensor)): tensor for tensors in read.values() for tensor in tensors}
    places = {name: [str(id(tensor)) for tensor in tensors] for name, tensors in read.items()}
    inputs = {**tower_outputs(model), "present": model.input["present"]}
    return layers, places, keras.Model(inputs, outputs)


def parts(layer: str, shape: Sequence[int], itself: bool, lengths: dict[str, int]) -> tuple[Parts, Parts]:
    """Who asks and who is asked on the two axes of a layer's weights.

    Args:
        shape: of the weights, (T, S).
        itself: do the tokens that ask ask themselves?
        lengths: the number of each modality's tokens.
    """
    for asks in lengths:
        for asked in lengths:
            if layer == f"fusion.{asks}.from.{asked}":
                return [(asks, lengths[asks])], [(asked, lengths[asked])]
        if re.fullmatch(rf"fusion\.{asks}\.block\d+_attention", layer):
            both = [(asks, lengths[asks]), (SHARED, shape[0] - lengths[asks])]
            return both, both
    if layer == "fusion.weights":
        both = [(name, 1) for name in lengths]
        return both, both
    every = list(lengths.items())
    return (every if itself else [(QUERIES, shape[0])]), every


def cut(values: np.ndarray, along: Parts) -> dict[str, np.ndarray]:
    """The first axis of `values` by its parts; padding behind the last is left out."""
    edges = np.cumsum([0, *(count for _, count in along)])
    return {name: values[a:b] for (name, _), (a, b) in zip(along, pairwise(edges), strict=True)}


def mean_weights(rows: Sequence[Attended], name: str) -> np.ndarray | None:
    """The weight of each of a modality's tokens, the mean over all that asked it, (T,); None where nothing did."""
    found = [row.weights[name] for row in rows if name in row.weights]
    return np.mean(found, axis=0) if found else None


def who_asked_whom(rows: Sequence[Attended]) -> dict[str, dict[str, float]]:
    """By who asks and who is asked, the share of the weights, the mean over layers; of those with a choice of whom."""
    found: dict[str, dict[str, float]] = {}
    for asks in dict.fromkeys(row.asks for row in rows if len(row.weights) > 1):
        shares = [row.shares for row in rows if row.asks == asks]
        names = dict.fromkeys(name for each in shares for name in each)
        found[asks] = {name: float(np.mean([each.get(name, 0.0) for each in shares])) for name in names}
    return found
