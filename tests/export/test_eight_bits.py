"""What "int8" leaves in float32: the first small layers, and what nothing computes with in 8 bits."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python import schema_py_generated as schema

from mmzoo.errors import MMZooError
from mmzoo.export.tflite.conversion import converted, converter_of
from mmzoo.export.tflite.eight_bits import FEW, kind_of, left_exact, quantized, without_detours
from mmzoo.export.tflite.flatbuffer import opened, written
from mmzoo.export.tflite.operations import builtins, operations

# TensorFlow's own, of its converter
pytestmark = pytest.mark.filterwarnings(
    "ignore:Statistics for quantized inputs", "ignore:.*tf.lite.Interpreter is deprecated"
)

RNG = np.random.default_rng(0)
KERNELS = [RNG.normal(size=shape).astype(np.float32) for shape in ((3, 3, 3, 8), (3, 3, 16, 64), (1, 1, 64, 4))]
EXAMPLES = {"x": RNG.normal(size=(8, 6, 6, 3)).astype(np.float32)}
NONE = "$^"


@tf.function(input_signature=[tf.TensorSpec((1, 6, 6, 3), tf.float32, "x")], autograph=False)
def network(x: Any) -> dict[str, Any]:
    """Three convolutions, of few weights, of many and of few; what the first gives goes out beside, joined."""
    few = tf.nn.relu(tf.nn.conv2d(x, KERNELS[0], 1, "SAME", name="first"))
    both = tf.concat([few, tf.reverse(few, [1])], axis=3)
    many = tf.nn.relu(tf.nn.conv2d(both, KERNELS[1], 1, "SAME", name="second"))
    return {"last": tf.nn.conv2d(many, KERNELS[2], 1, "SAME", name="third"), "both": both}


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return converted(saved(tmp_path_factory))


@pytest.fixture(scope="module")
def in_eight_bits(tmp_path_factory: pytest.TempPathFactory, exact: bytes) -> bytes:
    return quantized(converter_of(saved(tmp_path_factory)), exact, EXAMPLES, NONE)


def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("network") / "model")
    tf.saved_model.save(tf.Module(), folder, signatures=network.get_concrete_function())
    return folder


def answers(data: bytes) -> dict[str, np.ndarray]:
    run = Interpreter(model_content=data).get_signature_runner("serving_default")
    found = [run(x=EXAMPLES["x"][row : row + 1]) for row in range(8)]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def test_only_the_first_small_layers_stay_in_float32(in_eight_bits: bytes) -> None:
    assert [kernel.size <= FEW for kernel in KERNELS] == [True, False, True]
    model = opened(in_eight_bits)
    (graph,) = model.subgraphs
    convolutions = [each for each in graph.operators if kind_of(model, each) == "CONV_2D"]
    found = [graph.tensors[each.inputs[1]].type for each in convolutions]
    assert found == [schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.INT8]


def test_what_is_left_alone_is_what_it_was(exact: bytes, in_eight_bits: bytes) -> None:
    wanted, found = answers(exact), answers(in_eight_bits)
    np.testing.assert_array_equal(found["both"], wanted["both"])
    off = np.abs(found["last"] - wanted["last"]).max()
    assert 0 < off < 0.05 * np.abs(wanted["last"]).max()


def test_rounding_that_nothing_computes_with_is_left_out(exact: bytes) -> None:
    """What the converter makes of spectra and tokens: to 8 bits, to another scale, and back."""
    model = opened(exact)
    (graph,) = model.subgraphs
    (joining,) = [each for each in graph.operators if kind_of(model, each) == "CONCATENATION"]
    place = int(joining.inputs[0])
    for kind, scale in (("QUANTIZE", 0.05), ("QUANTIZE", 0.07), ("DEQUANTIZE", None)):
        place = rounded(model, place, kind, scale)
    joining.inputs = np.array([place, *joining.inputs[1:]], np.int32)
    wanted, detour = answers(exact), written(model)
    assert np.abs(answers(detour)["both"] - wanted["both"]).max() > 0.01
    after = without_detours(detour)
    assert not {"QUANTIZE", "DEQUANTIZE"} & {kind for kind, _ in operations(after)}
    for name, values in answers(after).items():
        np.testing.assert_array_equal(values, wanted[name])


def rounded(model: Any, place: int, kind: str, scale: float | None) -> int:
    """Put an operation behind a tensor; the place of what comes of it, int8 of that scale or float32 of none."""
    (graph,) = model.subgraphs
    code = {name: code for code, name in builtins().items()}[kind]
    model.operatorCodes.append(schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1))
    made = copy.copy(graph.tensors[place])
    made.name, made.buffer = f"{kind} {place}".encode(), 0
    made.type = schema.TensorType.INT8 if scale else schema.TensorType.FLOAT32
    made.quantization = schema.QuantizationParametersT(scale=[scale], zeroPoint=[0]) if scale else None
    graph.tensors.append(made)
    operator = schema.OperatorT(opcodeIndex=len(model.operatorCodes) - 1)
    operator.inputs, operator.outputs = np.array([place], np.int32), np.array([len(graph.tensors) - 1], np.int32)
    before = next(k for k, each in enumerate(graph.operators) if kind_of(model, each) == "CONCATENATION")
    graph.operators.insert(before, operator)
    return len(graph.tensors) - 1


def test_layers_that_stay_exact_are_no_layers_of_many_weights(exact: bytes) -> None:
    others, alone = left_exact(exact, NONE)
    assert "CONCATENATION" in others and "CONV_2D" not in others
    assert len(alone) == 1
    _, both = left_exact(exact, "first")
    assert both == alone


def test_small_layers_are_in_eight_bits_where_there_are_no_others(
    exact: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, alone = left_exact(exact, "second")
    assert len(alone) == 1 and "second" in alone[0]
    found = opened(quantized(converter_of(saved(tmp_path_factory)), exact, EXAMPLES, "second"))
    (graph,) = found.subgraphs
    kernels = [graph.tensors[each.inputs[1]] for each in graph.operators if kind_of(found, each) == "CONV_2D"]
    assert [each.type for each in kernels] == [
        schema.TensorType.INT8,
        schema.TensorType.FLOAT32,
        schema.TensorType.INT8,
    ]
    with pytest.raises(MMZooError, match="nothing in this model that could be computed in 8 bits; choose"):
        left_exact(exact, ".")


def test_what_has_no_detours_stays_as_it_is(exact: bytes, in_eight_bits: bytes) -> None:
    for data in (exact, in_eight_bits):
        before, after = answers(data), answers(without_detours(data))
        for name, values in before.items():
            np.testing.assert_array_equal(after[name], values)
