"""Say why a record is answered so."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import records

EXAMPLE = "mmzoo explain runs/emoji --image a.png --png why.png"


def add(sub: argparse.ArgumentParser) -> None:
    records.add(sub)
    sub.add_argument("--task", help="which task (default: each)")
    sub.add_argument("--label", help="which answer (default: the likeliest)")
    sub.add_argument("--png", type=Path, help="write it as a picture, NAME-TASK.png of each of several tasks")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    record = records.record_of(run, args)
    # A label is one task's: without the task's name it is the first one's.
    tasks = run.spec.tasks
    # Where none can be explained, the first one is asked, which says so.
    every = [task.name for task in tasks if task.tags.elementwise] or [tasks[0].name]
    names = [args.task] if args.task or args.label else every
    for place, name in enumerate(names):
        found = run.explain(record, task=name, label=args.label)
        print("\n" * (place > 0) + found.text())
        if args.png:
            path = args.png if len(names) == 1 else args.png.with_stem(f"{args.png.stem}-{name}")
            found.draw(path)
            print(f"Picture: {path}")
