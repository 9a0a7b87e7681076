"""Choose the records of a table that are worth a label next: those that a run is least sure of, no two alike."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import tables

EXAMPLE = "mmzoo label-next runs/mine unlabelled.csv --count 20 --out next.csv --html next.html"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", type=Path, help="a run's folder, or the name of a trained model (mmzoo list models)")
    sub.add_argument("table", help="the records: a table, shards or a data set; those with a label are left out")
    sub.add_argument("--count", type=int, default=20, metavar="N", help="how many (default 20)")
    sub.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="a table of them, with an empty column for the label: .csv, .jsonl or .parquet",
    )
    sub.add_argument("--html", type=Path, metavar="FILE", help="a page that shows them, too")
    sub.add_argument(
        "--by",
        choices=["entropy", "bald"],
        default="entropy",
        help="entropy of the answer (default), or bald: what draws under dropout disagree on",
    )
    sub.add_argument("--of", default="", metavar="TASK", help="whose labels, where the run has several tasks")
    sub.add_argument(
        "--diverse",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="no two alike (default), or those alone that come first by --by, however alike they are",
    )
    sub.add_argument("--overwrite", action="store_true", help="replace files that are there")
    tables.add_faults(sub)
    tables.add(sub, split=False)


def run(args: argparse.Namespace) -> None:
    from mmzoo.answers.written.formats import check_ending, check_free, write_rows
    from mmzoo.few_labels.choosing import label_next
    from mmzoo.few_labels.page import write_page
    from mmzoo.run import Run

    check_ending(args.out)
    tables.check_ending(args.html, ".html", "--html")
    for path in filter(None, (args.out, args.html)):
        check_free(path, overwrite=args.overwrite, option="")
    model, named = Run(args.run), tables.named(args.table, args)
    chosen = label_next(
        model,
        named.path,
        args.count,
        task=args.of,
        by=args.by,
        diverse=args.diverse,
        options=named.options,
        on_error=args.on_error,
        budget=args.budget,
    )
    write_rows(args.out, chosen.columns, lambda: [chosen.rows])
    if args.html is not None:
        write_page(args.html, model, chosen)
    beside = f" and {args.html}" if args.html is not None else ""
    print(f"{args.out}{beside}: {len(chosen.rows):,} of {chosen.looked_at:,} records without a label")
