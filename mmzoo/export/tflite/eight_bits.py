"""A .tflite whose products are computed in 8 bits, and all that would suffer from it in float32."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError
from mmzoo.export.tflite.flatbuffer import opened, written
from mmzoo.export.tflite.operations import builtins

PRODUCTS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "GATHER"}
"""What is computed in 8 bits, and embeddings. Masks of -1e9 leave no room in 8 bits for anything beside them."""
FEW = 4096
"""Weights up to which the first layers stay in float32: all that comes after hangs on them, and 8 bits save next to
nothing. Of EfficientNet-Lite0 these are eleven convolutions of 49, which have 0.05 MB more."""


def quantized(converter: Untyped, exact: bytes, examples: dict[str, np.ndarray], kept: str) -> bytes:
    """The products of a model in 8 bits, activations too, by the ranges that they have on examples.

    Args:
        converter: a `tf.lite.TFLiteConverter` of the model.
        exact: the same model in float32.
        examples: (N, ...) an input.
        kept: a pattern that finds the outputs' names of what stays in float32 beside the first layers.

    Raises:
        MMZooError: there is nothing that could be computed in 8 bits.
    """
    import tensorflow as tf

    def data() -> Iterator[dict[str, np.ndarray]]:
        count = len(next(iter(examples.values())))
        return ({name: value[row : row + 1] for name, value in examples.items()} for row in range(count))

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = data
    others, names = left_exact(exact, kept)
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=others, denylisted_nodes=names)
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_dataset=data, debug_options=options)
    return without_detours(bytes(debugger.get_nondebug_quantized_model()))


def left_exact(exact: bytes, kept: str) -> tuple[list[str], list[str]]:
    """What is not computed in 8 bits: operations by their builtins' names, and single ones by their outputs' names.

    The first layers with few weights are, where there are no others.

    Args:
        kept: see `quantized`; these do not count as layers.

    Raises:
        MMZooError: as `quantized` says.
    """
    model = opened(exact)
    kinds, names, first, rest = set[str](), list[str](), list[str](), 0
    for graph in model.subgraphs:
        late = set[int]()  # tensors that come after a layer with more than a few weights
        for operator in graph.operators:
            kind, name = kind_of(model, operator), graph.tensors[operator.outputs[0]].name.decode()
            kinds.add(kind)
            inputs = {int(place) for place in operator.inputs if place >= 0}
            weights = max((constant_size(model, graph.tensors[place]) for place in inputs), default=0)
            stays = bool(re.search(kept, name))
            is_late = bool(inputs & late) or (kind in PRODUCTS and weights > FEW and not stays)
            if is_late:
                late |= {int(place) for place in operator.outputs}
            if kind in PRODUCTS:
                rest += is_late and not stays
                if stays or not is_late:
                    (names if stays else first).append(name)
    if not rest and not first:
        raise MMZooError(
            "There is nothing in this model that could be computed in 8 bits; choose the variant 'dynamic'."
        )
    return sorted(kinds - PRODUCTS), names + (first if rest else [])


def without_detours(data: bytes) -> bytes:
    """The .tflite without rounding to 8 bits that nothing computes with: from float32, and to float32 again.

    The converter rounds what it joins, selects or turns round to a common scale, though it was told to leave these
    operations alone; spectra and tokens lost more by that than by all products of most towers.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = opened(data)
    for graph in model.subgraphs:
        kinds = [kind_of(model, operator) for operator in graph.operators]
        rounded = {
            int(operator.outputs[0]): int(operator.inputs[0])
            for operator, kind in zip(graph.operators, kinds, strict=True)
            if kind == "QUANTIZE"
        }
        same: dict[int, int] = {}
        for operator, kind in zip(graph.operators, kinds, strict=True):
            place = int(operator.inputs[0]) if kind == "DEQUANTIZE" else -1
            while place in rounded:
                place = rounded[place]
            if place >= 0 and graph.tensors[place].type == schema.TensorType.FLOAT32:
                same[int(operator.outputs[0])] = place
        for operator in graph.operators:
            operator.inputs = np.array([same.get(int(place), place) for place in operator.inputs], np.int32)
        graph.outputs = np.array([same.get(int(place), place) for place in graph.outputs], np.int32)
        used = {int(place) for place in graph.outputs}
        kept = []
        for operator, kind in zip(reversed(graph.operators), reversed(kinds), strict=True):
            if kind not in ("QUANTIZE", "DEQUANTIZE") or int(operator.outputs[0]) in used:
                kept.append(operator)
                used |= {int(place) for place in operator.inputs}
        graph.operators = kept[::-1]
    return written(model)


def kind_of(model: Untyped, operator: Untyped) -> str:
    """The name of an operation's builtin."""
    code = model.operatorCodes[operator.opcodeIndex]
    return builtins()[max(code.builtinCode, code.deprecatedBuiltinCode)]


def constant_size(model: Untyped, tensor: Untyped) -> int:
    """How many numbers of float32 a tensor holds that is the same for every input; 0 of one that is computed."""
    from tensorflow.lite.python import schema_py_generated as schema

    data = model.buffers[tensor.buffer].data
    return len(data) // 4 if data is not None and tensor.type == schema.TensorType.FLOAT32 else 0
