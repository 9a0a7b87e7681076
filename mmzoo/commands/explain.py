"""Say why a record is answered so."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import records

EXAMPLE = "mmzoo explain runs/emoji --image a.png --png why.png"


def add(sub: argparse.ArgumentParser) -> None:
    records.add(sub)
    sub.add_argument("--task", help="which task (default: the first)")
    sub.add_argument("--label", help="which answer (default: the likeliest)")
    sub.add_argument("--png", type=Path, help="write the explanation as a picture")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    found = run.explain(records.record_of(run, args), task=args.task, label=args.label)
    print(found.text())
    if args.png:
        found.draw(args.png)
        print(f"Picture: {args.png}")
