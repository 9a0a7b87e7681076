"""Export a run and prove it equal to the model."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import runs
from mmzoo.export.formats import formats, with_choice

EXAMPLE = "mmzoo export runs/emoji --format tflite"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    sub.add_argument("--format", choices=formats.names(), default="tflite", help="see mmzoo list formats")
    sub.add_argument(
        "--variants",
        metavar="A,B",
        help=f"{variants_help()}; or all (by default the first; of a page the best one measured)",
    )
    sub.add_argument(
        "--index",
        type=Path,
        metavar="INDEX",
        help="of a run with a retrieval task: an index (mmzoo index) that is written as one file, to be searched there",
    )
    runs.add_data(sub)
    runs.add_out(sub, "export/")
    sub.add_argument("--allow-loss", action="store_true", help="keep variants that lose more than the limits allow")
    sub.add_argument("--fit", metavar="LIMITS", help="what the best variant may take: 5MB, 10ms or 5MB,10ms")


def variants_help() -> str:
    """Which formats have which variants to choose from."""
    found: dict[str, list[str]] = {}
    for name in with_choice():
        found.setdefault(", ".join(formats[name].variants), []).append(name)
    return "; ".join(f"of {' and '.join(names)}: {variants}" for variants, names in found.items())


def run(args: argparse.Namespace) -> None:
    from mmzoo.export.report import table
    from mmzoo.run import Run

    run = Run(args.run, data=args.data, out=args.out)
    variants = args.variants.split(",") if args.variants else None
    rows = run.export(args.format, variants=variants, allow_loss=args.allow_loss, fit=args.fit, index=args.index)
    print(table(rows))
    if hint := formats[args.format]().hint(run.results / "export"):
        print(hint)
    print(f"Written to {run.results / 'export'}; report.html there has all figures.")
