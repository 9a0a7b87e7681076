"""Texts as models read them, in Python; the graph of a served model can do only some of it."""

from __future__ import annotations

import unicodedata


def normalized(value: str | bytes) -> str:
    """A text in NFKC and lower case; what is no UTF-8, or half a character, replaced."""
    text = value if isinstance(value, str) else value.decode("utf-8", "replace")
    text = text.encode("utf-8", "replace").decode()  # half a character, which no tokenizer takes, is a "?"
    # A zero byte is padding: one inside a text would be read as its end.
    return unicodedata.normalize("NFKC", text).lower().replace("\0", " ")
