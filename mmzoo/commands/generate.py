"""Draw pictures for one record, such as a text, by a GAN or a VAE."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from mmzoo.commands import records, tables
from mmzoo.errors import require

EXAMPLE = 'mmzoo generate runs/pictures --text "a red car" --count 16 --seed 0 --png grid.png'

ALIKE = 0.02  # of what training pictures differ


def add(sub: argparse.ArgumentParser) -> None:
    records.add(sub)
    sub.add_argument("--count", type=int, default=16, metavar="N", help="how many (default 16)")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="another one gives others (default 0)")
    sub.add_argument("--task", default="", help="of several that rebuild an input, which one")
    sub.add_argument("--png", type=Path, required=True, metavar="FILE", help="all of them in one picture")


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from mmzoo.files import write_file
    from mmzoo.inference.generate import rebuilding_task
    from mmzoo.modalities.shown import grid, png
    from mmzoo.run import Run

    tables.check_ending(args.png, ".png", "--png")
    run = Run(args.run)
    record = records.record_of(run, args)
    task = rebuilding_task(run.spec, args.task)
    require(
        task.tags.pictures,
        f"Task '{task.name}' makes no pictures, which alone have a PNG; in Python, Run.generate gives what it makes.",
    )
    made = run.generate(record, count=args.count, seed=args.seed, task=args.task)
    pictures = [np.asarray(each) for each in made]
    write_file(args.png, png(grid(pictures, math.ceil(math.sqrt(len(pictures))))))
    high, wide, _ = pictures[0].shape
    apart = np.std(np.stack(pictures).astype(float), axis=0).mean() / np.mean(task.cells.deviations)
    told = f"differ by {apart:.0%} of what training pictures differ" if len(pictures) > 1 else "is the only one"
    print(f"{args.png}: {len(pictures)} of {wide} x {high} pixels, which {told}.")
    if len(pictures) > 1 and apart < ALIKE:
        print("note: all but the same picture each time; the model has learned to ignore what it draws.")
