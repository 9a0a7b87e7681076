"""A model with any subset of its modalities: each tower runs once, whatever subsets are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.graph.cut import fusing, tower_of
from mmzoo.inference.running import BATCH, compiled
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

MOST = 6  # inputs of which all subsets are looked at: each more doubles them
PAIRS = 66
STEPS, ORDERS = 128, (4, 16)  # about how many subsets all orders have, and the fewest and the most orders


def is_sampled(spec: Spec) -> bool:
    """Are there so many subsets of the inputs that only some are looked at?"""
    return len(spec.inputs) > MOST


def subset_count(spec: Spec) -> int:
    """How many non-empty subsets of the inputs there are."""
    return int(2 ** len(spec.inputs) - 1)


def subsets(spec: Spec) -> list[tuple[str, ...]]:
    """The non-empty subsets of the inputs that are told of, the small ones first: all of at most `MOST` inputs.

    Of more inputs each one alone, the pairs (if there are over `PAIRS`, as many of them, drawn with a seed), all but
    one, and all.
    """
    names = spec.input_names
    if not is_sampled(spec):
        return [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]
    pairs = list(combinations(names, 2))
    drawn = np.random.default_rng(0).permutation(len(pairs))[:PAIRS]
    others = [tuple(name for name in names if name != left_out) for left_out in names]
    return [*((name,) for name in names), *(pairs[k] for k in sorted(drawn)), *others, tuple(names)]


def orders(spec: Spec) -> list[tuple[str, ...]]:
    """Orders in which more than `MOST` inputs come one after the other, drawn with a seed; each also from its end.

    What they add when they come are samples of their Shapley values (Castro et al. 2009), of which an order and its
    reverse together scatter less (Mitchell et al. 2022, arXiv:2104.12199).
    """
    names = spec.input_names
    if not is_sampled(spec):
        return []
    random = np.random.default_rng(1)
    pairs = int(np.clip(STEPS // len(names), *ORDERS)) // 2
    drawn = [tuple(names[k] for k in random.permutation(len(names))) for _ in range(pairs)]
    return [each for order in drawn for each in (order, order[::-1])]


def beginnings(orders: Sequence[Sequence[str]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """What some orders of `names` begin with, from nothing to all, each set once and in the order of `names`."""
    begun = [{*order[:size]} for order in orders for size in range(len(names) + 1)]
    return list(dict.fromkeys(tuple(name for name in names if name in chosen) for chosen in begun))


def evaluated_subsets(spec: Spec) -> list[tuple[str, ...]]:
    """The subsets that are told of, and where these are a sample those of `orders` too, the inputs as in the spec."""
    more = [chosen for chosen in beginnings(orders(spec), spec.input_names) if chosen]
    return list(dict.fromkeys([*subsets(spec), *more]))


def presence_of(spec: Spec, present: np.ndarray, chosen: Sequence[str]) -> np.ndarray:
    """`present` bool (N, M) of the same examples with only the `chosen` modalities."""
    return np.asarray(present & np.array([name in chosen for name in spec.input_names]))


def run_towers(model: Multimodal, inputs: dict[str, Tree]) -> dict[str, Tensor]:
    """By input, what its tower makes of a batch, (values, mask), before `present` is looked at."""
    tokens: dict[str, Tensor] = {}
    for name in model.parts.inputs:
        # A graph a tower, not one for all: noise and explanations run them one by one.
        tokens |= compiled(tower_of(model, name))({name: inputs[name], "present": inputs["present"]})
    return tokens


def run_presences(
    model: keras.Model, inputs: dict[str, Tree], presences: Iterable[np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """The model's outputs for each `present` bool (N, M) in `presences`, in batches; the towers run once a batch."""
    presences = list(presences)
    fuse = compiled(fusing(model))
    count = len(inputs["present"])
    found: list[dict[str, np.ndarray]] = [{} for _ in presences]
    for start in range(0, count, BATCH):
        rows = slice(start, start + BATCH)
        tokens = run_towers(model, keras.tree.map_structure(lambda a, s=rows: tf.constant(a[s]), inputs))
        for outputs, present in zip(found, presences, strict=True):
            for name, tensor in fuse({**tokens, "present": tf.constant(present[rows])}).items():
                # Copied into one array: the tensors of many batches would leave holes in memory that nothing else fits.
                value = tensor.numpy()
                if name not in outputs:
                    outputs[name] = np.empty((count, *value.shape[1:]), value.dtype)
                outputs[name][rows] = value
    return found
