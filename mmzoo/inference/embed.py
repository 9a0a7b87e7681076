"""The vectors of records: what a model with a retrieval task makes of each input by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.data.examples import Examples
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.graph.parts import kept_on
from mmzoo.inference.running import BATCH, compiled
from mmzoo.names import single_output
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def embed(
    model: Multimodal, spec: Spec, records: Records, *, task: str = "", inputs: Any = None
) -> dict[str, np.ndarray]:
    """The vectors of records by input, float32 (N, dim) of length 1; rows of NaN where a record lacks the input.

    Of each input only its own tower runs, on the records that have it.

    Args:
        records: may lack columns.
        task: of several that give vectors, the name of one; the first, if not given.
        inputs: those whose vectors are wanted; all that the records have a column of, if not given.

    Raises:
        MMZooError: the model gives no vectors, or has no such input; or a record cannot be decoded.
    """
    asked = embedding_task(spec, task)
    of = inputs_of(asked)
    for name in inputs or ():
        if name not in of:
            raise unknown("input with vectors called", name, of)
    wanted = [name for name in of if (name in inputs if inputs is not None else name in records.columns)]
    require(wanted, f"The records have none of the inputs that the model gives vectors of: {', '.join(of)}.")
    return {name: _vectors(model, asked, name, records) for name in wanted}


def embedding_task(spec: Spec, name: str = "") -> Task:
    """The task of a spec that gives vectors.

    Raises:
        MMZooError: there is none.
    """
    found = {task.name: task for task in spec.tasks if task.target == "batch"}
    require(
        found,
        "The model gives no vectors, since none of its tasks is a retrieval; train one with mmzoo.Retrieval('match'), "
        "or mmzoo train TABLE --task retrieval.",
    )
    if name and name not in found:
        raise unknown("task that gives vectors called", name, found)
    return found[name] if name else next(iter(found.values()))


def inputs_of(task: Task) -> tuple[str, ...]:
    """The inputs that a task gives vectors of."""
    return tuple(task.describe()["vectors"])


def encoder(model: Multimodal, task: Task, name: str) -> keras.Model:
    """From one input, `{name: (B, ...), "present": bool (B, M)}`, to its vector: `{name: float32 (B, dim)}`."""
    return kept_on(
        model,
        ("encoder", task.name, name),
        lambda: model.parts.cut(
            {key: model.input[key] for key in (name, "present")}, {name: model.output[single_output(task.name, name)]}
        ),
    )


def _vectors(model: Multimodal, task: Task, name: str, records: Records) -> np.ndarray:
    """The vectors (N, dim) of one input."""
    spec: Spec = model.spec
    item = spec.inputs[spec.input_names.index(name)]
    examples = Examples(item, records.columns.get(name, [None] * len(records)), records.ids)
    rows = np.flatnonzero(examples.there)
    found = np.full((len(records), task.units), np.nan, np.float32)
    present = np.tile(np.array(spec.input_names) == name, (BATCH, 1))
    call = compiled(encoder(model, task, name))
    for start in tqdm(range(0, len(rows), BATCH), f"vectors of {name}", disable=None, leave=False, delay=1.0):
        chosen = rows[start : start + BATCH]
        given = {name: tf.constant(examples[chosen]), "present": tf.constant(present[: len(chosen)])}
        found[chosen] = call(given)[name].numpy()
    broken = rows[~np.isfinite(found[rows]).all(axis=1)]
    if len(broken):
        raise MMZooError(
            f"The vector of '{name}' of record '{records.ids[broken[0]]}' is not finite; train the model again, with a "
            "lower learning rate."
        )
    found[~found.any(axis=1)] = np.nan  # a silent sound, a text without words
    return found
