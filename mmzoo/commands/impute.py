"""Fill in what the records of a table lack, by a run that rebuilds its inputs, with how sure that is."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import runs, tables

EXAMPLE = "mmzoo impute runs/mine patients.csv --out filled.csv"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    tables.add_table(sub)
    sub.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the table with all its columns, the empty cells filled, and beside each how sure that is: .csv, .jsonl "
        "or .parquet; pictures, sounds and series are written to a folder beside it, 'filled_files' of 'filled.csv'",
    )
    tables.add_overwrite(sub)
    tables.add_faults(sub)
    tables.add(sub, split=False)


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    named = tables.named(args.table, args)
    done = Run(args.run).write_imputed(
        named.path,
        args.out,
        options=named.options,
        on_error=args.on_error,
        budget=args.budget,
        overwrite=args.overwrite,
    )
    tables.tell(done, "records")
