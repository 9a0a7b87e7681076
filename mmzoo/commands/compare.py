"""Compare runs on the same records."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import runs
from mmzoo.messages.console import as_json

EXAMPLE = "mmzoo compare runs/a runs/b --png compared.png"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "runs", nargs="+", metavar="run", help="runs' folders or trained models; the others against the first"
    )
    sub.add_argument("--split", choices=["train", "validation", "test"], default="test")
    runs.add_data(sub)
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--png", type=Path, help="write a picture")


def run(args: argparse.Namespace) -> None:
    from mmzoo.evaluation.compare import compare as compare_runs
    from mmzoo.run import Run

    found = compare_runs([Run(folder, data=args.data) for folder in args.runs], split=args.split)
    print(as_json(found.to_json()) if args.json else found.text())
    if args.png:
        found.draw(args.png)
