"""How a good model folder is changed into one that hurts, its hashes set right again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from mmzoo.weights.card import sealed

Attack = Callable[[Path], object]
ATTACKS: dict[str, tuple[Attack, str]] = {}
WEIGHTS, GOLDEN, CARD = "weights.safetensors", "golden.safetensors", "card.json"


def refused(words: str, name: str = "") -> Callable[[Attack], Attack]:
    """Decorator: the attack is refused with `words`, a regular expression."""

    def add(attack: Attack) -> Attack:
        key = name or attack.__name__
        assert key not in ATTACKS
        ATTACKS[key] = (attack, words)
        return attack

    return add


def write_card(folder: Path, card: Any) -> None:
    """Any value as a card under a good seal."""
    body = {key: value for key, value in card.items() if key != "sha256"}
    (folder / CARD).write_bytes(sealed(json.dumps(body, indent=1, ensure_ascii=False).removesuffix("\n}").encode()))


@contextmanager
def card_of(folder: Path) -> Iterator[dict[str, Any]]:
    """The card, written again with what was changed in it."""
    card = json.loads((folder / CARD).read_text())
    yield card
    write_card(folder, card)


def put(folder: Path, name: str, data: bytes) -> None:
    """A file with a good entry in the card."""
    (folder / name).write_bytes(data)
    with card_of(folder) as card:
        card["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}


def put_header(folder: Path, header: Any, data: bytes = b"") -> None:
    """Weights of that header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    put(folder, WEIGHTS, len(text).to_bytes(8, "little") + text + data)


def put_tensor(folder: Path, **facts: Any) -> None:
    """Weights of one tensor and 16 bytes, those facts changed."""
    put_header(folder, {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **facts}}, bytes(16))


def change_arrays(folder: Path, change: Callable[[dict[str, np.ndarray]], object], name: str = WEIGHTS) -> None:
    arrays = {key: value.copy() for key, value in load((folder / name).read_bytes()).items()}
    change(arrays)
    put(folder, name, save(arrays))


def change_tower(folder: Path, **options: Any) -> None:
    with card_of(folder) as card:
        card["spec"]["inputs"][0]["tower"] |= options


def change_input(folder: Path, **fields: Any) -> None:
    with card_of(folder) as card:
        card["spec"]["inputs"][0] |= fields


def sparse(path: Path, size: int) -> None:
    """A file that is long and takes no space."""
    with open(path, "ab") as file:
        file.truncate(size)
