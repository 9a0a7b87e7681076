"""What a run's towers make of a few records, by which their classes are told apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.answers.given import joined
from mmzoo.answers.pieces import pieces
from mmzoo.answers.rows.answered import plain
from mmzoo.data.records import Records
from mmzoo.data.schema.options import Options
from mmzoo.errors import MMZooError, require
from mmzoo.graph.build import build
from mmzoo.graph.parts import kept_on
from mmzoo.graph.weights import named_weights
from mmzoo.inference.embed import embed
from mmzoo.tasks.classification import Classification

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal
    from mmzoo.run import Run


def based_on(old: Multimodal, task: Classification) -> Multimodal:
    """A model with the towers of another one, whose tokens are normalized and else as they are, side by side."""
    width = max(old.parts.tower_tokens(name).values.shape[-1] for name in old.spec.input_names)
    spec = replace(old.spec, tasks=[task], fusion="side_by_side", dim=max(width, 4), task_weights="fixed")
    model = build(spec, files=old.assets)
    theirs = named_weights(old)
    taken = tuple(f"{name}.tokens/" for name in spec.input_names)
    for name, weight in named_weights(model).items():
        if name in theirs and not name.startswith((*taken, f"{task.name}.")):
            weight.assign(theirs[name])
    for name in spec.input_names:
        dense = model.parts.of(name).tokens.dense
        dense.kernel.assign(np.eye(*dense.kernel.shape))
    return model


def features(run: Run, records: Records) -> np.ndarray:
    """The vectors of records by input, float32 (N, M, D); NaN where one lacks an input.

    Raises:
        MMZooError: one lacks all of them, or cannot be decoded.
    """
    names = run.spec.input_names
    task = Classification("classes_of_few_labels", ("one", "other"))
    model = kept_on(run.model, "few_labels", lambda: based_on(run.model, task))
    found = embed(model, records, inputs=names)
    vectors = np.stack([found[name] for name in names], axis=1)
    for broken in np.flatnonzero(np.isnan(vectors).all(axis=(1, 2))):
        raise MMZooError(
            f"Record '{records.ids[int(broken)]}' has none of the inputs that the model reads; leave it out."
        )
    return vectors


def task_and_column(run: Run, label: str) -> tuple[str, str]:
    """The task that is asked, and the column of a table that has its classes.

    Args:
        label: a task of the run or a column; the run's first task with classes, if empty.
    """
    layout = run.reading().layout
    named = {task.name: layout.tasks[task.name] for task in run.spec.tasks if task.tags.exclusive}
    require(label or named, "No task of the run has classes; say which column does: label='species' (--label species).")
    name = label or next(iter(named))
    if name in named:
        return name, named[name]
    from mmzoo.data.schema.names import input_names

    return next(iter(input_names([name]).values())), name


def embedded(run: Run, records: Raw, name: str, column: str, options: Options | None) -> tuple[np.ndarray, list[str]]:
    """The `features` (N, M, D) and the classes of those records that have one.

    Args:
        name: of the task, and of the classes in `Records`; `column`: of the classes in a table.

    Raises:
        MMZooError: none has one, or a record has no input.
    """
    column = name if isinstance(records, Records) and name in records.columns else column
    read = [*pieces(records, run.reading(options, own=[column]))]
    cells = [plain(value) for piece in read for value in piece.own[column]]
    rows = [k for k, value in enumerate(cells) if value is not None and str(value).strip()]
    require(rows, f"No record has a class in column '{column}'; give it to some.")
    chosen = joined(read).select(rows)
    return features(run, chosen), [str(cells[k]) for k in rows]


def some_of_each(records: Records, name: str, count: int, seed: int) -> Records:
    """At most `count` records of each class, drawn at random."""
    labels, taken = records.column(name), Counter[Raw]()
    chosen = []
    for row in np.random.default_rng(seed).permutation(len(records)).tolist():
        if labels[row] is not None and taken[labels[row]] < count:
            taken[labels[row]] += 1
            chosen.append(row)
    return records.select(sorted(chosen))
