"""The towers of a model, taken apart in the order in which an example goes through them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import keras
import numpy as np

from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def tuned_towers(model: Multimodal, inputs: Sequence[str] = ()) -> list[list[keras.layers.Layer]]:
    """The parts of the towers of some inputs; of all blocks with pretrained weights, if none is named.

    Args:
        model: from what a feed gives to the model's outputs.

    Raises:
        MMZooError: there is no such input, or no part of its tower can train.
    """
    if not inputs:
        blocks = [layer for each in model.parts.inputs.values() for layer in each.pretrained]
        return [found for block in blocks if (found := parts(block))]
    towers = []
    for name in inputs:
        own = model.parts.of(name)
        tower = [part for layer in own.layers if layer is not own.tokens for part in parts(layer)]
        require(tower, f"Nothing in the tower of input '{name}' can train; give the tower trainable_blocks.")
        towers.append(tower)
    return towers


def parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """A layer that can train, or where it is a model or a stack of alike layers, what it consists of."""
    if not layer.trainable_variables:
        return []
    inside = layer.layers if isinstance(layer, keras.Model) else layer._layers
    composed = [type(each) for each in inside if each._layers]
    if isinstance(layer, keras.Model) or len(composed) > len(set(composed)):
        return [part for each in inside for part in parts(each)]
    return [layer]


def into_blocks(tower: list[keras.layers.Layer], count: int) -> list[list[keras.layers.Layer]]:
    """A tower in `count` blocks of as many parts, or one more; in less where it has fewer parts."""
    count = min(count, len(tower))
    ends = [round(end) for end in np.linspace(0, len(tower), count + 1)]
    return [tower[start:end] for start, end in pairwise(ends)]


def variables_of(layers: Sequence[keras.layers.Layer]) -> list[keras.Variable]:
    """All variables of some layers that can train."""
    return [variable for layer in layers for variable in layer.trainable_variables]
