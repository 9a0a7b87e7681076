"""Pack a data set or a table with its files into shards, for training at scale."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import tables

EXAMPLE = "mmzoo data shard photos.csv#species shards; mmzoo train shards --label species --out runs/mine"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("source", help="a data set, a table, a table and its label (photos.csv#label), or tfds:NAME")
    tables.add(sub)
    sub.add_argument("out", type=Path, help="the folder; a writing that was stopped in it is gone on with")
    sub.add_argument("--records", type=int, default=1024, metavar="N", help="records in a shard (default 1024)")
    sub.add_argument("--size", default="100MB", help="bytes after which a shard ends all the same (default 100MB)")
    tables.add_faults(sub)


def run(args: argparse.Namespace) -> None:
    from mmzoo.data.faults import Faults
    from mmzoo.data.shards import write_shards
    from mmzoo.datasets import open_source
    from mmzoo.files import bytes_of

    faults = Faults(args.on_error, args.budget)
    try:
        size = bytes_of(args.size)
        count = write_shards(
            open_source(tables.source_of(args)), args.out, records=args.records, size=size, faults=faults
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped; run the same command again to go on.") from None
    if faults.bad:
        print(faults.table())
    print(f"{count} records in {args.out}")
