"""Find the records of an index that are nearest to a picture, a text or a sound, or to several at once."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import records, tables
from mmzoo.errors import MMZooError, require
from mmzoo.messages.console import as_json
from mmzoo.messages.words import one_line

EXAMPLE = 'mmzoo search runs/index --text "a dog in the snow" --page found.html'


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("index", type=Path, help="the folder of an index (mmzoo index)")
    records.add_inputs(sub)
    sub.add_argument("--run", type=Path, help="the run it was built with, where it is not where it was")
    sub.add_argument("--root", default="", metavar="DIR", help="the folder of the records' files, where that has moved")
    sub.add_argument("-k", "--count", type=int, default=10, metavar="K", help="how many to find (default 10)")
    sub.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="NAME=W",
        help="how much an input counts, by its name or kind (default 1); below 0 for what is not wanted",
    )
    sub.add_argument("--among", default="", metavar="A,B", help="look only at these inputs of the records")
    sub.add_argument("--exact", action="store_true", help="look at every vector, though there be more than 100,000")
    sub.add_argument("--json", action="store_true", help="print what was found as JSON")
    sub.add_argument("--page", type=Path, metavar="FILE", help="write a page with pictures and players, .html")


def run(args: argparse.Namespace) -> None:
    from mmzoo.search.index import Index
    from mmzoo.search.page import write_page

    tables.check_ending(args.page, ".html", "--page")
    index = Index(args.index, args.run, root=args.root)
    require(records.given(args), f"The query is empty; give at least one of: {', '.join(index.inputs)}.")
    query = records.record_of(index.run, args)
    weights = dict(map(weight, args.weight))
    among = [*filter(None, args.among.split(","))] or None
    hits = index.search(query, args.count, weights=weights, among=among, exact=args.exact)
    if args.json:
        print(as_json([hit.to_json() for hit in hits]))
    else:
        for place, hit in enumerate(hits, start=1):
            files = [f"{path} (no longer there)" if name in hit.gone else path for name, path in hit.paths.items()]
            said = one_line("  ".join([*hit.texts.values(), *files]), 200)
            print(f"{place:4d}  {hit.score:6.3f}  {one_line(hit.id, 60)}  {said}")
    if args.page is not None:
        write_page(args.page, index, query, index.by_name(weights), hits)
        if not args.json:
            print(f"Page: {args.page}")


def weight(text: str) -> tuple[str, float]:
    """A weight as it is written: image=0.5."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise MMZooError(f"A weight is written NAME=NUMBER, such as image=0.5, not '{text}'.") from None
