"""SentencePiece's model file: the vocabulary out of a message of Protocol Buffers, read by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.weights.reading import read_published

LIMIT = 2**26  # bytes of a file
MOST = 2**20  # pieces
VARINT, EIGHT, LENGTH, FOUR = 0, 1, 2, 5
UNKNOWN, CONTROL, UNUSED = 2, 3, 5
"""Types of pieces that are in no text; see sentencepiece_model.proto."""


class Pieces(NamedTuple):
    """A vocabulary.

    pieces: by id, "\u2581" for a space; empty where a piece is in no text.
    scores: their log probabilities, float32.
    """

    pieces: list[str]
    scores: np.ndarray


def read_pieces(path: str | Path) -> Pieces:
    """The vocabulary of a SentencePiece model.

    Raises:
        MMZooError: the file cannot be read, or is none.
    """
    data = read_published(path, LIMIT, "vocabulary")
    try:
        return pieces_of(data)
    except (IndexError, ValueError) as error:
        raise MMZooError(f"'{path}' is damaged or no SentencePiece model ({error}); get it again.") from None


def pieces_of(data: bytes) -> Pieces:
    """What `read_pieces` returns, of the file's bytes."""
    pieces, scores = [], []
    for field, value in fields(data):
        if field == 1 and isinstance(value, bytes):
            own = dict(fields(value))
            text, score, kind = own.get(1, b""), own.get(2, b"\0" * 4), own.get(3, 1)
            if not isinstance(text, bytes) or not isinstance(score, bytes) or len(score) != 4:
                raise ValueError("a piece has another form")
            pieces.append("" if kind in (UNKNOWN, CONTROL, UNUSED) else text.decode())
            scores.append(score)
            require(len(pieces) <= MOST, f"A SentencePiece model has more than {MOST} pieces.")
    if not pieces:
        raise ValueError("it has no pieces")
    return Pieces(pieces, np.frombuffer(b"".join(scores), "<f4"))


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message by number: whole numbers, or bytes.

    Raises:
        ValueError, IndexError: it is cut short, or none.
    """
    place = 0

    def number() -> int:
        nonlocal place
        found = 0
        for shift in range(0, 70, 7):
            byte, place = data[place], place + 1
            found |= (byte & 127) << shift
            if byte < 128:
                return found
        raise ValueError("a number is too long")

    while place < len(data):
        key = number()
        kind = key & 7
        if kind == VARINT:
            yield key >> 3, number()
            continue
        if kind not in (EIGHT, LENGTH, FOUR):
            raise ValueError("a field has an unknown type")
        size = number() if kind == LENGTH else 8 if kind == EIGHT else 4
        if size > len(data) - place:
            raise ValueError("it is cut short")
        yield key >> 3, data[place : place + size]
        place += size
