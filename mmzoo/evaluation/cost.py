"""What an answer costs."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from mmzoo.aliases import Tensor, Untyped


def flops(model: keras.Model) -> int:
    """Floating-point operations of the answer to one record, a multiplication and an addition being two.

    As TensorFlow's profiler counts the operations of the graph, and the products of attention (einsum), which it
    leaves out. What is inside a loop, as in recurrent layers, is counted once.
    """

    def one(tensor: Tensor) -> tf.TensorSpec:
        return tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype)

    call = tf.function(lambda inputs: model(inputs, training=False), autograph=False)
    graph = call.get_concrete_function(keras.tree.map_structure(one, model.input)).graph
    profiler = tf.compat.v1.profiler
    options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the profiler says that it is old; there is no newer one that counts
    try:
        counted = int(profiler.profile(graph, options=options).total_float_ops)
    finally:
        logger.setLevel(level)
    return counted + sum(einsum_flops(operation) for operation in graph.get_operations() if operation.type == "Einsum")


def einsum_flops(operation: Untyped) -> int:
    """A multiplication and an addition for every combination of the indices."""
    terms = operation.get_attr("equation").decode().partition("->")[0].split(",")
    sides: dict[str, int] = {}
    for term, tensor in zip(terms, operation.inputs, strict=True):
        # What an ellipsis stands for is numbered from its right, as broadcasting aligns it.
        before, dots, after = term.partition("...")
        hidden = [str(k) for k in reversed(range(len(tensor.shape) - len(before + after)))] if dots else []
        for index, side in zip([*before, *hidden, *after], tensor.shape, strict=True):
            sides[index] = max(side, sides.get(index, 1))
    return 2 * math.prod(sides.values())
