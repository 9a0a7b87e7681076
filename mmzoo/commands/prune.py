"""Train a run on with fewer weights: a smaller file, or one that compresses."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mmzoo.choice import Method
from mmzoo.commands import runs
from mmzoo.commands.evaluate import show
from mmzoo.errors import require

EXAMPLE = "mmzoo prune runs/emoji --out runs/small --sparsity 0.5 --channels"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    sub.add_argument("--out", type=Path, required=True, help="the new run's folder")
    sub.add_argument("--sparsity", type=float, default=0.5, help="of the weights that go (default 0.5)")
    sub.add_argument(
        "--channels", action="store_true", help="whole channels of convolutions, for a smaller and faster model"
    )
    runs.add_data(sub)
    sub.add_argument("--epochs", type=int, help="to train on for (default: as many as the run had)")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run
    from mmzoo.run.training import train
    from mmzoo.training.model.init_from import with_fewer_channels
    from mmzoo.training.settings import Training

    before = Run(args.run, data=args.data)
    require(0 < args.sparsity < 1, f"--sparsity is between 0 and 1, not {args.sparsity}.")
    settings = Training.from_json(before.settings["training"])
    kept = [method for method in map(Method.of, settings.methods) if method.name != "pruning"]
    training = replace(
        settings,
        epochs=args.epochs if args.epochs is not None else settings.epochs,
        init_from=str(args.run),
        methods=kept if args.channels else [*kept, Method("pruning", sparsity=args.sparsity)],
    )
    after = train(
        with_fewer_channels(before.spec, args.sparsity) if args.channels else before.spec,
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
    show(after.results, after.evaluate())
