"""Pack a data set or a table with its files into shards, for training at scale."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.commands import tables

if TYPE_CHECKING:
    from mmzoo.data.shards.kept import Prepared
    from mmzoo.data.table import Source

EXAMPLE = "mmzoo data shard photos.csv#species shards; mmzoo train shards --label species --out runs/mine"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("source", help="a data set, a table, a table and its label (photos.csv#label), or tfds:NAME")
    tables.add(sub)
    sub.add_argument("out", type=Path, help="the folder; a writing that was stopped in it is gone on with")
    sub.add_argument("--records", type=int, default=1024, metavar="N", help="records in a shard (default 1024)")
    sub.add_argument("--size", default="100MB", help="bytes after which a shard ends all the same (default 100MB)")
    sub.add_argument(
        "--prepare",
        nargs="?",
        const="",
        metavar="RECIPE",
        help="keep only what a recipe, a run or (without a name) the guess for this table reads: pictures at its size, "
        "sounds at its rate, which are decoded many times faster; exactly the same numbers, and often larger files",
    )
    sub.add_argument("--lossy", action="store_true", help="with --prepare: pictures as JPEG, sounds in 16 bits")
    tables.add_faults(sub)
    tables.add_runner(sub)


def prepared_by(args: argparse.Namespace, source: Source) -> Prepared:
    """What a recipe, a run or the guess for the source reads of its columns."""
    from mmzoo.data.schema.kinds import inputs
    from mmzoo.data.shards.kept import Prepared
    from mmzoo.errors import require
    from mmzoo.modalities import modalities
    from mmzoo.modalities.base import Modality
    from mmzoo.recipe import load_recipe
    from mmzoo.run import Run

    if args.prepare:
        found = (Run(args.prepare) if Path(args.prepare).is_dir() else load_recipe(args.prepare)).spec.inputs
    else:
        records = next(iter(source.splits.values()))
        kinds = {name: kind for name, kind in source.inputs.items() if kind in inputs()}
        found = [modalities[kind].guessed(name, records.column(name)) for name, kind in kinds.items()]
    found = [item for item in found if type(item).prepared is not Modality.prepared]
    chosen = [item for item in found if source.kinds.get(item.name) == item.kind]
    require(
        chosen,
        f"No column of '{source.name}' holds pictures or sounds that '{args.prepare or 'its guess'}' reads "
        f"({', '.join(item.name for item in found) or 'it reads none'}); name the columns as the inputs are called.",
    )
    print("prepared: " + ", ".join(f"{item.name} as {item.dtype} {item.shape}" for item in chosen))
    return Prepared(chosen, args.lossy)


def run(args: argparse.Namespace) -> None:
    from mmzoo.data.faults import Faults
    from mmzoo.data.kept_elsewhere import Elsewhere
    from mmzoo.data.shards.folder import write_shards
    from mmzoo.data.shards.kept import WHOLE
    from mmzoo.datasets import open_source
    from mmzoo.errors import require
    from mmzoo.files import bytes_of

    require(
        args.prepare is not None or not args.lossy, "--lossy says how --prepare keeps pictures and sounds; give it."
    )
    faults, pipeline = Faults(args.on_error, args.budget), tables.pipeline_of(args)
    try:
        size = bytes_of(args.size)
        source = open_source(tables.source_of(args), held=False)
        prepared = prepared_by(args, source) if args.prepare is not None else WHOLE
        count = write_shards(
            source,
            args.out,
            records=args.records,
            size=size,
            faults=faults,
            prepared=prepared,
            elsewhere=partial(Elsewhere, pipeline) if pipeline is not None else None,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped; run the same command again to go on.") from None
    if faults.bad:
        print(faults.table())
    print(f"{count} records in {args.out}")
