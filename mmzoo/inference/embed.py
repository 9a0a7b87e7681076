"""The vectors of records: what a model makes of each input by itself, and of all of them together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, cast

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mmzoo.aliases import Tensor
from mmzoo.choice import Fusion
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.fusions import fusions
from mmzoo.graph.parts import kept_on
from mmzoo.inference.asked import asked_task
from mmzoo.inference.running import BATCH, compiled
from mmzoo.names import FUSED, single_output
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tokens import masked_mean

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


TOWERS: Literal["towers"] = "towers"
"""In place of a task: the vectors are what the towers put out."""

Asked = Task | Literal["towers"] | None
"""A retrieval, whose vectors can be compared; `TOWERS`; or None, for what the fusion takes and the heads read."""


def embed(
    model: Multimodal,
    records: Records,
    *,
    task: str = "",
    inputs: Sequence[str] | None = None,
    towers: bool = False,
) -> dict[str, np.ndarray]:
    """The vectors of records by input, float32 (N, D); rows of NaN where a record lacks the input.

    - Of a model with a retrieval task they are what that compares, all of one width and of length 1.
    - Of any other they are features: of an input the mean over its real tokens as the fusion takes them, (N, dim), and
      as "fused" what the heads read of all the inputs that a record has. A fusion that joins answers has none of that.

    Of a single input only its own tower runs, on the records that have it.

    Args:
        records: may lack columns.
        task: of several retrievals, the name of one; the first, if not given.
        inputs: those whose vectors are wanted, "fused" among them; if not given all that the records have a column of,
            and "fused" where no task is a retrieval.
        towers: in place of all that, of each input the mean over the real tokens as its tower puts them out, before
            they are taken to the width of the fusion: of a pretrained tower that was not trained, what it came with.

    Raises:
        MMZooError: the model has no such input, the records have none of them, or one cannot be decoded.
    """
    spec: Spec = model.spec
    asked: Asked = TOWERS if towers else retrieval(spec, task)
    names = vector_names(model, asked, inputs, records.columns)
    columns = {
        item.name: Examples(item, records.columns.get(item.name, [None] * len(records)), records.ids)
        for item in spec.inputs
        if item.name in names or FUSED in names
    }
    nothing = np.zeros(len(records), bool)
    present = np.stack([columns[name].there if name in columns else nothing for name in spec.input_names], axis=1)
    return vectors(model, asked, names, columns, present, records.ids)


def retrieval(spec: Spec, name: str = "") -> Task | None:
    """The task whose vectors a model is asked for: the retrieval of that name or the first, None where there is none.

    Raises:
        MMZooError: there is none of that name.
    """
    return embedding_task(spec, name) if name or any(task.target == "batch" for task in spec.tasks) else None


def embedding_task(spec: Spec, name: str = "") -> Task:
    """The task of a spec whose vectors can be compared.

    Raises:
        MMZooError: there is none.
    """
    none = (
        "The model gives no vectors to compare, since none of its tasks is a retrieval; train one with "
        "mmzoo.Retrieval('match'), or mmzoo train TABLE --task retrieval."
    )
    return asked_task(spec, name, lambda task: task.target == "batch", what="task that gives vectors", none=none)


def inputs_of(task: Task) -> tuple[str, ...]:
    """The inputs that a retrieval gives vectors of."""
    return tuple(cast("Sequence[str]", task.describe()["vectors"]))


def vector_names(
    model: Multimodal, task: Asked, inputs: Sequence[str] | None = None, there: Collection[str] | None = None
) -> tuple[str, ...]:
    """What vectors are wanted of: names of inputs, and `FUSED`.

    Args:
        task: the retrieval, if there is one, see `Asked`.
        inputs: what is asked for; the usual ones, if not given.
        there: of the usual ones only these inputs.

    Raises:
        MMZooError: the model has no such input, or none is left.
    """
    single = inputs_of(task) if isinstance(task, Task) else tuple(model.spec.input_names)
    fuses = model.parts.embedding is not None and task != TOWERS
    for name in inputs or ():
        require(name != FUSED or fuses or task == TOWERS, f"{none_of_all(model.spec)}; leave '{FUSED}' out.")
        if name not in (there_are := (*single, FUSED) if fuses else single):
            raise unknown("input with vectors called", name, there_are)
    if inputs is not None:
        found = tuple(name for name in (*single, FUSED) if name in inputs)
    else:
        found = tuple(name for name in single if there is None or name in there)
        found += (FUSED,) if fuses and task is None and found else ()
    require(found, f"The records have none of the inputs that the model gives vectors of: {', '.join(single)}.")
    return found


def none_of_all(spec: Spec) -> str:
    """Why a model has no vector of all inputs together, in words."""
    name = Fusion.of(spec.fusion).name
    if fusions.facts(name)["level"] == "decision":
        return f"The fusion '{name}' joins answers and makes no vector of all inputs together, as that of features does"
    alone = " and ".join(f"'{task.name}' ({task.kind})" for task in spec.tasks)
    return f"The model gives each input a vector of its own and none of all together, which {alone} does not need"


def encoder(model: Multimodal, task: Asked, names: Sequence[str]) -> keras.Model:
    """From inputs, `{name: (B, ...), "present": bool (B, M)}`, to their vectors: `{name: float32 (B, D)}`.

    A vector of an input that is not there is zeros.

    Args:
        task: whose vectors are meant, see `Asked`.
        names: of inputs, or `FUSED`, which reads all of the model's.
    """
    read = tuple(model.spec.input_names) if FUSED in names else tuple(names)

    def cut() -> keras.Model:
        given = {key: model.input[key] for key in (*read, "present")}
        return model.parts.cut(given, {name: _vector(model, task, name) for name in names})

    return kept_on(model, ("encoder", task.name if isinstance(task, Task) else task, tuple(names)), cut)


def _vector(model: Multimodal, task: Asked, name: str) -> Tensor:
    """A symbolic vector (B, D)."""
    parts = model.parts
    if name == FUSED:
        here, vector = keras.ops.any(parts.present, axis=1), parts.embedding
    elif isinstance(task, Task):
        return model.output[single_output(task.name, name)]
    else:
        tokens = parts.tower_tokens(name) if task == TOWERS else parts.tokens(name)
        here, vector = parts.output(parts.of(name).is_present), masked_mean(*tokens)
    return keras.ops.where(here[:, None], keras.ops.cast(vector, "float32"), 0.0)


class Rows(Protocol):
    """An array, or what reads some of its rows when they are asked for."""

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray: ...


def vectors(
    model: Multimodal,
    task: Asked,
    names: Sequence[str],
    columns: Mapping[str, Rows],
    present: np.ndarray,
    ids: Sequence[str],
) -> dict[str, np.ndarray]:
    """The vectors (N, D) of examples, with a bar where it takes longer; NaN where there is none.

    Args:
        task, names: as `encoder` takes them.
        columns: by input, the decoded examples (N, *shape), or what gives an array of some rows.
        present: bool (N, M), the inputs that each has.
        ids: what the records are called.

    Raises:
        MMZooError: a vector is not finite.
    """
    found: dict[str, np.ndarray] = {}
    for group in _groups(names):
        model_of = encoder(model, task, group)
        read = [name for name in model.spec.input_names if name in model_of.input]
        here = present & np.isin(model.spec.input_names, read)
        rows = np.flatnonzero(here.any(axis=1))
        for name in group:
            found[name] = np.full((len(present), model_of.output[name].shape[-1]), np.nan, np.float32)
        call = compiled(model_of)
        said = f"vectors of {', '.join(group)}"
        for start in tqdm(range(0, len(rows), BATCH), said, disable=None, leave=False, delay=1.0):
            chosen = rows[start : start + BATCH]
            given = {name: tf.constant(columns[name][chosen]) for name in read}
            for name, values in call({**given, "present": tf.constant(here[chosen])}).items():
                found[name][chosen] = values.numpy()
        for name in group:
            _check(name, found[name], rows, ids)
            found[name][~found[name].any(axis=1)] = np.nan  # a silent sound, a text without words
    return {name: found[name] for name in names}


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The vectors that are computed at once: every tower runs once, and none on records without its input."""
    if FUSED in names:
        yield tuple(names)
    else:
        yield from ((name,) for name in names)


def _check(name: str, found: np.ndarray, rows: np.ndarray, ids: Sequence[str]) -> None:
    broken = rows[~np.isfinite(found[rows]).all(axis=1)]
    if len(broken):
        raise MMZooError(
            f"The vector of '{name}' of record '{ids[broken[0]]}' is not finite; train the model again, with a lower "
            "learning rate."
        )
