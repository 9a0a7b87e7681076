"""Texts as models read them, in Python; the graph of a served model can do only some of it."""

from __future__ import annotations

import unicodedata

UNSEEN = dict.fromkeys(map(ord, "\0\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd"), " ")
"""Marks without a width, ends of lines and what stands for no character, as spaces: so SentencePiece reads them too. A
zero byte is padding: one inside a text would be read as its end."""
TILDE = "\uff5e"


def normalized(value: str | bytes, lowercase: bool = True) -> str:
    """A text in NFKC and lower case; what is no UTF-8, or half a character, replaced.

    As the normalization "nmt_nfkc" of SentencePiece: the wide tilde of Chinese and Japanese texts stays one.
    """
    text = value if isinstance(value, str) else value.decode("utf-8", "replace")
    # Half a character, which no tokenizer takes, is replaced as bytes are that are no UTF-8.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = TILDE.join(unicodedata.normalize("NFKC", part) for part in text.split(TILDE))
    return (text.lower() if lowercase else text).translate(UNSEEN)
