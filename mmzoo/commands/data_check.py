"""Look for bad files, duplicates, leaks and odd labels in a data set or a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import tables
from mmzoo.messages.console import as_json

EXAMPLE = "mmzoo data check photos.csv#species --html check.html"


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "source", help="a data set (mmzoo list datasets), a table, or a table and its label: photos.csv#label"
    )
    sub.add_argument("--json", action="store_true", help="print the counts as JSON")
    sub.add_argument("--details", action="store_true", help="with --json: also which records, columns and splits")
    tables.add(sub)
    sub.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures of what was found")


def run(args: argparse.Namespace) -> None:
    from mmzoo.datasets import open_source
    from mmzoo.errors import require
    from mmzoo.inspection.check import check
    from mmzoo.inspection.check_page import write_page

    require(args.json or not args.details, "--details is for --json; without it they are printed anyway.")
    tables.check_ending(args.html, ".html", "--html")
    source = open_source(tables.source_of(args))
    found = check(source)
    counts = {**found.to_json(), **(found.details() if args.details else {})}
    print(as_json(counts) if args.json else found.text())
    if args.html:
        write_page(args.html, source, found)
        if not args.json:
            print(f"Page: {args.html}")
