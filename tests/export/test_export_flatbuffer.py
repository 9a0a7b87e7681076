"""A .tflite in less room, and one with its tables in 4 bits: the same answers, the weights where they belong."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python import schema_py_generated as schema

import mmzoo
from mmzoo.data.records import decode
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted, in_four_bits, inside
from mmzoo.export.tflite.embedded import attach
from mmzoo.export.tflite.flatbuffer import deduplicated, opened, restored
from mmzoo.export.tflite.lookups import with_lookups
from mmzoo.export.tflite.measure import as_tensors
from mmzoo.export.tflite.operations import operations
from tests.conftest import small_records, small_spec

SPEC = small_spec()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("model")
    Serving(mmzoo.build(SPEC), batch=1).save(folder, "serve_tensors")
    return folder


@cache
def once_converted(folder: str, variant: str = "fp32") -> bytes:
    return converted(folder, variant)


def answers(data: bytes) -> np.ndarray:
    run = Interpreter(model_content=data).get_signature_runner("serving_default")
    batch = as_tensors(decode(SPEC, small_records(4)))
    found = [run(**{name: value[row : row + 1] for name, value in batch.items()})["animal"][0] for row in range(4)]
    return np.array(found)


def tensors(data: bytes) -> list[Any]:
    return list(opened(data).subgraphs[0].tensors)


@pytest.mark.long
@pytest.mark.parametrize("variant", ["fp32", "dynamic"])
def test_less_room_and_the_same_bits(folder: Path, variant: str) -> None:
    before = once_converted(str(folder), variant)
    after = deduplicated(before)
    assert len(after) < len(before)
    assert deduplicated(after) == after
    np.testing.assert_array_equal(answers(after), answers(before))
    for old, new in zip(tensors(before), tensors(after), strict=True):
        assert old.name.split(b";")[0] == new.name
        assert (old.type, list(old.shape)) == (new.type, list(new.shape))


def test_weights_stay_aligned(folder: Path) -> None:
    data = np.frombuffer(attach(deduplicated(once_converted(str(folder), "dynamic")), {"inputs": []}), np.uint8)
    model = schema.Model.GetRootAs(data.tobytes(), 0)
    start = np.frombuffer(model._tab.Bytes, np.uint8).ctypes.data
    found = [model.Buffers(k).DataAsNumpy() for k in range(model.BuffersLength())]
    places = [array.ctypes.data - start for array in found if isinstance(array, np.ndarray)]
    assert len(places) > 10
    assert not any(place % 16 for place in places)


def test_a_spectrum_stays_in_float32(folder: Path) -> None:
    exact, before = once_converted(str(folder)), once_converted(str(folder), "dynamic")
    after = restored(before, exact, inside(["sound.frozen_features"]))

    def kinds(data: bytes) -> set[int]:
        return {tensor.type for tensor in tensors(data) if list(tensor.shape) == [63, 64]}  # cosines and sines

    assert kinds(before) == {schema.TensorType.INT8}
    assert kinds(after) == kinds(exact) == {schema.TensorType.FLOAT32}
    wanted = answers(exact)
    assert np.abs(answers(after) - wanted).max() < 0.5 * np.abs(answers(before) - wanted).max()


def test_rows_are_looked_up(folder: Path) -> None:
    before = once_converted(str(folder))
    after = with_lookups(before)
    assert [op for op, _ in operations(after)].count("EMBEDDING_LOOKUP") == 1
    np.testing.assert_array_equal(answers(after), answers(before))


def test_a_table_that_something_else_reads_too_is_gathered_as_before() -> None:
    table = tf.constant(np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec((1, 3), tf.int32)])
    def tied(ids: Any) -> Any:
        return tf.matmul(tf.gather(table, ids), table, transpose_b=True) + tf.reduce_sum(table[ids[0, 0]])

    data = tf.lite.TFLiteConverter.from_concrete_functions([tied.get_concrete_function()], tied).convert()
    names = [op for op, _ in operations(data)]
    assert "GATHER" in names
    assert [op for op, _ in operations(with_lookups(data))] == names


def test_a_table_in_four_bits(folder: Path) -> None:
    pytest.importorskip("ai_edge_quantizer", reason="needs: pip install 'mmzoo[edge]'")
    before = once_converted(str(folder))
    after = deduplicated(in_four_bits(before, ["sound.frozen_features"]))
    (table,) = [tensor for tensor in tensors(after) if list(tensor.shape) == [65, 8]]
    assert table.type == schema.TensorType.INT4
    np.testing.assert_allclose(answers(after), answers(before), atol=0.1)
