"""What towers and fusions declare of the layers that they make, so that a built model knows its parts.

    x = frozen_features(item, Backbone(..., name=name("frozen_features")))(x)

Each function takes a layer and gives it back, so that it stands where the layer is made. What is declared while nobody
builds a model is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mmzoo.aliases import Tensor

if TYPE_CHECKING:
    import keras

    from mmzoo.modalities.base import Modality
    from mmzoo.tasks.base import Task
    from mmzoo.weights import Weights

LEARNED_QUERIES, BOTTLENECKS = "learned queries", "bottlenecks"
Axis = Sequence[tuple[str, int]]
"""What stands side by side on an axis: an input, or one of the two above; and how many places it has."""

Layer = TypeVar("Layer")


class Attention(NamedTuple):
    """One attention of a fusion over the tokens of the modalities.

    layer: a `MultiHeadAttention`, or a layer whose output is the weights, (B, heads, T, S).
    query, key: what stands on the axes T and S; what is behind the last place of `key` is padding.
    """

    layer: keras.layers.Layer
    query: Axis
    key: Axis


@dataclass
class Declared:
    """What one build of a model has declared, by the name of the input.

    tasks: that the model is asked.
    """

    tasks: Sequence[Task] = ()
    frozen: dict[str, keras.layers.Layer] = field(default_factory=dict)
    embeddings: dict[str, keras.layers.Layer] = field(default_factory=dict)
    pretrained: dict[str, list[keras.layers.Layer]] = field(default_factory=dict)
    grids: dict[str, tuple[int, int]] = field(default_factory=dict)
    attention: list[Attention] = field(default_factory=list)
    begins: dict[str, str] = field(default_factory=dict)
    packages: list[Weights] = field(default_factory=list)
    scored: dict[str, keras.layers.Layer] = field(default_factory=dict)


_current: ContextVar[Declared | None] = ContextVar("declared", default=None)


@contextmanager
def declaring(tasks: Sequence[Task] = ()) -> Iterator[Declared]:
    """What is declared inside, where a model is built that is asked some tasks."""
    found = Declared(tasks)
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)


def asked() -> Sequence[Task]:
    """The tasks of the model that is being built."""
    current = _current.get()
    return current.tasks if current else ()


def scores(item: Modality, layer: Layer) -> Layer:
    """`layer` never trains: it is fitted to the labels before, and answers the tasks by itself.

    What it puts out (B, scores of all tasks, see `mmzoo.boosting.scores_of`) is the only token of its tower.
    """
    if current := _current.get():
        current.scored[item.name] = layer
    return frozen_features(item, layer)


def frozen_features(item: Modality, layer: Layer) -> Layer:
    """`layer` never trains, and what it makes of an example is worth computing once: a log-mel, ids, frozen blocks."""
    if current := _current.get():
        current.frozen[item.name] = layer
    return layer


def frozen_of(item: Modality) -> keras.layers.Layer | None:
    """The layer that was declared as what never trains of an input, to be part of what another one declares."""
    current = _current.get()
    return current.frozen.pop(item.name, None) if current else None


def frozen_behind(before: Tensor, layer: Layer) -> Layer:
    """`layer` reads `before` and never trains: if that comes from what is frozen, so does what this makes of it."""
    if current := _current.get():
        for name, frozen in current.frozen.items():
            if before._keras_history.operation is frozen:
                current.frozen[name] = layer
    return layer


def embedding(item: Modality, layer: Layer) -> Layer:
    """`layer` takes ids, 0 for padding, to the vectors of a text's tokens."""
    if current := _current.get():
        current.embeddings[item.name] = layer
    return layer


def pretrained(item: Modality, layer: Layer) -> Layer:
    """`layer` has pretrained weights that train."""
    if current := _current.get():
        current.pretrained.setdefault(item.name, []).append(layer)
    return layer


def begins_with(item: Modality, weights: str) -> None:
    """The tower of an input begins with the weights of a trained one, which are read when the model is built."""
    if current := _current.get():
        current.begins[item.name] = weights


def from_package(weights: Weights) -> None:
    """The tower that is being made takes weights (`mmzoo.weights.Weights`) of a package."""
    if current := _current.get():
        current.packages.append(weights)


def grid(item: Modality, rows: int, columns: int) -> None:
    """The tokens of an input are the places of a map, row by row."""
    if current := _current.get():
        current.grids[item.name] = rows, columns


def attention(layer: Layer, query: Axis, key: Axis) -> Layer:
    """`layer` attends to the tokens of the modalities; see `Attention`."""
    if current := _current.get():
        current.attention.append(Attention(layer, tuple(query), tuple(key)))
    return layer
