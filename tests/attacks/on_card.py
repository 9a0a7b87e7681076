"""Attacks by the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmzoo.weights.card import sealed
from tests.attacks.making import (
    CARD,
    GOLDEN,
    WEIGHTS,
    card_of,
    refused,
    sparse,
)


@refused("has no card.json")
def no_card(folder: Path) -> None:
    (folder / CARD).unlink()


@refused("over the limit of 16 MB")
def card_of_200_mb(folder: Path) -> None:
    sparse(folder / CARD, 200 * 2**20)


@refused("its sha256 does not fit")
def empty_card(folder: Path) -> None:
    (folder / CARD).write_bytes(b"")


@refused("its sha256 does not fit")
def white_space_in_card(folder: Path) -> None:
    (folder / CARD).write_bytes((folder / CARD).read_bytes() + b"\n")


for key, text in {
    "list_as_card": b"[\n 1",
    "nesting_bomb": b"[" * 15_000_000,
    "nesting_bomb_of_objects": b'{"a":' * 15_000,
    "not_utf8": b'{"format": "\xff"',
    "utf16": '{"format": 2'.encode("utf-16"),
    "duplicate_keys": b'{"format": 2, "format": 2',
    "nan": b'{"format": NaN',
    "infinity": b'{"format": -Infinity',
    "a_number_that_overflows": b'{"format": 1e999',
    "a_number_of_a_million_digits": b'{"format": 1' + b"0" * 1_000_000,
}.items():

    @refused("is not the JSON that mmzoo writes", key)
    def bad_json(folder: Path, text: bytes = text) -> None:
        (folder / CARD).write_bytes(sealed(text))


@refused("over the limit of 16 MB, 500000 values or 20000 objects")
def a_million_objects(folder: Path) -> None:
    (folder / CARD).write_bytes(sealed(b'{"format": [' + b"{}," * 5_000_000 + b"{}]"))


@refused("is not a card that this version of mmzoo reads")
def as_much_json_as_is_allowed(folder: Path) -> None:
    bulk = [*[{"a": {}}] * 9_000, {str(n): 0 for n in range(480_000)}, "\U0001f427" * 10**6]
    text = json.dumps({"format": bulk}, ensure_ascii=False).removesuffix("}")
    (folder / CARD).write_bytes(sealed(text.encode()))


for key, change in {
    "format_1": {"format": 1},
    "format_true": {"format": True},
    "format_float": {"format": 2.0},
    "spec_is_a_list": {"spec": []},
    "metrics_with_text": {"metrics": {"accuracy": "<script>"}},
    "metrics_too_deep": {"metrics": {"accuracy": [1.0]}},
    "mmzoo_is_a_number": {"mmzoo": 1},
    "files_is_a_list": {"files": [WEIGHTS, GOLDEN]},
    "no_weights_named": {"files": {GOLDEN: {"bytes": 1, "sha256": "0" * 64}}},
    "a_key_too_many": {"module": "os"},
    "code_in_a_key": {"class_name": "Lambda"},
}.items():

    @refused("must|is not a card", key)
    def bad_card(folder: Path, change: dict[str, Any] = change) -> None:
        with card_of(folder) as card:
            card |= change


@refused("must have the keys")
def a_key_too_few(folder: Path) -> None:
    with card_of(folder) as card:
        del card["metrics"]


@refused("over the limit of 64")
def too_many_files(folder: Path) -> None:
    with card_of(folder) as card:
        card["files"] |= {f"a{number}.json": card["files"][WEIGHTS] for number in range(100)}


for key, facts in {
    "negative_length": {"bytes": -1},
    "length_true": {"bytes": True},
    "length_float": {"bytes": 10.0},
    "length_of_an_exabyte": {"bytes": 2**60},
    "short_hash": {"sha256": "00"},
    "hash_in_upper_case": {"sha256": "A" * 64},
    "hash_is_a_list": {"sha256": []},
    "a_fact_too_many": {"url": "http://localhost/weights"},
}.items():

    @refused("must be a length up to 4 GB and a sha256", key)
    def bad_entry(folder: Path, facts: dict[str, Any] = facts) -> None:
        with card_of(folder) as card:
            card["files"][WEIGHTS] |= facts


@refused("wrong length or hash")
def wrong_hash(folder: Path) -> None:
    with card_of(folder) as card:
        card["files"][WEIGHTS]["sha256"] = "0" * 64


@refused("but its card says")
def wrong_length(folder: Path) -> None:
    with card_of(folder) as card:
        card["files"][WEIGHTS]["bytes"] += 1
