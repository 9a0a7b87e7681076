"""Write the vectors that a model makes of a table's records: features for any other model."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import runs, tables

EXAMPLE = "mmzoo embed runs/mine photos.csv --out vectors.parquet --columns species"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    tables.add_table(sub)
    sub.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="a column or an array a vector: .parquet, .jsonl or .npz; or a column a number: .csv",
    )
    sub.add_argument(
        "--inputs",
        default="",
        metavar="A,B",
        help="whose vectors: inputs of the model, or 'fused' of all of them together (default: all there are)",
    )
    tables.add_written(sub)
    tables.add_faults(sub)
    tables.add(sub, split=False)
    tables.add_runner(sub)


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    named = tables.named(args.table, args)
    done = Run(args.run).write_vectors(
        named.path,
        args.out,
        inputs=[*filter(None, args.inputs.split(","))],
        options=named.options,
        columns=tables.beside(args),
        on_error=args.on_error,
        budget=args.budget,
        overwrite=args.overwrite,
        pipeline=tables.pipeline_of(args),
    )
    tables.tell(done, "records")
