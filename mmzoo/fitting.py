"""A table in, a trained and evaluated run out: what `mmzoo train TABLE --label L` does, and `mmzoo.fit` in Python."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmzoo.aliases import Raw
from mmzoo.auto.defaults import training_for, with_auxiliary
from mmzoo.auto.summary import described
from mmzoo.auto.within import train_within as train_within_folder
from mmzoo.baselines import Baseline
from mmzoo.data.guess import load_named
from mmzoo.data.options import Options, TableName
from mmzoo.data.records import Records
from mmzoo.data.sources import absolute, read_table
from mmzoo.errors import check_number, require
from mmzoo.recipe import Recipe
from mmzoo.run import Run
from mmzoo.spec import Spec
from mmzoo.training.claim import next_free
from mmzoo.training.settings import Training

Splits = tuple[Records, Records, Records]


def fit(
    table: Raw,
    label: str,
    *,
    minutes: float = 10.0,
    quality: str = "good",
    out: str | Path | None = None,
    inputs: Sequence[str] = (),
    settings: Sequence[str] = (),
    task: str = "",
    kinds: Mapping[str, str] | None = None,
    delimiter: str = "",
    root: str | Path = "",
    allow_outside: bool = False,
    encoding: str = "",
    group: str = "",
    stratify: bool = True,
    split_seed: int = 0,
    seed: int = 0,
    on_error: str = "error",
    budget: float = 0.01,
) -> Run:
    """Train the best of several models for a table within a time, and evaluate it: `mmzoo.fit("pets.csv", "species")`.

    The same as `mmzoo train TABLE --label L --budget-minutes N`: what the columns are is guessed, candidates are
    compared on the validation records, and the best is evaluated on the test records.

    Args:
        table: the path of a table or a folder of shards; a DataFrame of pandas or polars, an Arrow table, a mapping
            of columns or a list of rows.
        label: the column to be predicted.
        minutes: that all of it may take.
        quality: "fast", one candidate; "good", several; "best", more of them.
        out: the run's folder; the next free `runs/N` if not given. A call that was killed is gone on with.
        inputs: only these.
        settings: as `--set` has them: `["fusion=gated", "training.epochs=10"]`.
        task: what the label asks, "regression" ..., where the guess is wrong.
        kinds: what columns are, where the guess is wrong: `{"zip": "category"}`.
        delimiter: between several labels in one cell.
        root: the folder that paths in the table are relative to; its own, or for one in memory this one.
        allow_outside: paths may lead out of it.
        encoding: of the text in its file.
        group: a column; records that say the same there, such as those of one person, are in one part of the split.
        stratify: has each part of the split each class?
        split_seed: another one splits in another way.
        seed: of weights, order and augmentation.
        on_error, budget: what is done about records that cannot be used; see `mmzoo.data.faults.Faults`.

    Raises:
        MMZooError: the table cannot be read, or nothing can be learnt from it.
    """
    began = time.monotonic()
    check_number("The minutes", minutes, 1e-9, 1e7)
    options = Options(
        dict(kinds or {}), str(root), allow_outside, encoding, task, delimiter, group, stratify, split_seed
    )
    if isinstance(table, (str, Path)):
        named = TableName.parse(str(table))
        named = absolute(replace(named, label=label, options=named.options.updated(options)))
        read = None
    else:
        named = TableName("", label, options)
        read = read_table(table, root=root or None, kinds=options.kinds, allow_outside=allow_outside, encoding=encoding)
    recipe, splits = table_recipe(named, settings, table=read)
    if inputs:
        recipe = replace(recipe, spec=recipe.spec.subset(inputs))
    run, baselines = train_within(
        recipe.spec,
        splits,
        seconds=60 * minutes,
        began=began,
        training=recipe.training,
        quality=quality,
        out=out,
        data="" if read is not None else recipe.data,
        seed=seed,
        on_error=on_error,
        budget=budget,
    )
    run.evaluate(splits[2], baselines=baselines or False)
    print(f"Report: {run.folder / 'report.html'}")
    return run


def table_recipe(named: TableName, settings: Sequence[str] = (), *, table: Raw = None) -> tuple[Recipe, Splits]:
    """A recipe for a table, whose settings suit its size, and its splits; says what the columns were taken for.

    Args:
        settings: that change it, as `Recipe.changed` takes them.
        table: that was read already.
    """
    spec, splits, lines = load_named(named, table)
    print("\n".join(lines))
    spec = with_auxiliary(spec)
    return Recipe(spec, str(named), training_for(spec, len(splits[0]))).changed(settings), splits


def train_within(
    spec: Spec,
    splits: Splits,
    *,
    seconds: float,
    training: Training,
    out: str | Path | None = None,
    began: float | None = None,
    **settings: Any,
) -> tuple[Run, list[Baseline]]:
    """The best of several candidates for a spec within a time, as a run; see `mmzoo.auto.within.train_within`.

    Beside it the baselines that were fitted on the way.

    Args:
        seconds: for all of it, from `began` on, and for the evaluation after it.
        out: the run's folder; the next free `runs/N` if not given.
        began: when it was, by `time.monotonic`; now, if not given.
        settings: `quality`, `seed`, `data`, `recipe`, `on_error` and `budget`, as that has them.
    """
    gone = 0.0 if began is None else time.monotonic() - began
    print("\n".join(described(spec, training, splits)), flush=True)
    require(len(splits[1]), "Candidates are compared on validation records, and there are none; give some.")
    folder = Path(out) if out is not None else next_free(Path("runs"))
    baselines = train_within_folder(
        spec,
        splits[0],
        splits[1],
        seconds=seconds,
        gone=gone,
        later=len(splits[1]) + len(splits[2]),
        training=training,
        out=folder,
        **settings,
    )
    run = Run(folder)
    run.splits = dict(zip(("train", "validation", "test"), splits, strict=True))
    return run, baselines
