"""Several towers over one input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import keras
from keras import ops

from mmzoo.aliases import Tensor, Tree
from mmzoo.choice import Tower
from mmzoo.declared import classifiers_of, frozen_features, frozen_of, knows_classes
from mmzoo.errors import require
from mmzoo.modalities.base import Modality
from mmzoo.tokens import Tokens, masked_mean
from mmzoo.towers import scoped
from mmzoo.towers import towers as known
from mmzoo.towers.nested import called

KINDS = ("image", "text", "audio", "video", "sensor", "tabular")
FITTED = ("boosted_trees",)  # towers that answer the tasks by themselves
LEAST = 1e-6  # squared length of a vector that has one


def check_towers(item: Modality, *, towers: Sequence[Tower | str], scaled: bool) -> None:
    """There are several towers, and each of them reads the input and knows its options."""
    require(len(towers) > 1, f"Give the tower 'feature_union' of input '{item.name}' two towers or more.")
    for part in parts_of(item, towers):
        chosen = Tower.of(part.tower)
        fitting = [name for name in known.names(serves=item.kind) if name not in FITTED]
        require(
            chosen.name in fitting,
            f"Tower '{chosen.name}' cannot stand beside another for input '{item.name}'; there are: "
            f"{', '.join(fitting)}.",
        )
        known.check_options(chosen.name, chosen.options, part)


@known.register("feature_union", check_towers, serves=KINDS)
def feature_union(x: Tensor, item: Modality, *, towers: Sequence[Tower | str] = (), scaled: bool = True) -> Tokens:
    """Several towers, each by itself; of each the mean over its tokens, side by side.

    Networks that were trained on something else know something else. (B, *shape) -> `Tokens` (B, 1, the widths of the
    towers together). What of the towers never trains is computed once for each record.

    Args:
        towers: of the input's kind, by name, or `Tower(name, option=...)`.
        scaled: are the means brought to one length, so that none counts for more because its numbers are larger or
            more? On average the square of a number is 1 then. `Retrieval(class_words=N)` needs them as they are.
    """
    name, start = scoped(item), keras.Input(item.shape, dtype=item.dtype)
    given, readers, kept, width = [], [], False, 0
    for part in parts_of(item, towers):
        tokens = known[Tower.of(part.tower).name](start, part, **Tower.of(part.tower).options)
        mean = masked_mean(*tokens), ops.any(tokens.mask, axis=1, keepdims=True)
        layer = frozen_of(part)
        before = start if layer is None else called_output(layer)
        reader = keras.Model(before, mean, name=f"{part.name}.mean")
        # A mean of what never trains, over the places of a map, is a fraction of it to be kept.
        whole = layer is not None and not reader.variables
        given.append(mean if whole else before)
        readers.append(None if whole else reader)
        if not scaled:  # else a network's own classifier would read other numbers than it was trained on
            knows_classes(item, *(each._replace(place=width + each.place) for each in classifiers_of(part.name)))
        kept, width = kept or layer is not None, width + mean[0].shape[-1]
    read: list[Tree] = [x] * len(given)
    if kept:
        lower = keras.Model(start, given, name=name("frozen_features"))
        lower.trainable = False
        read = frozen_features(item, lower)(x)
    found = [each if reader is None else reader(each) for reader, each in zip(readers, read, strict=True)]
    means = [of_length(mean, width / len(found)) if scaled else mean for mean, _ in found]
    masks = ops.concatenate([real for _, real in found], axis=1)
    return Tokens(ops.concatenate(means, axis=-1)[:, None], ops.any(masks, axis=1)[:, None])


def of_length(x: Tensor, square: float) -> Tensor:
    """Vectors (B, D) of that squared length; those of zeros stay."""
    own = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.sqrt(square / ops.maximum(own, LEAST))


def called_output(layer: keras.layers.Layer) -> Tree:
    """What a layer put out where it was called last; the `output` of one that is a model is within it."""
    outputs = layer._inbound_nodes[-1].outputs
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def parts_of(item: Modality, towers: Sequence[Tower | str]) -> list[Modality]:
    """The input as each of its towers has it, called `<input>.part1`, `<input>.part2` ..."""
    return [
        called(replace(item, tower=Tower.of(tower)), item, f"part{number}") for number, tower in enumerate(towers, 1)
    ]
