"""One record through a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.records import Records, decode
from mmzoo.errors import require
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def predict(model: Multimodal, record: Mapping[str, Raw]) -> dict[str, Any]:
    """One record through a model: by task, `{label: probability}`, the numbers of a regression, or a text."""
    spec: Spec = model.spec
    outputs = run_model(model, inputs_of(spec, record))
    answers = to_predictions(spec, outputs)
    found: dict[str, object] = {task.name: task.readable(answers[task.name][0]) for task in spec.tasks}
    for task in spec.tasks:
        if (uncertainty := task.uncertainty(outputs[task.name])) is not None:
            found[task.uncertainty_name] = [float(np.asarray(uncertainty)[0, 0])]
    return found


def named_inputs(spec: Spec) -> str:
    """The inputs, and of which columns each is made."""
    columns = {item.name: ", ".join(getattr(item, "columns", ())) for item in spec.inputs}
    return ", ".join(f"{name} (of {made})" if made else name for name, made in columns.items())


def inputs_of(spec: Spec, record: Mapping[str, Raw]) -> dict[str, np.ndarray]:
    """One record as what the model takes, a batch of one.

    Raises:
        MMZooError: there is no such input, none is given, or one cannot be decoded.
    """
    for name in record:
        require(name in spec.input_names, f"The model has no input '{name}'; it has: {named_inputs(spec)}.")
    require(record, f"Give at least one of the inputs: {', '.join(spec.input_names)}.")
    return decode(spec, Records({name: [record.get(name)] for name in spec.input_names}, ["input"]))
