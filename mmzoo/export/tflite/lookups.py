"""GATHER of rows of a table as EMBEDDING_LOOKUP, which ai-edge-quantizer knows: else the table stays in float32."""

from __future__ import annotations

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.export.tflite.flatbuffer import opened, written


def with_lookups(data: bytes) -> bytes:
    """The same float32 .tflite with EMBEDDING_LOOKUP wherever whole rows of a constant table are gathered."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = opened(data)
    gather = schema.BuiltinOperator.GATHER
    gathers = {place for place, code in enumerate(model.operatorCodes) if code.builtinCode == gather}
    for graph in model.subgraphs:
        users: dict[int, list[Untyped]] = {}
        for operator in graph.operators:
            for tensor in operator.inputs:
                users.setdefault(tensor, []).append(operator)

        def rows_of_a_table(operator: Untyped, graph: Untyped = graph, users: dict[int, list[Untyped]] = users) -> bool:
            if operator.opcodeIndex not in gathers:
                return False
            table, ids = (graph.tensors[k] for k in operator.inputs)
            options = operator.builtinOptions
            return bool(
                table.type == schema.TensorType.FLOAT32
                and len(table.shape) == 2
                and model.buffers[table.buffer].data is not None
                and ids.type == schema.TensorType.INT32
                and options.axis == options.batchDims == 0
                # One that something else reads too cannot be in fewer bits for the lookup alone.
                and all(user.opcodeIndex in gathers for user in users[operator.inputs[0]])
            )

        found = []
        for operator in graph.operators:
            found += looked_up(model, graph, operator) if rows_of_a_table(operator) else [operator]
        graph.operators = found
    return written(model)


def looked_up(model: Untyped, graph: Untyped, operator: Untyped) -> list[Untyped]:
    """A GATHER of rows as a lookup of a list of ids, brought to its shape before and to the output's after."""
    from tensorflow.lite.python import schema_py_generated as schema

    def code(name: str) -> int:
        wanted = getattr(schema.BuiltinOperator, name)
        for place, known in enumerate(model.operatorCodes):
            if known.builtinCode == wanted:
                return place
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = wanted
        made.version = 1
        model.operatorCodes.append(made)
        return len(model.operatorCodes) - 1

    def tensor(name: str, shape: list[int], kind: int, values: np.ndarray | None = None) -> int:
        made, buffer = schema.TensorT(), schema.BufferT()
        buffer.data = None if values is None else values.view(np.uint8)
        model.buffers.append(buffer)
        made.name, made.shape, made.type = output.name + name.encode(), np.array(shape, np.int32), kind
        made.buffer = len(model.buffers) - 1
        made.quantization = schema.QuantizationParametersT()
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operation(name: str, inputs: list[int], output: int) -> Untyped:
        made = schema.OperatorT()
        made.opcodeIndex = code(name)
        made.inputs, made.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        return made

    def reshape(before: int, after: int, name: str) -> Untyped:
        shape = graph.tensors[after].shape
        wanted = tensor(name, [len(shape)], schema.TensorType.INT32, np.array(shape, np.int32))
        return operation("RESHAPE", [before, wanted], after)

    table, ids = operator.inputs
    output = graph.tensors[operator.outputs[0]]
    count, width = int(np.prod(graph.tensors[ids].shape)), int(graph.tensors[table].shape[1])
    flat = tensor("_ids", [count], schema.TensorType.INT32)
    rows = tensor("_rows", [count, width], schema.TensorType.FLOAT32)
    return [
        reshape(ids, flat, "_ids_shape"),
        operation("EMBEDDING_LOOKUP", [flat, table], rows),
        reshape(rows, operator.outputs[0], "_shape"),
    ]
