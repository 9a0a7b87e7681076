"""Train a run on with fewer weights: a smaller file, or one that compresses."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mmzoo.choice import Method
from mmzoo.commands import runs
from mmzoo.commands.evaluate import show
from mmzoo.errors import require

EXAMPLE = "mmzoo prune runs/emoji --out runs/small --share 0.5 --channels"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--out", type=Path, required=True, help="the new run's folder")
    sub.add_argument("--share", type=float, default=0.5, help="of the weights that go (default 0.5)")
    sub.add_argument(
        "--channels", action="store_true", help="whole channels of convolutions, for a smaller and faster model"
    )
    runs.add_data(sub)
    sub.add_argument("--epochs", type=int, help="to train on for (default: as many as the run had)")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run, train
    from mmzoo.training.settings import Training
    from mmzoo.training.start import with_fewer_channels

    before = Run(args.run, data=args.data)
    require(0 < args.share < 1, f"--share is between 0 and 1, not {args.share}.")
    settings = Training.from_json(before.settings["training"])
    kept = [method for method in map(Method.of, settings.methods) if method.name != "pruning"]
    training = replace(
        settings,
        epochs=args.epochs if args.epochs is not None else settings.epochs,
        start=str(args.run),
        methods=kept if args.channels else [*kept, Method("pruning", sparsity=args.share)],
    )
    after = train(
        with_fewer_channels(before.spec, args.share) if args.channels else before.spec,
        before.records("train"),
        before.records("validation"),
        training=training,
        seed=before.settings["seed"],
        out=args.out,
        data=before.data,
        on_error=before.settings["on_error"],
        budget=before.settings["budget"],
    )
    after.splits = before.splits
    show(after, after.evaluate())
