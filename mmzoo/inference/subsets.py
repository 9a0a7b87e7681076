"""A model with any subset of its modalities: each tower runs once, whatever subsets are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tree
from mmzoo.graph.cut import fusing, tower_of
from mmzoo.inference.running import BATCH, compiled
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def subsets(spec: Spec) -> list[tuple[str, ...]]:
    """All non-empty subsets of the inputs, the small ones first."""
    names = spec.input_names
    return [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]


def presence_of(spec: Spec, present: np.ndarray, chosen: Sequence[str]) -> np.ndarray:
    """`present` bool (N, M) of the same examples with only the `chosen` modalities."""
    return np.asarray(present & np.array([name in chosen for name in spec.input_names]))


def run_towers(model: Multimodal, inputs: dict[str, Tree]) -> dict[str, Any]:
    """By input, what its tower makes of a batch, (values, mask), before `present` is looked at."""
    tokens: dict[str, Any] = {}
    for name in model.spec.input_names:
        # A graph a tower, not one for all: noise and explanations run them one by one.
        tokens |= compiled(tower_of(model, name))({name: inputs[name], "present": inputs["present"]})
    return tokens


def run_presences(
    model: keras.Model, inputs: dict[str, Tree], presences: Iterable[np.ndarray]
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
