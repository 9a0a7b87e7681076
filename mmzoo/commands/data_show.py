"""Write a page with some records, and with random variants of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import tables

EXAMPLE = "mmzoo data show emoji --augment --out show.html"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("source", help="a recipe, a data set, a table, or a folder of shards")
    tables.add(sub)
    sub.add_argument("--out", type=Path, default=Path("show.html"), metavar="FILE", help="the page (default show.html)")
    sub.add_argument("--augment", action="store_true", help="variants of each input that has augmentations")
    sub.add_argument(
        "--augmentations", default="", metavar="A,B", help="variants by these in place of an input's usual ones"
    )
    sub.add_argument("--mix", choices=["none", "mixup", "cutmix"], default="none", help="each mixed with another")
    sub.add_argument("--count", type=int, default=8, metavar="N", help="records (default 8)")
    sub.add_argument("--variants", type=int, default=5, metavar="N", help="of each input with --augment (default 5)")
    sub.add_argument("--seed", type=int, default=0, help="another seed shows others (default 0)")


def run(args: argparse.Namespace) -> None:
    from mmzoo.inspection.show import write_page

    tables.check_ending(args.out, ".html", "--out")
    names = [name.strip() for name in args.augmentations.split(",") if name.strip()]
    variants = args.variants if args.augment or names else 0
    options = {"count": args.count, "variants": variants, "seed": args.seed, "mix": args.mix, "names": names}
    write_page(args.out, tables.source_of(args), **options)
    print(f"Page: {args.out}")
