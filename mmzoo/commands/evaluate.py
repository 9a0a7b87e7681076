"""Evaluate a run with every subset of its modalities."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EXAMPLE = "mmzoo evaluate runs/emoji"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--split", choices=["train", "validation", "test"], default="test")
    sub.add_argument("--noise", action="store_true", help="measure each modality under noise too")
    sub.add_argument("--alone", action="store_true", help="train a model of each modality alone too, to compare with")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    show(run, run.evaluate(split=args.split, noise=args.noise, alone=args.alone))


def show(run: Any, result: dict[str, Any]) -> None:
    from mmzoo.evaluation.report import table

    said = " ".join(filter(None, [result["verdict"], result["alone"].get("verdict")]))
    print(f"\n{table(result)}\n\n{said}\nReport: {run.folder / 'report.html'}")
