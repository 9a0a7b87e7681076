"""Categories that are written in several ways: told and kept apart, since only people know whether they are one."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

SHOWN = 3
"""Ways of writing one category that are named."""


def spelling(text: str) -> str:
    """A category without what people write in several ways: its case, its blanks, its hyphens, composed letters."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFKC", text).casefold())


def spellings_note(categories: Iterable[str]) -> str:
    """Which categories differ by nothing but such marks; "" where none do.

    Single characters and numbers are what they are: "a" and "A" may be two letters, "1" and "-1" are two labels.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for text in dict.fromkeys(categories):
        key = spelling(text)
        if len(key) > 1 and any(char.isalpha() for char in key):
            found[key].append(text)
    alike = [sorted(each) for each in found.values() if len(each) > 1]
    if not alike:
        return ""
    count = sum(map(len, alike))
    most = max(alike, key=len)
    named = ", ".join(f"'{text}'" for text in most[:SHOWN])
    more = " ..." if count > min(len(most), SHOWN) else ""
    return f"{count} of them differ from another by case, blanks or hyphens only ({named}{more}): are they one?"
