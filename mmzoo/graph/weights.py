"""The weights of a model by names that only its spec decides."""

from __future__ import annotations

import re
from itertools import chain, count

import keras

NUMBERED = ("conv2d", "batch_normalization", "layer_normalization", "dense", "transformer_block", "variable")


def named_weights(model: keras.Model) -> dict[str, keras.Variable]:
    """Every weight under a name that only the spec decides: its layer's, and its path in it.

    Keras numbers layers that were given no name through a whole program; within a layer of the
    model they are numbered anew, in the order in which they come. So are weights of the same name, of two
    networks of one family within a layer.
    """
    named: dict[str, keras.Variable] = {}
    for layer in model.layers:
        seen: dict[str, list[str]] = {}
        for weight in layer.weights:
            path = weight.path.removeprefix(f"{layer.name}/")
            name = f"{layer.name}/{'/'.join(_renumbered(part, seen) for part in path.split('/'))}"
            more = (f"{name}~{number}" for number in count(2))
            named[next(each for each in chain([name], more) if each not in named)] = weight
    return named


def _renumbered(part: str, seen: dict[str, list[str]]) -> str:
    """`conv2d_94` as `conv2d_0` if it is the first of its kind in `seen`."""
    found = re.fullmatch(f"({'|'.join(NUMBERED)})(_\\d+)?", part)
    if not found:
        return part
    numbers = seen.setdefault(found[1], [])
    if part not in numbers:
        numbers.append(part)
    return f"{found[1]}_{numbers.index(part)}"
