"""Texts that come out of data, as they may stand on a terminal, in a picture and in Markdown."""

from __future__ import annotations

import json
import re

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor, turns the order of letters round, or is half a character; but not \\n and \\t."""

MARKS = re.compile(r"[\\`*\[\]<>|~$#]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.|@", re.ASCII)
"""What means something to CommonMark, to GitHub's tables, formulas, links and mentions, or to HTML."""

ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}


def json_bytes(value: object) -> bytes:
    """JSON in UTF-8, in lines; half a surrogate pair, which UTF-8 has not, is escaped."""
    try:
        return json.dumps(value, indent=1, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=1).encode()


def decimal(value: float, sign: str = "") -> str:
    """A number of any unit for readers: three decimals, but of what is tiny or huge three digits.

    Args:
        sign: "+" for the sign of what is above 0 too.
    """
    plain = value == 0 or 1e-3 <= abs(value) < 1e7 or value != value
    return f"{value:{sign}.3f}" if plain else f"{value:{sign}.3g}"


def short(value: float, sign: str = "") -> str:
    """A number in some six letters, for an axis or a bar: "0.25", "1.2e-05", "43.8k", "1.5M".

    Args:
        sign: "+" puts it before what is above 0 too.
    """
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:{sign}.3g}{letter}" if abs(value) < 999.5e12 else f"{value:{sign}.1e}"
    if value and abs(value) < 0.005:
        return f"{value:{sign}.1e}"
    return f"{value:{sign}.{2 if abs(value) < 99.995 else 1}f}"


def printable(text: str) -> str:
    """A text in which nothing acts on a terminal; its lines stay."""
    return HIDDEN.sub("\ufffd", text)


def one_line(text: object, most: int = 400) -> str:
    """A text, or what an error says, in one line of at most `most` characters, none of which acts on a terminal."""
    line = " ".join(HIDDEN.sub(" ", str(text)[: 10 * most]).split())
    return line if len(line) <= most else f"{line[: most - 4]} ..."


def duration(seconds: float) -> str:
    """Seconds as they are told: "40 s", "3.5 min", "2.1 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def markdown(text: object) -> str:
    """A text in the middle of a line of Markdown, where it is shown as it is: no markup, no HTML, no link."""
    return MARKS.sub(lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), one_line(text, 4000))


def code_block(text: str, language: str) -> str:
    """Lines of code in Markdown, with a fence that none of them can close."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
