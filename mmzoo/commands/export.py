"""Export a run and prove it equal to the model."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from mmzoo.errors import MMZooError, require

EXAMPLE = "mmzoo export runs/emoji --format tflite"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--format", choices=["saved_model", "tflite", "web"], default="tflite")
    sub.add_argument("--variants", metavar="A,B", help="of a .tflite: fp32, fp16, dynamic, int8; or all (default fp32)")
    sub.add_argument("--allow-loss", action="store_true", help="keep variants that lose more than the limits allow")
    sub.add_argument("--fit", metavar="SIZE", help="write the best variant under a size, 5MB or 800kB, as best.tflite")


def run(args: argparse.Namespace) -> None:
    from mmzoo.export.report import table
    from mmzoo.run import Run

    run = Run(args.run)
    fit = bytes_of(args.fit) if args.fit else None
    plain = "--variants and --fit are for --format tflite, --variants for web."
    require(args.format == "tflite" or not fit, plain)
    require(args.format != "saved_model" or not args.variants, plain)
    variants = (args.variants or ("all" if fit else "fp32")).split(",")
    rows = run.export(args.format, variants=variants, allow_loss=args.allow_loss, fit=fit)
    print(table(rows))
    for row in rows:
        if row.get("best"):
            print(f"The best within {args.fit} is {row['variant']}: {run.folder / 'export' / 'best.tflite'}")
    if args.format == "web":
        print(f"Look at it: python -m http.server --directory {run.folder / 'export' / 'web'}, then localhost:8000")
    print(f"Written to {run.folder / 'export'}; report.html there has all figures.")


def bytes_of(size: str) -> int:
    """A size as it is written: 5MB, 800 kB, 1.5e6."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmg]?)b?\s*", size.lower())
    try:
        number, unit = found.groups() if found else ("", "")
        return int(float(number) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[unit])
    except (ValueError, OverflowError):
        raise MMZooError(f"A size is written like 5MB or 800kB, not '{size}'.") from None
