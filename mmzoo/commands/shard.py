"""Write the records of a data set or a table as TFRecord shards with an index."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "mmzoo shard photos.csv#species shards/ && mmzoo train shards/ --label species --out runs/mine"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("source", help="a data set (mmzoo list datasets), a table (photos.csv#label) or tfds:NAME")
    sub.add_argument(
        "out", type=Path, help="a folder; shards that a stopped run left unfinished in it are gone on with"
    )
    size = sub.add_mutually_exclusive_group()
    size.add_argument("--size", metavar="SIZE", help="where a shard ends, 50MB or 1GB (default 100MB)")
    size.add_argument("--records-per-shard", type=int, metavar="N", help="end a shard after N records")


def run(args: argparse.Namespace) -> None:
    from mmzoo.commands.export import bytes_of
    from mmzoo.data.shard_writer import write_shards
    from mmzoo.data.sources import open_source

    source = open_source(args.source)
    size = bytes_of(args.size) if args.size else None
    about = write_shards(source, args.out, size=size, records_per_shard=args.records_per_shard)
    for split, shards in about["splits"].items():
        records, stored = (sum(shard[key] for shard in shards) for key in ("records", "bytes"))
        print(f"{split}: {records} records in {len(shards)} shards, {stored / 1e6:.1f} MB")
    label = source.label or "COLUMN"
    print(f"Written to {args.out}; train with: mmzoo train {args.out} --label {label} --out RUN")
