"""What a column of a table is: decided by most of its cells."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.identifiers import constant, hardly_there, identifier, named_identifier
from mmzoo.errors import DataError
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.modalities.defaults import beginning
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.cells import number_of, text_of
from mmzoo.modalities.tabular.dates import date_format, is_compact
from mmzoo.modalities.tabular.fitting import delimiter_of
from mmzoo.modalities.tabular.lists import are_lists, list_format, parts_of
from mmzoo.modalities.tabular.numbers import number_format

OTHER = "other"  # the kind of a column of values that no input reads, such as lists; nobody can ask for it
MOST_CATEGORIES = 50  # different values of a column that are taken for categories, not for text
LONGEST_CATEGORY = 40  # characters
MOST = 0.9  # the share of the cells that makes a column numbers or categories
COMMON = 0.5  # the share that makes it paths: a cell that is nothing but a path is hardly ever anything else

AGAIN = 4  # times that a name comes on average, from which names are categories however many there are
NAME_WORDS = 3  # words of a name, on average, at most
FEW = 5  # values from which eight digits can be seen to be dates, and identifiers to come again


def inputs() -> dict[str, type[Modality]]:
    """The modalities that one column of a table can be, by kind."""
    return {kind: made for kind in modalities.names() if (made := modalities[kind]).in_column}


def files() -> dict[str, type[Modality]]:
    """Those of them whose values are files."""
    return {kind: made for kind, made in inputs().items() if made.endings}


def column_kinds() -> tuple[str, ...]:
    """All that a column can be said to be."""
    return (*inputs(), *Tabular.gathers, "ignore")


class Guess(NamedTuple):
    """What a column is taken for.

    Args:
        kind: one of `column_kinds()`, or `OTHER`.
        note: a remark on that; "" where there is none.
        form: how its cells are written where they do not say it one by one, see `form_of`.
    """

    kind: str
    note: str = ""
    form: str = ""


def guess(values: Sequence[Any], column: str = "COLUMN") -> Guess:
    """What a column is, from its cells; those that are missing or cannot be used do not count.

    Args:
        column: its name: "id" says something, and the note tells how it is overruled.
    """
    there, quoted = usable_cells(values), shlex.quote(column)
    if not there:
        return Guess("ignore", "it is empty")
    looks = Counter(look(value) for value in there)
    media = [kind for kind, made in inputs().items() if not made.is_text]
    kind, most = max(((kind, looks[kind]) for kind in media), key=lambda pair: pair[1])
    if most > COMMON * len(there):
        return Guess(kind)
    if looks[OTHER] > COMMON * len(there):
        lists = [parts_of(value, "") for value in there if isinstance(value, (list, tuple))]
        if len(lists) >= MOST * len(there) and are_lists(lists):
            return Guess("multi_category")
        types = sorted({type(value).__name__ for value in there if look(value) == OTHER})
        return Guess(OTHER, f"values that no input reads ({', '.join(types)})")
    found = of_cells(there, looks, quoted)
    useless = (
        hardly_there(len(there), len(values))
        or constant(there, len(values))
        or ("" if found.kind == "date" else identifier(column, there))
    )
    if useless and not are_paths(looks):
        return Guess("ignore", f"{useless}; --kind {quoted}={found.kind} makes it an input", found.form)
    return found


def are_paths(looks: Counter[str]) -> bool:
    """Do most cells look like paths, to whatever?"""
    return looks["path"] + sum(looks[kind] for kind in files()) > COMMON * looks.total()


def usable_cells(values: Sequence[Any]) -> list[Any]:
    """The cells that say something."""
    return [value for value in values if value is not None and not isinstance(value, DataError)]


def of_cells(there: Sequence[Any], looks: Counter[str], column: str) -> Guess:
    """What a column of numbers and texts is."""
    count = len(there)
    codes = sum(is_code(value) for value in there)
    texts = [text_of(value) for value in there if not looks[OTHER] or look(value) != OTHER]
    counts = Counter(texts)
    comes_again = len(counts) <= max(count / 2, 2)
    if dates := date_guess(texts, looks["number"] == count, column):
        return dates
    numbers = number_format(texts, MOST, column) if looks["number"] < count else ("", "")
    if numbers and codes <= (1 - MOST) * count:
        if comes_again and len(counts) < count / 2 and named_identifier(column) and count >= FEW:
            return Guess("category", f"identifiers that come again; --group {column} keeps those of one in one split")
        form, said = numbers
        return Guess("number", f"zeros at the beginning of {codes} are dropped" if codes else said, form)
    short = sum(len(text) <= LONGEST_CATEGORY for text in texts) >= MOST * len(texts)
    if delimiter := list_format(texts):
        return Guess("multi_category", f"several in one cell, with '{delimiter}' between them", delimiter)
    # Few values that come again and again are categories, and names that do; sentences, and what is different
    # everywhere, are text.
    few = len(counts) <= MOST_CATEGORIES and comes_again
    names = len(counts) <= count / AGAIN and sum(len(text.split()) for text in texts) <= NAME_WORDS * len(texts)
    return Guess("category" if (few or names) and short else "text", remark(texts, looks, codes))


def date_guess(texts: Sequence[str], numbers: bool, column: str) -> Guess | None:
    """A column of dates, or None where it is none.

    Args:
        numbers: are all texts numbers?
    """
    if numbers:
        return Guess("date", "", "YMD") if len(texts) >= FEW and is_compact(texts) else None
    found = date_format(texts, MOST, column)
    return Guess("date", found[1], found[0]) if found else None


def form_of(kind: str, values: Sequence[Any]) -> str:
    """How the cells of a column of a kind are written: the decimal mark and the unit of numbers, the order of dates,
    what is between several categories; "" where the cells say it one by one.
    """
    texts = [value for value in usable_cells(values) if isinstance(value, str)]
    if kind == "number":
        return (number_format(texts, COMMON) or ("",))[0]
    if kind == "date":
        return (date_format(texts, COMMON) or ("YMD" if is_compact(texts) else "",))[0]
    if kind == "multi_category":
        return list_format(texts) or (delimiter_of(texts) if texts else "")
    return ""


def remark(texts: Sequence[str], looks: Counter[str], codes: int) -> str:
    """What is worth saying of a column that is taken for texts or categories."""
    count = len(texts)
    if are_paths(looks):
        return "its cells look like paths of files, but are taken as they stand, since no one decoder reads them"
    if codes > (1 - MOST) * count and looks["number"] >= MOST * count:
        return "numbers that begin with zeros are codes, not amounts"
    if looks["number"] > COMMON * count:
        return f"{looks['number']} of {count} cells are numbers"
    return ""


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


def plain(value: Raw) -> Any:
    """A cell as one of a few types: str, bool, int, float, Decimal, bytes, array, (waveform, rate), list, or as it is.

    The two kinds of dicts that Hugging Face's data sets have, `{"bytes", "path"}` and `{"array", "sampling_rate"}`,
    become what they hold. Dates become ISO texts, lengths of time seconds.
    """
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, np.generic):
        return plain(value.item()) if not isinstance(value.item(), np.generic) else str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
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
