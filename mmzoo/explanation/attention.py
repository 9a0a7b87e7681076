"""What a fusion attended to: the weights of its attention layers, by modality and token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.declared import Axis
from mmzoo.explanation.target import Target
from mmzoo.graph.cut import tower_outputs
from mmzoo.graph.parts import kept_on


@dataclass(frozen=True)
class AttentionMap:
    """What one group of tokens asked for in one layer, the mean over its heads and its real tokens.

    Args:
        layer: its name in the model.
        query: the modality whose tokens are the queries, or "learned queries" or "bottlenecks".
        weights: by key, the weight of each token, float64 (T,). They sum to 1; an absent modality's are 0,
            and those of a row are all 0 where there was nothing to ask.
    """

    layer: str
    query: str
    weights: dict[str, np.ndarray]

    @property
    def shares(self) -> dict[str, float]:
        """By key, the sum of the weights."""
        return {name: float(each.sum()) for name, each in self.weights.items()}

    def to_json(self) -> dict[str, object]:
        tokens = {name: np.round(each, 6).tolist() for name, each in self.weights.items()}
        return {"layer": self.layer, "query": self.query, "shares": self.shares, "tokens": tokens}


def attention_maps(target: Target) -> list[AttentionMap]:
    """What the fusion of a target's model attended to, layer by layer; nothing where it does not attend."""
    declared = target.model.parts.attention
    if not declared:
        return []
    here = dict(zip(target.spec.input_names, target.inputs["present"][0], strict=True))
    real = {name: tokens[1][0] & here[name] for name, tokens in target.tokens.items()}
    inputs = {**keras.tree.map_structure(tf.constant, target.tokens), "present": tf.constant(target.inputs["present"])}
    found = []
    for each, weights in zip(declared, attention_weights(target.model, inputs), strict=True):
        for query, rows in by_modality(weights, each.query).items():
            # An absent modality stands on its learned embedding; what that asks says nothing of the record.
            chosen = rows[real[query]] if query in real and len(rows) == len(real[query]) else rows
            if not len(chosen) or not real.get(query, np.ones(1, bool)).any():
                continue
            mean = by_modality(chosen.mean(axis=0), each.key)
            there = {name: part * (name not in real or real[name].any()) for name, part in mean.items()}
            found.append(AttentionMap(each.layer.name, query, there))
    return found


def attention_weights(model: keras.Model, inputs: dict[str, Tensor]) -> list[np.ndarray]:
    """The weights of each declared attention, the mean over its heads, float64 (T, S).

    Args:
        inputs: one example, as the fusion's half of the model takes it.
    """
    places, read = kept_on(model, "attention", lambda: attention_layers(model))
    values, found = read(inputs), []
    for each, names in zip(model.parts.attention, places, strict=True):
        x = [values[name] for name in names]
        weights = x[0]
        if isinstance(each.layer, keras.layers.MultiHeadAttention):
            query, value, mask = x
            _, weights = each.layer(query, value, attention_mask=mask, return_attention_scores=True)
        found.append(np.asarray(weights, np.float64)[0].mean(axis=0))
    return found


def attention_layers(model: keras.Model) -> tuple[list[list[str]], keras.Model]:
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


def by_modality(values: np.ndarray, along: Axis) -> dict[str, np.ndarray]:
    """The first axis of `values` by its parts; padding behind the last is left out."""
    edges = np.cumsum([0, *(count for _, count in along)])
    return {name: values[a:b] for (name, _), (a, b) in zip(along, pairwise(edges), strict=True)}


def mean_weights(rows: Sequence[AttentionMap], name: str) -> np.ndarray | None:
    """The weight of each of a modality's tokens, the mean over all that asked it, (T,); None where nothing did."""
    found = [row.weights[name] for row in rows if name in row.weights]
    return np.mean(found, axis=0) if found else None


def cross_modal_attention(rows: Sequence[AttentionMap]) -> dict[str, dict[str, float]]:
    """By query and key, the share of the weights, the mean over layers; of those with a choice of whom."""
    found: dict[str, dict[str, float]] = {}
    for query in dict.fromkeys(row.query for row in rows if len(row.weights) > 1):
        shares = [row.shares for row in rows if row.query == query]
        names = dict.fromkeys(name for each in shares for name in each)
        found[query] = {name: float(np.mean([each.get(name, 0.0) for each in shares])) for name in names}
    return found
