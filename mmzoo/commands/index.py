"""Put the vectors of a table's records into an index, or into one that is there, or take records out of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mmzoo.commands import tables
from mmzoo.errors import require

EXAMPLE = "mmzoo index runs/mine photos.csv --out runs/index"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", help="a run or a trained model with a retrieval task (as mmzoo predict takes it)")
    sub.add_argument("table", nargs="?", help="the records: a table, shards or a data set, as in training")
    sub.add_argument("--out", type=Path, required=True, metavar="INDEX", help="the index's folder")
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--add", action="store_true", help="add the records to the index that is there")
    how.add_argument("--remove", metavar="ID,ID", help="take these records out of it, in place of a table")
    sub.add_argument("--overwrite", action="store_true", help="replace the index; with --add, records of the same id")
    sub.add_argument("--inputs", default="", metavar="A,B", help="by which records can be found (default: all)")
    sub.add_argument(
        "--dtype", choices=["float16", "int8"], default="float16", help="of the vectors: 2 bytes a number, or 1"
    )
    sub.add_argument(
        "--previews",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="keep a small picture or the sound of each record in the index (default: where it has no file)",
    )
    tables.add_faults(sub)
    tables.add(sub, split=False)


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run
    from mmzoo.search.index import Index

    require(
        (args.table is None) == (args.remove is not None),
        "Give a table whose records are put into the index, or --remove and the ids of those that go.",
    )
    began, run = time.monotonic(), Run(args.run)
    if args.remove is not None:
        index = Index(args.out, run)
        count = index.remove(filter(None, args.remove.split(",")))
        done = f"{count:,} records removed"
    else:
        named = tables.named(args.table, args)
        how = {"options": named.options, "previews": args.previews, "on_error": args.on_error, "budget": args.budget}
        if args.add:
            require(not args.inputs, "The inputs of an index are chosen when it is made; leave --inputs out.")
            index = Index(args.out, run)
            before = len(index)
            added = index.add(named.path, overwrite=args.overwrite, **how)
            replaced = added - (len(index) - before)
            said = f", {replaced:,} of them in place of those of the same ids" if replaced else ""
            done = f"{added:,} records added{said}"
        else:
            inputs = [*filter(None, args.inputs.split(","))]
            index = Index.build(
                run, named.path, args.out, inputs=inputs, dtype=args.dtype, overwrite=args.overwrite, **how
            )
            done = "new"
    store = index.store
    print(
        f"{args.out}: {len(index):,} records by {', '.join(store.card.by)}, {store.bytes / 1e6:.1f} MB ({done}) in "
        f"{time.monotonic() - began:.1f} s"
    )
