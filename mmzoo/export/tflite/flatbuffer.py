"""A .tflite in less room: what its tables hold twice stands in it once. Nothing that it computes changes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import flatbuffers
import numpy as np

from mmzoo.aliases import Untyped

ALIGNMENT = 16
"""Of the weights, as TensorFlow's schema.fbs asks for it."""


def deduplicated(data: bytes) -> bytes:
    """The same .tflite with equal vectors once and every buffer inside the tables.

    In 8 bits each channel has a zero point of 8 bytes, nearly always 0: of "int8" these zeros are a thirtieth. A
    tensor that the converter made of several keeps the first one's name.
    """
    model = opened(data)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = tensor.name.split(b";")[0]
    return written(model)


def restored(data: bytes, exact: bytes, outputs: str) -> bytes:
    """The .tflite `data` with the weights of some operations in float32, as in `exact`, the same model's.

    The converter leaves no weights out of "dynamic", and in 8 bits a spectrum is lost.

    Args:
        outputs: a pattern that finds the names of those operations' outputs.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    made, plain = opened(data), opened(exact)

    def found() -> Iterator[tuple[Untyped, Untyped]]:
        """Each weight in 8 bits, and the same in the exact model."""
        (graph,), (other,) = made.subgraphs, plain.subgraphs
        known = {other.tensors[operator.outputs[0]].name: operator for operator in other.operators}
        for operator in graph.operators:
            name = graph.tensors[operator.outputs[0]].name
            if name in known and re.search(outputs, name.decode()):
                # A bias that is not there is left out by the one and is -1 for the other.
                for place, source in zip(operator.inputs, known[name].inputs, strict=False):
                    if place >= 0 and graph.tensors[place].type == schema.TensorType.INT8:
                        yield graph.tensors[place], other.tensors[source]

    for tensor, source in found():
        tensor.type, tensor.quantization = source.type, source.quantization
        made.buffers[tensor.buffer].data = plain.buffers[source.buffer].data
    return written(made)


def opened(data: bytes) -> Untyped:
    """A .tflite as a `ModelT` of TensorFlow's schema, to be changed and `written`.

    ai-edge-quantizer puts large buffers behind the tables, by their places in the file, which change: they are brought
    inside.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    for buffer in model.buffers or []:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def written(model: Untyped) -> bytes:
    """A `ModelT` of TensorFlow's schema as a file."""
    builder = Sharing(2**20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class Sharing(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors and equal strings once; all that need them point there, as the format allows."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.known: dict[tuple[str, int, bytes] | str | bytes, int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802, the base class's name
        key = (x.dtype.str, x.size, hashlib.sha256(x.tobytes()).digest())
        if key not in self.known:
            # Only the contents of buffers are bytes; the base class aligns by the type alone.
            self.Prep(ALIGNMENT if x.dtype == np.uint8 else x.itemsize, x.nbytes)
            self.known[key] = super().CreateNumpyVector(x)
        return self.known[key]

    def CreateString(self, s: str | bytes, *args: object, **options: object) -> int:  # noqa: N802, the base class's name
        if s not in self.known:
            self.known[s] = super().CreateString(s, *args, **options)
        return self.known[s]
