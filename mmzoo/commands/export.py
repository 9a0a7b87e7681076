"""Export a run and prove it equal to the model."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import runs
from mmzoo.errors import require

EXAMPLE = "mmzoo export runs/emoji --format tflite"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, help="a run's folder")
    sub.add_argument("--format", choices=["saved_model", "tflite", "web", "onnx"], default="tflite")
    sub.add_argument(
        "--variants",
        metavar="A,B",
        help="of a .tflite: fp32, fp16, dynamic, int8, int4; or all (default fp32; for web the best of those measured)",
    )
    runs.add_data(sub)
    sub.add_argument("--allow-loss", action="store_true", help="keep variants that lose more than the limits allow")
    sub.add_argument(
        "--fit", metavar="LIMITS", help="what the best variant, best.tflite, may take: 5MB, 10ms or 5MB,10ms"
    )


def run(args: argparse.Namespace) -> None:
    from mmzoo.export.report import table
    from mmzoo.run import Run

    run = Run(args.run, data=args.data)
    plain = "--variants and --fit are for --format tflite, --variants for web."
    require(args.format == "tflite" or not args.fit, plain)
    require(args.format in ("tflite", "web") or not args.variants, plain)
    variants = args.variants.split(",") if args.variants else None
    rows = run.export(args.format, variants=variants, allow_loss=args.allow_loss, fit=args.fit)
    print(table(rows))
    if args.format == "web":
        print(f"Look at it: python -m http.server --directory {run.folder / 'export' / 'web'}, then localhost:8000")
    print(f"Written to {run.folder / 'export'}; report.html there has all figures.")
