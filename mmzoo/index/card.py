"""`index.json`: whose vectors an index holds, and which files belong to it. A closed schema."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict, cast

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.files import read_file, write_file
from mmzoo.files.limits import MAX_JSON, parse_json
from mmzoo.index.columns import DTYPES, MAX_TEXT
from mmzoo.index.segments import AGAIN

CARD = "index.json"
FORMAT = 1
SEGMENT = re.compile(r"[0-9a-f]{32}\.safetensors")
MAX_SEGMENTS, MAX_INPUTS, MAX_DIM = 4096, 64, 8192
MAX_RECORDS = 2**31 - 1
CHECKED = {"model": str, "inputs": dict, "by": list, "dim": int, "dtype": str, "weights": dict}
"""What says whose vectors they are, in a card and in an index of one file."""


@dataclass(frozen=True)
class Held:
    """A segment as the card has it.

    Args:
        file: its name in the folder.
        records: how many it has.
        removed: which of them are no longer there, bool (N,); None for none of them.
    """

    file: str
    records: int
    removed: np.ndarray | None = None

    @property
    def gone(self) -> int:
        """How many of its records are no longer there."""
        return 0 if self.removed is None else int(self.removed.sum())


class About(TypedDict):
    """Those fields of a card that an index in one file has too; see `Card`."""

    model: str
    inputs: dict[str, str]
    by: list[str]
    dim: int
    dtype: str
    weights: dict[str, float]


class SegmentFacts(TypedDict):
    """A segment as a card names it; which of its records were removed is base64."""

    file: str
    records: int
    removed: str


class Own(TypedDict):
    """The other fields of a card."""

    id: str
    run: str
    root: str
    home: dict[str, object]
    segments: list[SegmentFacts]


@dataclass(frozen=True)
class Card:
    """What an index is.

    Args:
        id: tells it from others.
        model: the sha256 of the card of the model whose vectors they are.
        run, root: the folders of that run, and of the files that paths are relative to, where it was built.
        home: what tells the index's folder from its copies, see `mmzoo.files.folders.made_in`.
        inputs: kinds of the model's inputs by their names.
        by: those of them whose vectors it holds.
        dim: numbers a vector.
        dtype: what they are kept in.
        weights: how much each input of a query counts beside others, from 0 to 1, where the query does not say.
    """

    id: str
    model: str
    run: str
    root: str
    home: dict[str, object]
    inputs: dict[str, str]
    by: list[str]
    dim: int
    dtype: str
    weights: dict[str, float] = field(default_factory=dict)
    segments: tuple[Held, ...] = field(default=())

    def write(self, folder: Path) -> None:
        """Replace the card of a folder, whole or not at all."""
        plain = {key: value for key, value in vars(self).items() if key != "segments"}
        segments = [{"file": s.file, "records": s.records, "removed": packed(s.removed)} for s in self.segments]
        text = json.dumps({"format": FORMAT, **plain, "segments": segments}, ensure_ascii=False)
        write_file(folder / CARD, text.encode("utf-8", "surrogateescape"))

    @classmethod
    def read(cls, folder: Path) -> Card:
        """The card of an index.

        Raises:
            MMZooError: there is none, or it holds what a card does not.
        """
        path = folder / CARD
        require(
            os.path.lexists(path), f"'{folder}' is not an index: it has no {CARD}; make one: mmzoo index RUN TABLE."
        )
        try:
            data = read_file(path, links=False, limit=MAX_JSON)
        except OSError as error:
            raise MMZooError(f"'{path}' cannot be read ({error.strerror or error}); {AGAIN}.") from None
        found = parse_json(f"'{path}'", data, AGAIN)
        own, about = checked(found, f"'{path}' is not the card of an index that this version of mmzoo reads; {AGAIN}.")
        held = (Held(s["file"], s["records"], unpacked(s["removed"], s["records"])) for s in own["segments"])
        return cls(own["id"], run=own["run"], root=own["root"], home=own["home"], segments=tuple(held), **about)

    def with_segments(self, *segments: Held) -> Card:
        """The same with other segments."""
        return replace(self, segments=segments)


def marked(segments: list[Held], gone: Iterable[tuple[int, int]]) -> list[Held]:
    """The segments, and those of their records that are `gone` marked as removed."""
    places: dict[int, list[int]] = {}
    for number, place in gone:
        places.setdefault(number, []).append(place)
    for number, each in places.items():
        old = segments[number]
        removed = np.zeros(old.records, bool) if old.removed is None else old.removed.copy()
        removed[each] = True
        segments[number] = replace(old, removed=removed)
    return segments


def check_fields(found: Mapping[str, Raw], wrong: str) -> About:
    """The fields of `CHECKED`; raise unless they are what a card has."""
    require(all(type(found[key]) is kind for key, kind in CHECKED.items()), wrong)
    about = cast(About, {key: found[key] for key in CHECKED})
    require(re.fullmatch("[0-9a-f]{64}", about["model"]), wrong)
    require(about["dtype"] in DTYPES and 1 <= about["dim"] <= MAX_DIM, wrong)
    require(1 <= len(about["inputs"]) <= MAX_INPUTS, wrong)
    for name, kind in about["inputs"].items():
        require(re.fullmatch("[a-z][a-z0-9_]{0,39}", name) and isinstance(kind, str) and len(kind) <= MAX_TEXT, wrong)
    for name, weight in about["weights"].items():
        require(name in about["inputs"] and type(weight) in (int, float) and 0 <= weight <= 1, wrong)
    require(0 < len(about["by"]) == len({*map(str, about["by"])} & about["inputs"].keys()), wrong)
    return about


def checked(found: Raw, wrong: str) -> tuple[Own, About]:
    """What a card says of itself and of its vectors; raise unless it has exactly the keys, types and sizes of one."""
    kinds = {"format": int, "id": str, "run": str, "root": str, "home": dict, "segments": list, **CHECKED}
    if not isinstance(found, dict) or found.keys() != kinds.keys():
        raise MMZooError(wrong)
    require(all(type(found[key]) is kind for key, kind in kinds.items()) and found["format"] == FORMAT, wrong)
    require(re.fullmatch("[0-9a-f]{32}", found["id"]), wrong)
    about = check_fields(found, wrong)
    require(len(found["segments"]) <= MAX_SEGMENTS, wrong)
    for each in found["segments"]:
        require(isinstance(each, dict) and each.keys() == {"file", "records", "removed"}, wrong)
        require(isinstance(each["file"], str) and SEGMENT.fullmatch(each["file"]), wrong)
        require(type(each["records"]) is int and 0 <= each["records"] <= MAX_RECORDS, wrong)
        require(isinstance(each["removed"], str), wrong)
        try:
            count = len(base64.b64decode(each["removed"], validate=True))
        except ValueError:
            raise MMZooError(wrong) from None
        require(count in (0, (each["records"] + 7) // 8), wrong)
    require(len({each["file"] for each in found["segments"]}) == len(found["segments"]), wrong)
    return cast(Own, found), about


def packed(removed: np.ndarray | None) -> str:
    """Which records were removed, a bit each, as text; nothing where none was."""
    return "" if removed is None else base64.b64encode(np.packbits(removed).tobytes()).decode()


def unpacked(text: str, records: int) -> np.ndarray | None:
    """bool (N,) of what `packed` made."""
    if not text:
        return None  # as many zeros as a stranger says there are records are not made
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8))[:records].astype(bool)
