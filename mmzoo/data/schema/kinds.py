"""What a column of a table can be, and what one cell looks like."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np

from mmzoo.aliases import Raw, Untyped
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.modalities.defaults import beginning
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.cells import number_of

OTHER = "other"  # the kind of a column of values that no input reads, such as lists; nobody can ask for it
MOST = 0.9  # the share of the cells that makes a column numbers or categories


def inputs() -> dict[str, type[Modality]]:
    """The modalities that one column of a table can be, by kind."""
    return {kind: made for kind in modalities.names() if (made := modalities[kind]).in_column}


def files() -> dict[str, type[Modality]]:
    """Those of them whose values are files."""
    return {kind: made for kind, made in inputs().items() if made.endings}


def column_kinds() -> tuple[str, ...]:
    """All that a column can be said to be."""
    return (*inputs(), *Tabular.gathers, "ignore")


def look(value: Raw) -> str:
    """What one cell looks like: a kind of file, "number", "path" (to what nobody here reads), "text", or "other"."""
    if isinstance(value, str):
        if number_of(value) is not None:
            return "number"
        return kind_of_path(value) or ("path" if looks_like_path(value) else "text")
    if isinstance(value, (bool, np.bool_)):
        return "text"
    if isinstance(value, (int, float, Decimal, np.number)):
        return "number"
    if isinstance(value, bytes):
        return sniff(value)
    return next((kind for kind, made in inputs().items() if made.holds(value)), OTHER)


def kind_of_path(text: str) -> str | None:
    """The kind of file that a path leads to, by its ending; None where that says nothing."""
    before, _, ending = text.strip().lower().rpartition(".")
    if not before or len(text) > 4096 or "\n" in text:
        return None
    return known_endings(tuple(files().values())).get(f".{ending}")


@lru_cache(maxsize=8)
def known_endings(kinds: tuple[type[Modality], ...]) -> dict[str, str]:
    """What endings tell: those that some kind reads go before those that it only knows."""
    foreign = {ending: made.kind for made in reversed(kinds) for ending in made.foreign}
    return foreign | {ending: made.kind for made in reversed(kinds) for ending in made.endings}


def remedy_of(ending: str) -> str:
    """What to do about a file that nothing here reads; "" where an ending does not tell that it is one."""
    return next((made.foreign[ending] for made in files().values() if ending in made.foreign), "")


def looks_like_path(text: str) -> bool:
    """Does it have a folder and an ending, such as "notes/1.txt" or "C:\\notes\\1.txt"?"""
    head, dot, ending = text.strip().rpartition(".")
    folder = re.match(r"[^\s<>|\"]*[/\\]", head[:1000])
    return bool(folder and dot and re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,4}", ending) and "\n" not in head)


def is_code(value: Raw) -> bool:
    """Is it a text of digits with a zero before others, as postcodes have it?"""
    return isinstance(value, str) and bool(re.fullmatch(r"[+-]?0[0-9]+", value.strip()))


def sniff(data: bytes) -> str:
    """What the bytes of a file are, by how they begin; "text" where they are one."""
    found = [
        (match.end(), kind)
        for kind, made in files().items()
        for start in made.starts
        if (match := beginning(start).match(data))
    ]
    if found:
        return max(found)[1]
    try:
        return "text" if "\0" not in data.decode("utf-8") else OTHER
    except UnicodeDecodeError:
        return OTHER


def plain(value: Raw) -> Raw:
    """A cell as one of a few types: str, bool, int, float, Decimal, bytes, array, (waveform, rate), list, or as it is.

    The two kinds of dicts that Hugging Face's data sets have, `{"bytes", "path"}` and `{"array", "sampling_rate"}`,
    become what they hold. Dates become ISO texts, lengths of time seconds; of pandas a period is its first day, and an
    interval a text.
    """
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item()) if not isinstance(value.item(), np.generic) else str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ in ("Period", "Interval"):
        found: Untyped = value
        return plain(found.to_timestamp()) if hasattr(found, "to_timestamp") else str(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return plain(value.item())
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, dict) and value and value.keys() <= {"bytes", "path"}:
        return value.get("bytes") or value.get("path")
    if isinstance(value, dict) and value.keys() - {"path"} == {"array", "sampling_rate"}:
        with suppress(ValueError):  # lists of different lengths are no waveform
            return np.asarray(value["array"]), value["sampling_rate"]
    return value


def shown(value: Raw) -> str:
    """A value, cut, on one line, as a sentence names it."""
    text = re.sub(r"\s+", " ", repr(value)[1:-1] if isinstance(value, str) else f"{type(value).__name__}: {value!r}")
    return text if len(text) <= 40 else f"{text[:37]}..."
