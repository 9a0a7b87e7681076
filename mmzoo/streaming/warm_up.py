"""The first records of a stream, which say what it is: the spec, its columns and how it is trained."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mmzoo.auto.defaults import training_for, with_auxiliary
from mmzoo.data.faults import Faults, usable
from mmzoo.data.guess import explained_spec
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options
from mmzoo.data.streams.arriving import Arrived
from mmzoo.data.tables.cells import Cells, check_names, in_columns
from mmzoo.data.tables.reading import table_of
from mmzoo.errors import DataError, require
from mmzoo.recipe import Recipe
from mmzoo.spec import Spec
from mmzoo.training.settings import Training, check_settings
from mmzoo.training.streaming.loop import TELL_SECONDS

LIKE = 500
"""A stream is trained as a table of at least so many records: a short warm-up is no short stream."""


def first_of(arriving: Iterable[Arrived | None], count: int) -> list[Arrived]:
    """So many records, or all; whoever waits for them is told how many there are."""
    first: list[Arrived] = []
    told = time.monotonic()
    for each in arriving:
        if each is not None:
            first.append(each)
        if len(first) == count:
            break
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            print(f"{len(first):,} of the first {count:,} records are here.", flush=True)
    return first


def warmed_up(
    first: Sequence[Arrived],
    label: str,
    spec: Spec | None,
    options: Options,
    steps: int,
    settings: Sequence[str],
    on_error: str,
    budget: float,
) -> tuple[Spec, Layout, Training]:
    """A fitted spec, its columns and the settings of its training, from the first records."""
    if spec is None:
        table = table_of(
            cells_of(first), options.root or Path(), kinds=options.kinds, allow_outside=options.allow_outside
        )
        spec, records, lines = explained_spec(table, label, task=options.task, delimiter=options.delimiter)
        print("\n".join(lines))
        spec, layout = with_auxiliary(spec), records.layout
        assert layout is not None
    else:
        layout = Layout.of(spec.inputs, spec.tasks)
        rows, places = [each.row for each in first], [each.place for each in first]
        records = Reread(spec, layout, options, labels=True).piece(rows, places, "The stream").records
    usual, schedule = training_for(spec, max(len(first), LIKE)), "cosine" if steps else "constant"
    training = replace(usual, epochs=1, patience=0, ema_decay=0.0, schedule=schedule)
    recipe = Recipe(spec, "", training).changed(settings)
    check(recipe.spec, recipe.training, steps)
    faults = Faults(on_error, max(budget, 0.1))  # the stream itself has the budget; too few came yet
    return recipe.spec.fit(usable(recipe.spec, records, faults, "warm-up")), layout, recipe.training


def check(spec: Spec, training: Training, steps: int) -> None:
    """Raise where something is asked for that a stream does not have."""
    check_settings(spec, training)
    others = [task.name for task in spec.tasks if task.target != "label"]
    require(not others, f"A stream is learnt from its labels, but task '{''.join(others[:1])}' has none; leave it out.")
    require(not training.methods, "On a stream there is no other method than replay; leave 'training.methods' out.")
    fits = training.schedule == "constant" or (steps and training.schedule == "cosine")
    require(fits, "The rate of a stream stays, or falls as a cosine over its --steps; set training.schedule so.")
    require(training.balance == "none", "How often a class will come is not known of a stream; leave 'balance' out.")


def cells_of(first: Sequence[Arrived]) -> Cells:
    """The first records as a table."""
    names = list(dict.fromkeys(key for each in first if isinstance(each.row, dict) for key in each.row))
    check_names("The stream", names)
    rows = [each.row if isinstance(each.row, DataError) else [each.row.get(name) for name in names] for each in first]
    return Cells("The stream", in_columns("The stream", names, rows), [each.place for each in first])
