"""What a .tflite computes with."""

from __future__ import annotations

from functools import cache


@cache
def builtins() -> dict[int, str]:
    """The names of TFLite's builtin operations by their codes."""
    from tensorflow.lite.python import schema_py_generated as schema

    return {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def operations(data: bytes) -> list[tuple[str, str]]:
    """Each operation of a .tflite as (builtin's name, name of its first output)."""
    from tensorflow.lite.python import schema_py_generated as schema

    names = builtins()
    model = schema.Model.GetRootAs(data, 0)
    codes = [model.OperatorCodes(k) for k in range(model.OperatorCodesLength())]
    # Files for old readers hold a small code in its former field.
    builtin = [names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in codes]
    found = []
    for graph in (model.Subgraphs(k) for k in range(model.SubgraphsLength())):
        for operator in (graph.Operators(k) for k in range(graph.OperatorsLength())):
            output = graph.Tensors(operator.Outputs(0)).Name() if operator.OutputsLength() else b""
            found.append((builtin[operator.OpcodeIndex()], output.decode()))
    return found
