"""What a fusion attended to: the weights of its attention layers, by modality and token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.declared import Axis
from mmzoo.evaluation.case import Case
from mmzoo.graph.cut import tower_outputs
from mmzoo.graph.parts import kept_on


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
    """What the fusion of a case's model attended to, layer by layer; nothing where it does not attend."""
    declared = case.model.parts.attention
    if not declared:
        return []
    here = dict(zip(case.spec.input_names, case.inputs["present"][0], strict=True))
    real = {name: tokens[1][0] & here[name] for name, tokens in case.tokens.items()}
    inputs = {**keras.tree.map_structure(tf.constant, case.tokens), "present": tf.constant(case.inputs["present"])}
    found = []
    for each, weights in zip(declared, attention_weights(case.model, inputs), strict=True):
        for asks, rows in cut(weights, each.query).items():
            # An absent modality stands on its learned embedding; what that asks says nothing of the record.
            chosen = rows[real[asks]] if asks in real and len(rows) == len(real[asks]) else rows
            if not len(chosen) or not real.get(asks, np.ones(1, bool)).any():
                continue
            mean = cut(chosen.mean(axis=0), each.key)
            there = {name: part * (name not in real or real[name].any()) for name, part in mean.items()}
            found.append(Attended(each.layer.name, asks, there))
    return found


def attention_weights(model: keras.Model, inputs: dict[str, Any]) -> list[np.ndarray]:
    """The weights of each declared attention, the mean over its heads, float64 (T, S).

    Args:
        inputs: one example, as the fusion's half of the model takes it.
    """
    places, read = kept_on(model, "attention", lambda: attending(model))
    values, found = read(inputs), []
    for each, names in zip(model.parts.attention, places, strict=True):
        x = [values[name] for name in names]
        weights = x[0]
        if isinstance(each.layer, keras.layers.MultiHeadAttention):
            query, value, mask = x
            _, weights = each.layer(query, value, attention_mask=mask, return_attention_scores=True)
        found.append(np.asarray(weights, np.float64)[0].mean(axis=0))
    return found


def attending(model: keras.Model) -> tuple[list[list[str]], keras.Model]:
    """For each declared attention the outputs, of the model that is given too, with what it reads.

    That are query, value and mask of a MultiHeadAttention, and of any other layer its own output, the weights.
    """
    parts = model.parts
    read = [
        parts.arguments(each.layer)
        if isinstance(each.layer, keras.layers.MultiHeadAttention)
        else [parts.output(each.layer)]
        for each in parts.attention
    ]
    # Layers read the same tensors; Keras can cut a graph at each tensor once.
    outputs = {str(id(tensor)): tensor for tensors in read for tensor in tensors}
    inputs = {**tower_outputs(model), "present": model.input["present"]}
    return [[str(id(tensor)) for tensor in tensors] for tensors in read], parts.cut(inputs, outputs)


def cut(values: np.ndarray, along: Axis) -> dict[str, np.ndarray]:
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
