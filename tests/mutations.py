"""Damaged copies of a file, the same ones at every run: whatever a stranger's file holds, a decoder must survive it."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

# Numbers at the edges of what lengths, counts and sides are stored in.
EDGES = (0, 1, 2, 3, 7, 8, 9, 0x7F, 0x80, 0xFE, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF)
EDGES += (0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
HEADER = 128  # bytes at the start that are hit more often: there stands what a decoder believes


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`count` damaged copies of `data`; the same ones for the same arguments.

    Each has one to three faults: bits flipped, bytes set, numbers of 1, 2 or 4 bytes overwritten by ones at their
    edges in either order of bytes, bytes put in, left out, repeated, exchanged, moved to elsewhere, or the end cut off.
    """
    draw = random.Random(seed)
    for _ in range(count):
        made = bytearray(data)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            draw.choice(FAULTS)(made, draw)
        yield bytes(made)


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    """Set what stands at a path of keys."""

    def change(inside: Any) -> None:
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value

    return change


def place(made: bytearray, draw: random.Random) -> int:
    """Somewhere in it, one time in two in its header."""
    return draw.randrange(min(len(made), HEADER) if draw.random() < 0.5 else len(made)) if made else 0


def span(made: bytearray, draw: random.Random) -> slice:
    """Some bytes, mostly few."""
    start = place(made, draw)
    return slice(start, start + draw.choice((1, 2, 4, 8, 16, 64, 256, len(made))))


def flip_bits(made: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 2, 8, 32))):
        if made:
            made[place(made, draw)] ^= 1 << draw.randrange(8)


def set_bytes(made: bytearray, draw: random.Random) -> None:
    where = span(made, draw)
    length = len(made[where])
    made[where] = draw.choice((bytes(length), b"\xff" * length, draw.randbytes(length)))


def overwrite_number(made: bytearray, draw: random.Random) -> None:
    kind = draw.choice((">B", ">H", "<H", ">I", "<I"))
    width = struct.calcsize(kind)
    at = place(made, draw)
    made[at : at + width] = struct.pack(kind, draw.choice(EDGES) % 256**width)


def change_number(made: bytearray, draw: random.Random) -> None:
    """A little more or less than it was."""
    kind = draw.choice((">B", ">H", "<H", ">I", "<I"))
    width = struct.calcsize(kind)
    at = place(made, draw)
    if at + width <= len(made):
        (was,) = struct.unpack_from(kind, made, at)
        struct.pack_into(kind, made, at, (was + draw.choice((-9, -4, -1, 1, 4, 9, was))) % 256**width)


def put_in(made: bytearray, draw: random.Random) -> None:
    at = place(made, draw)
    length = draw.choice((1, 1, 2, 4, 16, 300))
    made[at:at] = draw.choice((bytes(length), b"\xff" * length, draw.randbytes(length)))


def leave_out(made: bytearray, draw: random.Random) -> None:
    del made[span(made, draw)]


def repeat(made: bytearray, draw: random.Random) -> None:
    where = span(made, draw)
    made[where] = made[where] * draw.choice((2, 2, 3, 16))


def splice(made: bytearray, draw: random.Random) -> None:
    """A part of it again, elsewhere, over or between what stands there."""
    part = bytes(made[span(made, draw)])
    at = place(made, draw)
    made[at : at + draw.choice((0, len(part)))] = part


def exchange(made: bytearray, draw: random.Random) -> None:
    """Two parts that follow each other change places."""
    first = span(made, draw)
    second = slice(first.stop, first.stop + draw.choice((1, 4, 16, 64, 256)))
    made[first.start : second.stop] = made[second] + made[first]


def cut(made: bytearray, draw: random.Random) -> None:
    del made[draw.randrange(len(made) + 1) if made else 0 :]


FAULTS = (
    flip_bits,
    flip_bits,
    set_bytes,
    overwrite_number,
    overwrite_number,
    change_number,
    put_in,
    leave_out,
    repeat,
    splice,
    exchange,
    cut,
)
