"""Finding the pieces of a vocabulary in texts, and going through a text piece by piece; in ops that exports have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.tokenizers.bytewise import last_not_after, shifted

MODULI = ((32749, 257), (32719, 263), (32717, 269), (32713, 271))  # (prime, base): products stay under 2**31
STARTS = MODULI[0][0] + 1


class Table(NamedTuple):
    """Where pieces are found by their two hashes, each of 30 bits: int32, in the order of the first.

    starts: (32750,), where those begin whose first hash has `k` in the bits above 15.
    first, second: (N,), the hashes.
    """

    starts: Tensor
    first: Tensor
    second: Tensor


def hashes_of(pieces: Sequence[Sequence[int]]) -> np.ndarray:
    """The two hashes of each piece, of its bytes or of its characters as numbers, int32 (N, 2)."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    longest = int(lengths.max(initial=0))
    inside = np.arange(longest) < lengths[:, None]
    units = np.zeros((len(pieces), longest), np.int64)
    units[inside] = np.fromiter(chain.from_iterable(pieces), np.int64)
    parts = []
    for prime, base in MODULI:
        value = np.zeros(len(pieces), np.int64)
        for place in range(longest):
            value = np.where(inside[:, place], (value * base + units[:, place]) % prime, value)
        parts.append(value)
    return np.stack([parts[0] * 2**15 + parts[1], parts[2] * 2**15 + parts[3]], axis=1).astype(np.int32)


def table_of(pieces: Sequence[Sequence[int]]) -> tuple[Table, np.ndarray]:
    """The table of pieces, and the places that they had in the order of the table.

    Raises:
        ValueError: two of them have both hashes in common, or three the first.
    """
    hashes = hashes_of(pieces)
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    first, second = hashes[order].T
    alike = np.diff(first) == 0
    if (alike & (np.diff(second) == 0)).any() or (alike[1:] & alike[:-1]).any():
        raise ValueError("Two pieces of the vocabulary have the same hashes.")
    starts = np.searchsorted(first // 2**15, np.arange(STARTS)).astype(np.int32)
    return Table(starts, first, second), order.astype(np.int32)


def most_alike(table: Table) -> int:
    """So many hashes begin alike at most."""
    return int(np.diff(table.starts).max())


def find(table: Table, follows: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The places in a table of the first 1, 2, ... P units of each row of int32 (B, L, P), (B, L, P); and is it there?

    By binary search among those whose first hash begins alike.

    Args:
        most: see `most_alike`.
    """
    bits, first, second = _hashed(follows)
    last = last_not_after(table.first, ops.cast(ops.take(table.starts, bits), "int32"), first, most)
    before = ops.maximum(last - 1, 0)  # of a large vocabulary two pieces may have the first hash in common
    place = ops.where(ops.take(table.second, last) == second, last, before)
    same = ops.logical_and(ops.take(table.first, place) == first, ops.take(table.second, place) == second)
    return place, ops.logical_and(same, follows > 0)


def following(x: Tensor, count: int) -> Tensor:
    """Each unit of int32 (B, L) and those after it, zeros behind the last: (B, L, count)."""
    return ops.stack([shifted(x, place) for place in range(count)], axis=2)


def _hashed(follows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of the first 1, 2, ... P units of each row of int32 (B, L, P) both hashes, as of `hashes_of`, (B, L, P).

    Before them the bits of the first hash above 15, which are at hand.
    """
    # All places and primes at once: an operation of each takes more room in a file than its numbers.
    primes, bases = (ops.convert_to_tensor(np.array(each, np.int32)) for each in zip(*MODULI, strict=True))
    parts = follows[..., :1] % primes
    found = [parts]
    for place in range(1, follows.shape[2]):
        parts = (parts * bases + follows[..., place : place + 1]) % primes
        found.append(parts)
    every = ops.stack(found, axis=2)
    return every[..., 0], every[..., 0] * 2**15 + every[..., 1], every[..., 2] * 2**15 + every[..., 3]


def followed(ids: Tensor, jump: Tensor, most: int) -> Tensor:
    """The ids int32 (B, most) that are met from place 0 by going on `jump` (B, L) places each time, then zeros.

    By following all jumps at once: log2(L) times each place takes over where the place that it leads to leads.

    Args:
        ids: of what begins at a place, (B, L); 0 where nothing does, which is passed over.
    """
    length = jump.shape[1]
    ids, jump = (ops.pad(each, ((0, 0), (0, 1))) for each in (ids, jump))  # the end, where all goes on to
    here = ops.zeros_like(jump) + ops.arange(length + 1, dtype="int32")
    onwards = ops.minimum(here + jump, length)
    # The first id from each place on, its own if it has one; by doubling, as all that follows.
    first = ops.where(ids > 0, here, onwards)
    for _ in range(length.bit_length()):
        first = ops.take_along_axis(first, first, axis=1)
    onwards = ops.take_along_axis(first, onwards, axis=1)
    places = first[:, :1]
    while places.shape[1] < most:
        places = ops.concatenate([places, ops.take_along_axis(onwards, places, axis=1)], axis=1)
        onwards = ops.take_along_axis(onwards, onwards, axis=1)
    return ops.take_along_axis(ids, places[:, :most], axis=1)
