"""Train a recipe into a run folder."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.commands import recipes, tables
from mmzoo.commands.evaluate import show
from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.baselines import Baseline
    from mmzoo.data.records import Records
    from mmzoo.run import Run

EXAMPLE = (
    "mmzoo train emoji --out runs/emoji --epochs 5; on photos/CLASS/FILE: mmzoo train photos; on what never ends: "
    "tail -n +1 -f events.jsonl | mmzoo train - --label species --stream --out runs/live"
)


def add(sub: argparse.ArgumentParser) -> None:
    recipes.add(sub)
    sub.add_argument(
        "--out",
        type=Path,
        help="the run's folder; an unfinished run in it is gone on with (default: the next free runs/N)",
    )
    sub.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (default 0)")
    sub.add_argument("--epochs", type=int, help="short for --set training.epochs=N")
    sub.add_argument(
        "--budget-minutes",
        type=float,
        metavar="N",
        help="try several candidates within so many minutes, and keep the best on the validation records",
    )
    sub.add_argument(
        "--quality",
        choices=["fast", "good", "best"],
        help="with --budget-minutes: how many candidates there are (default good)",
    )
    sub.add_argument(
        "--folds",
        type=int,
        default=0,
        metavar="K",
        help="of a table: train K models more for a cross-validation of the one that is kept",
    )
    tables.add_faults(sub)
    sub.add_argument(
        "--strategy",
        choices=["auto", "one", "mirrored", "workers", "tpu"],
        default="auto",
        help="where to compute: one device, all GPUs, the machines in TF_CONFIG, a TPU (default: what is there)",
    )
    sub.add_argument("--tpu", default="", metavar="NAME", help='with --strategy tpu: its name or address, or "local"')
    sub.add_argument("--workers", type=int, metavar="N", help="start N workers on this machine, for a try")
    sub.add_argument(
        "--public",
        action="store_true",
        help="workers may listen where others reach them, and run any graph: in a network that you trust",
    )
    sub.add_argument("--teacher", metavar="RUN", help="learn from a trained run too (the method distillation)")
    sub.add_argument("--service", default="", metavar="grpc://HOST:PORT", help="a tf.data service that decodes shards")
    add_stream(sub)
    sub.add_argument("--limit", type=int, metavar="N", help="use only the first N records of each split, for a try")


def add_stream(sub: argparse.ArgumentParser) -> None:
    """How a stream is learnt from: the arguments of `mmzoo.stream`."""
    group = sub.add_argument_group("of a stream")
    group.add_argument(
        "--stream",
        action="store_true",
        help="learn once from each record as it comes: of a folder of .jsonl and .csv files that grow, in the order of "
        "their names; of one such file; of a topic (kafka://HOST:PORT/TOPIC); or of JSON lines on standard input (-), "
        "which are given again from the first to go on",
    )
    group.add_argument(
        "--warm-up", type=int, default=500, metavar="N", help="first records, which say what there is (default 500)"
    )
    group.add_argument("--steps", type=int, default=0, metavar="N", help="end after N steps (default: with the stream)")
    group.add_argument(
        "--replay", type=int, default=1000, metavar="N", help="records of the past that are kept (default 1000)"
    )
    group.add_argument(
        "--replay-share", type=float, default=0.5, metavar="S", help="share of a batch drawn from these (default 0.5)"
    )
    group.add_argument(
        "--every", type=int, default=1000, metavar="N", help="records between two rows of the history (default 1000)"
    )
    group.add_argument(
        "--new-classes",
        choices=["ignore", "stop", "grow"],
        default="ignore",
        help="of a label that the warm-up does not have: named once and not learnt (default); the end; or, beside the "
        "model, one in OUT/grown that has it too, by a few records of each class",
    )
    group.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="S",
        help="a folder or a topic ends after so many seconds without anything new (default 0)",
    )


def run(args: argparse.Namespace) -> None:
    from mmzoo.training.distribution.strategy import is_chief, strategy_of, worker_count
    from mmzoo.training.run_folder.claim import next_free

    if args.out is None:
        require(not (args.workers or worker_count()), "Several workers need one folder for all; give --out.")
        args.out = next_free(Path("runs"))
        print(f"run: {args.out} (after a stop, the same command with --out {args.out} goes on with it)")
    if args.stream:
        train_stream(args)
        return
    if args.workers is not None and not worker_count():
        from mmzoo.network import is_reachable, run_privately
        from mmzoo.training.distribution.workers import start_workers

        command = [sys.executable, "-m", "mmzoo.cli", *sys.argv[1:]]
        if is_reachable() and not args.public:
            run_privately(command)
        sys.exit(start_workers(command, args.workers, args.out, public=args.public))
    check_one_process(args)
    # Before anything is computed: workers could not be joined later.
    with strategy_of(args.strategy, args.tpu, public=args.public).scope():
        chief = is_chief()
        run, test, baselines = trained(args)
    if chief:
        show(run.results, run.evaluate(test, baselines=baselines or False))


def train_stream(args: argparse.Namespace) -> None:
    """Train on records as they come."""
    from mmzoo.streaming import stream

    others = (args.epochs, args.budget_minutes, args.workers, args.limit, args.teacher, args.inputs)
    alone = args.strategy in ("auto", "one") and not args.service and not args.folds
    require(
        alone and all(each is None for each in others),
        "A stream has no epochs, folds, limit, inputs or teacher, and is learnt on one device; leave that out.",
    )
    require(args.label, "Say what is to be predicted: --label COLUMN.")
    named = tables.named("", args)
    stream(
        args.recipe,
        args.label,
        out=args.out,
        warm_up=args.warm_up,
        steps=args.steps,
        replay=args.replay,
        replay_share=args.replay_share,
        every=args.every,
        new_classes=args.new_classes,
        wait=args.wait,
        settings=args.set,
        options=named.options,
        seed=args.seed,
        on_error=args.on_error,
        budget=args.budget,
    )


def check_one_process(args: argparse.Namespace) -> None:
    """Raise unless what goes with a budget of time is asked for with one."""
    timed = args.budget_minutes is not None
    require(timed or args.quality is None, "--quality says how a time is used; give --budget-minutes too.")
    require(
        not timed or (args.strategy in ("auto", "one") and not args.service and "TF_CONFIG" not in os.environ),
        "--budget-minutes tries candidates on one device; leave out --workers, --strategy and --service.",
    )
    require(not timed or args.budget_minutes > 0, "--budget-minutes must be above 0.")
    require(
        not args.folds or (args.strategy in ("auto", "one") and not args.service and "TF_CONFIG" not in os.environ),
        "--folds are trained on one device; leave out --workers, --strategy and --service.",
    )
    require(not args.folds or args.limit is None, "--folds are drawn from all records; leave out --limit.")


def is_steered(args: argparse.Namespace) -> bool:
    """Is it said how to train, or are several candidates compared?"""
    said = args.set or args.teacher or args.service or args.workers or "TF_CONFIG" in os.environ
    return bool(said or args.epochs is not None or args.budget_minutes is not None or args.strategy != "auto")


def trained(args: argparse.Namespace) -> tuple[Run, Records, list[Baseline]]:
    """The run that was asked for, trained, the records to test it on, and baselines that were fitted on the way."""
    from mmzoo import datasets
    from mmzoo.auto.summary import described
    from mmzoo.fitting import by_default, train_within, validate
    from mmzoo.recipe import find_recipe
    from mmzoo.run.training import train as train_run

    began = time.monotonic()
    recipe, loaded = recipes.recipe_and_table(args)
    if recipes.is_table(args) and not is_steered(args):
        recipe = by_default(recipe)
    splits, folds = (loaded.splits, loaded.folds) if loaded else (datasets.load(recipe.data), ())
    whole = splits
    if args.limit is not None:
        require(args.limit >= 1, f"--limit must be at least 1, not {args.limit}.")
        splits = splits[0].take(args.limit), splits[1].take(args.limit), splits[2].take(args.limit)
    records, validation, test = splits
    shared = {
        "training": recipe.training,
        "seed": args.seed,
        "out": args.out,
        "data": recipe.data,
        "recipe": None if recipes.is_table(args) else find_recipe(args.recipe),
        "on_error": args.on_error,
        "budget": args.budget,
    }
    baselines: list[Baseline] = []
    if args.budget_minutes is None:
        print("\n".join(described(recipe.spec, recipe.training, splits)), flush=True)
        run = train_run(recipe.spec, records, validation, service=args.service, **shared)
        validate(run, recipe.spec, folds)
    else:
        shared |= {"seconds": 60 * args.budget_minutes, "quality": args.quality or "good", "began": began}
        run, baselines = train_within(recipe.spec, splits, folds=folds, **shared)
    run.keep_splits(whole)  # a table is not read again for the evaluation
    return run, test, baselines
