"""List what there is."""

from __future__ import annotations

import argparse

from mmzoo.listing import LISTS

EXAMPLE = "mmzoo list towers"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("what", choices=LISTS)
    sub.add_argument("--markdown", action="store_true", help="as a table in Markdown")


def run(args: argparse.Namespace) -> None:
    from mmzoo.listing import markdown, text

    print(markdown(args.what) if args.markdown else text(args.what))
