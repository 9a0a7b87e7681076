"""Several categories in one cell: "Drama, Crime".

What is between them is found by the column as a whole and is its *format*, one character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmzoo.aliases import Raw

DELIMITERS = ("|", ";", ",")
LONGEST = 40  # characters of one of several categories
SEVERAL = 0.05  # the share of the cells that have several
AGAIN = 5  # times that a category is there, on average
MOST = 500  # different ones


def parts_of(value: Raw, delimiter: str) -> list[str]:
    """The categories of a cell, each once, in the order of the cell."""
    if isinstance(value, str):
        pieces = value.split(delimiter) if delimiter else [value]
    else:
        pieces = [str(part) for part in value if part is not None] if isinstance(value, (list, tuple, set)) else []
    return list(dict.fromkeys(text for piece in pieces if (text := piece.strip())))


def list_format(texts: Sequence[str]) -> str:
    """What is between the categories of a column's cells; "" where they are no lists.

    The parts must be few and come again and again, also where whole cells do not: names of a place and its country, and
    sentences, have commas too.
    """
    for delimiter in DELIMITERS:
        if sum(delimiter in text for text in texts) < max(SEVERAL * len(texts), 2):
            continue
        lists = [parts_of(text, delimiter) for text in texts]
        if are_lists(lists):
            return delimiter
    return ""


def are_lists(lists: Sequence[Sequence[str]]) -> bool:
    """Do cells hold several of a few categories?"""
    counts = Counter(part for parts in lists for part in parts)
    together = {tuple(sorted(parts)) for parts in lists}
    if not counts or len(counts) > MOST or max(map(len, counts)) > LONGEST:
        return False
    return sum(counts.values()) >= AGAIN * len(counts) and len(counts) < len(together)
