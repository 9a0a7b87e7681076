"""Compare runs on the same records."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

EXAMPLE = "mmzoo compare runs/a runs/b --png compared.png"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("runs", type=Path, nargs="+", metavar="run", help="runs' folders; the others against the first")
    sub.add_argument("--split", choices=["train", "validation", "test"], default="test")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--png", type=Path, help="write a picture")


def run(args: argparse.Namespace) -> None:
    from mmzoo.evaluation.compare import compare as compare_runs
    from mmzoo.run import Run

    found = compare_runs([Run(folder) for folder in args.runs], split=args.split)
    print(json.dumps(found.to_json(), ensure_ascii=False) if args.json else found.text())
    if args.png:
        found.draw(args.png)
