"""A table in, a trained and evaluated run out: what `mmzoo train TABLE --label L` does, and `mmzoo.fit` in Python."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmzoo.aliases import Raw
from mmzoo.auto.candidates import TREES, boosted, with_fitted
from mmzoo.auto.defaults import training_for, with_auxiliary
from mmzoo.auto.folds import cross_validate
from mmzoo.auto.summary import described
from mmzoo.auto.within import train_within as train_within_folder
from mmzoo.baselines import Baseline
from mmzoo.choice import Tower
from mmzoo.data.guess import Loaded, Splits, load_named, without_label
from mmzoo.data.schema.options import LABEL, Options, TableName, asks_no_label, check_task, is_folder
from mmzoo.data.sources import absolute, read_table
from mmzoo.data.table import Table
from mmzoo.errors import check_number, require
from mmzoo.messages.truncation import said_once
from mmzoo.recipe import Recipe
from mmzoo.run import Run
from mmzoo.spec import Spec
from mmzoo.training.run_folder.claim import next_free
from mmzoo.training.settings import Training
from mmzoo.weights import is_run

FOLDED = 0.4  # of the time, for cross-validation where it is asked for


@said_once()
def fit(
    table: Raw,
    label: str | Sequence[str] = "",
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
    folds: int = 0,
    seed: int = 0,
    on_error: str = "error",
    budget: float = 0.01,
) -> Run:
    """Train the best of several models for a table within a time, and evaluate it: `mmzoo.fit("pets.csv", "species")`.

    The same as `mmzoo train TABLE --label L --budget-minutes N`: what the columns are is guessed, candidates are
    compared on the validation records, and the best is evaluated on the test records.

    Args:
        table: the path of a table, a folder of files or one of shards; a DataFrame of pandas or polars, an Arrow
            table, a mapping of columns or a list of rows.
        label: the column to be predicted, or several, of which each is a task; of a folder of files, if not given, the
            folders that they are in.
        minutes: that all of it may take.
        quality: "fast", one candidate, and of a table of numbers and categories boosted trees; "good", several;
            "best", more of them.
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
        folds: so many models more are trained for a cross-validation of the one that is kept, for which two fifths of
            the time are left; 0 for none. See `mmzoo.auto.folds.cross_validate`.
        seed: of weights, order and augmentation.
        on_error, budget: what is done about records that cannot be used; see `mmzoo.data.faults.Faults`.

    Raises:
        MMZooError: the table cannot be read, or nothing can be learnt from it.
    """
    began = time.monotonic()
    check_number("The minutes", minutes, 1e-9, 1e7)
    several = isinstance(label, (list, tuple)) and label and all(isinstance(each, str) for each in label)
    require(
        several or isinstance(label, str),
        f"The label is the name of a column, a text, or a list of such, and not a {type(label).__name__}.",
    )
    label = ",".join(label) if several else str(label)
    options = Options(
        dict(kinds or {}), str(root), allow_outside, encoding, task, delimiter, group, stratify, split_seed
    )
    if isinstance(table, (str, Path)):
        named = TableName.parse(str(table))
        asked = task or named.options.task
        check_task(asked)
        label = label or (LABEL if is_folder(named.path) and not asks_no_label(asked) else "")
        require(label or asks_no_label(asked), "Say what is to be predicted: label='COLUMN'.")
        named = absolute(replace(named, label=label, options=named.options.updated(options)))
        read = None
    else:
        named = TableName("", label, options)
        read = read_table(table, root=root or None, kinds=options.kinds, allow_outside=allow_outside, encoding=encoding)
    recipe, loaded = table_recipe(named, settings, table=read, folds=folds)
    splits = loaded.splits
    if inputs:
        recipe = replace(recipe, spec=recipe.spec.subset(inputs))
    run, baselines = train_within(
        recipe.spec,
        splits,
        folds=loaded.folds,
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


def table_recipe(
    named: TableName, settings: Sequence[str] = (), *, table: Table | None = None, folds: int = 0
) -> tuple[Recipe, Loaded]:
    """A recipe for a table, whose settings suit its size, and its records; says what the columns were taken for.

    Args:
        settings: that change it, as `Recipe.changed` takes them.
        table: that was read already.
        folds: so many are drawn for a cross-validation.
    """
    loaded = load_named(named, table, folds=folds)
    print("\n".join(loaded.lines))
    spec = with_auxiliary(loaded.spec)
    recipe = Recipe(spec, str(named), training_for(spec, len(loaded.splits[0])))
    if not named.label:
        # What can be asked of inputs hangs on their towers, so that these are set first.
        first = [each for each in settings if each.partition(".")[0] in spec.input_names]
        recipe, settings = recipe.changed(first), [each for each in settings if each not in first]
        (task, *_), items = recipe.spec.tasks, recipe.spec.inputs
        recipe = replace(recipe, spec=replace(recipe.spec, tasks=without_label(task.kind, task.name, items)))
    recipe = recipe.changed(settings)
    for item in recipe.spec.inputs if folds else ():
        weights = Tower.of(item.tower).options.get("weights")
        require(
            not is_run(weights),
            f"The weights of input '{item.name}' are of '{weights}', which may have learned from the records that a "
            "fold is tested on; leave out --folds, or the weights.",
        )
    return recipe, loaded


def by_default(recipe: Recipe) -> Recipe:
    """The recipe of a table as it is trained where nothing is set and no candidates are compared.

    Rows of numbers and categories alone are given to boosted trees: on most tables nothing is better, and they take
    seconds.
    """
    for each in boosted(recipe.spec, recipe.training):
        if each.name == TREES:
            return replace(recipe, spec=each.spec, training=each.training)
    return recipe


def train_within(
    spec: Spec,
    splits: Splits,
    *,
    seconds: float,
    training: Training,
    out: str | Path | None = None,
    began: float | None = None,
    folds: Sequence[Splits] = (),
    **settings: Any,
) -> tuple[Run, list[Baseline]]:
    """The best of several candidates for a spec within a time, as a run; see `mmzoo.auto.within.train_within`.

    Beside it the baselines that were fitted on the way.

    Args:
        seconds: for all of it, from `began` on, and for the evaluation after it.
        out: the run's folder; the next free `runs/N` if not given.
        began: when it was, by `time.monotonic`; now, if not given.
        folds: for a cross-validation of the one that is kept, within a share of the time.
        settings: `quality`, `seed`, `data`, `recipe`, `on_error` and `budget`, as that has them.
    """
    require(
        all(task.tags.elementwise for task in spec.tasks),
        "Candidates are compared by single numbers of their answers, which neither a retrieval nor a text nor what is "
        "rebuilt has; train it without a budget of time.",
    )
    gone = 0.0 if began is None else time.monotonic() - began
    print("\n".join(described(spec, training, splits)), flush=True)
    require(len(splits[1]), "Candidates are compared on validation records, and there are none; give some.")
    folder = Path(out) if out is not None else next_free(Path("runs"))
    for_folds = FOLDED * seconds if folds else 0.0
    baselines = train_within_folder(
        spec,
        splits[0],
        splits[1],
        seconds=seconds - for_folds,
        gone=gone,
        later=len(splits[1]) + len(splits[2]),
        training=training,
        out=folder,
        **settings,
    )
    run = Run(folder)
    run.keep_splits(splits)
    validate(run, spec, folds, for_folds)
    return run, baselines


def validate(run: Run, spec: Spec, folds: Sequence[Splits], seconds: float = math.inf) -> None:
    """Cross-validate what a run has trained, if there are folds.

    Args:
        spec: that the run began with, which is not fitted: the run's own knows the records that a fold leaves out.
    """
    if folds:
        chosen = Training.from_json(run.settings["training"])
        told = run.settings
        cross_validate(
            with_fitted(run.spec, spec),
            folds,
            training=chosen,
            folder=run.folder,
            seconds=seconds,
            seed=told["seed"],
            on_error=told["on_error"],
            budget=told["budget"],
        )
