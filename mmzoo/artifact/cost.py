"""What a model may cost whoever loads it: known before the memory is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.inference.running import compiled
from mmzoo.weights import Weights
from mmzoo.weights.tensors import TensorFile

MAX_TENSOR, MAX_GRAPH = 2**30, 2**35
"""Bytes that one example may need in one tensor, and in all tensors of the graph together."""

MAX_PACKAGED = 1024
"""Variables that the weights of one package fill."""


@contextmanager
def no_larger_than(weights: TensorFile, packaged: Iterable[Weights] = ()) -> Iterator[None]:
    """Inside, no more variables are made than the weights file, and what is left to packages, has numbers for.

    A spec of a few bytes may ask for any number of weights; a file of weights has them.

    Raises:
        MMZooError: a variable goes over it; it is not made.
    """
    # Not saved are the seeds of dropout, about as many as layers with weights, and the dense layer behind KerasHub's
    # BERT, which no tower asks: less than a thirtieth of it.
    most, most_bytes = 64 + 2 * len(weights.layout), 2**16 + weights.bytes + weights.bytes // 32
    for each in packaged:
        most, most_bytes = most + MAX_PACKAGED, most_bytes + 4 * each.parameters + each.parameters // 8
    count = total = 0
    scratch = tf.Graph()

    def create(next_creator: Callable[..., Tensor], **facts: object) -> Tensor:
        nonlocal count, total
        value = facts["initial_value"]
        with scratch.as_default():  # in a graph, an initializer only says which shape it would have
            value = value() if callable(value) else value
            value = value if tf.is_tensor(value) else tf.constant(value)
        count, total = count + 1, total + size(value)
        require(
            count <= most and total <= most_bytes,
            f"The spec asks for more weights than '{weights.path}' has in its {weights.bytes} bytes; "
            "they do not belong together.",
        )
        return next_creator(**facts)

    with tf.variable_creator_scope(create):
        yield


def check_graph(model: keras.Model) -> None:
    """One example can be answered in a memory that machines have.

    Raises:
        MMZooError: a tensor between the inputs and the outputs is too large, or all of them together.
    """
    operations = compiled(model).get_concrete_function().graph.get_operations()
    sizes = [size(tensor) for operation in operations for tensor in operation.outputs]
    require(
        max(sizes) <= MAX_TENSOR and sum(sizes) <= MAX_GRAPH,
        f"To answer one example, the spec asks for {max(sizes) / 2**30:.1f} GB in one tensor and "
        f"{sum(sizes) / 2**30:.1f} GB in all, over the limits of {MAX_TENSOR >> 30} and {MAX_GRAPH >> 30} GB.",
    )


def size(tensor: tf.Tensor) -> int:
    """Bytes of a tensor of a graph, with one example where it has a batch."""
    if tensor.shape.rank is None or not tensor.dtype.is_numpy_compatible or tensor.dtype == tf.string:
        return 0
    return int(math.prod(side or 1 for side in tensor.shape) * tensor.dtype.size)
