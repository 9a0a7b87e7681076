"""`card.json`: what a model is and which files belong to it. A closed schema under a seal."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.files.limits import MAX_JSON, check_plain, parse_json
from mmzoo.weights.reading import FileFacts, plain_size, read_start


class Card(TypedDict):
    """What stands in a card, as `check_card` has it.

    spec: plain data; what it means is the spec's own affair.
    packages: by input the pretrained weights that are named and not copied, by package.
    """

    format: int
    mmzoo: str
    spec: dict[str, Any]
    metrics: dict[str, float]
    files: dict[str, FileFacts]
    sha256: str
    about: NotRequired[dict[str, str]]
    packages: NotRequired[dict[str, list[dict[str, object]]]]


FORMAT = 2
CARD, WEIGHTS, GOLDEN = "card.json", "weights.safetensors", "golden.safetensors"
KEYS = {"format": int, "mmzoo": str, "spec": dict, "metrics": dict, "files": dict, "sha256": str}
MORE = {"about": dict, "packages": dict}
"""What a card may have beside: words for people, and the pretrained weights that are named and not copied, by input."""
MAX_FILES = 64
MAX_BYTES = 2**32


def sealed(body: bytes) -> bytes:
    """The text of a card from all but its last line: that is the sha256 of what stands before it."""
    return body + b',\n "sha256": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


SEAL = len(sealed(b""))


def write_card(card: Mapping[str, object]) -> bytes:
    """The bytes of a card, every one of them fixed by its content."""
    check_card("the card", {**card, "sha256": ""})
    text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
    return sealed(text.removesuffix("\n}").encode())


def read_card(folder: Path) -> Card:
    """The card of a model folder.

    Raises:
        MMZooError: there is none, a byte of it was changed, or it holds what a card does not.
    """
    path = folder / CARD
    require(os.path.lexists(path), f"'{folder}' is not a model: it has no {CARD}; give the 'model' folder of a run.")
    require(plain_size(path) <= MAX_JSON, f"'{path}' is over the limit of {MAX_JSON // 2**20} MB of a card.")
    data = read_start(path, MAX_JSON)
    require(
        data == sealed(data[:-SEAL]),
        f"'{path}' is damaged or was changed by hand (its sha256 does not fit); copy the model again.",
    )
    card = parse_json(f"'{path}'", data)
    check_card(f"'{path}'", card)
    return cast(Card, card)


def check_card(what: str, card: Raw) -> None:
    """Exactly the keys, the types and the sizes that a card has; what the spec means is the spec's own affair."""
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise MMZooError(
            f"{what} is not a card that this version of mmzoo reads (format {FORMAT}); save the model again with it."
        )
    known = ", ".join(KEYS)
    require(
        card.keys() - MORE.keys() == KEYS.keys(),
        f"{what} must have the keys {known}, not {', '.join(sorted(card))[:200]}.",
    )
    for key, kind in (KEYS | MORE).items():
        require(type(card.get(key, kind())) is kind, f"The '{key}' of {what} must be of type {kind.__name__}.")
    for key in ("mmzoo", "spec", "metrics", *MORE):
        check_plain(f"The '{key}' of {what}", card.get(key))
    require(
        all(type(value) in (int, float) for value in card["metrics"].values()),
        f"The metrics of {what} must be numbers.",
    )
    require(
        all(isinstance(value, str) for value in card.get("about", {}).values()), f"What {what} is about must be texts."
    )
    check_files(what, card["files"])


def check_files(what: str, files: Mapping[str, Raw]) -> None:
    """Flat lower-case names, a length and a sha256 each, together no more than a disk likes."""
    require({WEIGHTS, GOLDEN} <= files.keys(), f"{what} must name {WEIGHTS} and {GOLDEN}.")
    require(len(files) <= MAX_FILES, f"{what} names {len(files)} files, over the limit of {MAX_FILES}.")
    for name, facts in files.items():
        asset = len(name) <= 105 and re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?\.json", name) and name != CARD
        plain = name in (WEIGHTS, GOLDEN) or asset
        require(plain, f"{what} names a file {name[:100]!r}, which is outside the folder or not data; it is refused.")
        require(
            isinstance(facts, dict)
            and facts.keys() == {"bytes", "sha256"}
            and type(facts["bytes"]) is int
            and 0 <= facts["bytes"] <= MAX_BYTES
            and isinstance(facts["sha256"], str)
            and re.fullmatch("[0-9a-f]{64}", facts["sha256"]),
            f"The entry '{name}' in {what} must be a length up to {MAX_BYTES // 2**30} GB and a sha256.",
        )
