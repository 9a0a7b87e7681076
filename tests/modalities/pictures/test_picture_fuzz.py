"""Damaged picture files: decoded or refused by `DataError`, whatever their bytes, in time and in little memory."""

from __future__ import annotations

import resource
import time
import warnings
import zlib

import pytest

import mmzoo
from mmzoo.errors import DataError
from tests.modalities.pictures.picture_files import KINDS
from tests.mutations import mutations

IMAGE = mmzoo.Image("picture", size=32)


def peak() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tried(kind: str, count: int) -> dict[str, float]:
    """About `count` damaged files of a kind: how many were decoded and refused, the slowest in s, the growth in MB.

    Anything but `DataError` is raised, and so is a warning.
    """
    files = list(KINDS[kind].values())
    each = -(-count // len(files))
    found = {"decoded": 0, "refused": 0, "slowest": 0.0, "growth": -peak()}
    for seed, data in enumerate(files):
        for number, made in enumerate(mutations(data, each, seed)):
            made = mended(made) if kind == "PNG" and number % 2 else made
            began = time.process_time()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    pixels = IMAGE.decode(made)
                assert pixels.shape == IMAGE.shape
                found["decoded"] += 1
            except DataError as error:
                assert "\n" not in str(error)
                found["refused"] += 1
            found["slowest"] = max(found["slowest"], time.process_time() - began)
    found["growth"] += peak()
    return found


def mended(data: bytes) -> bytes:
    """A PNG with the right checksums: else nearly all damage would end there."""
    out, at = data[:8], 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        out, at = out + data[at:end] + zlib.crc32(data[at + 4 : end]).to_bytes(4, "big"), end + 4
    return out + data[at:]


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_decoded_or_refused(kind: str) -> None:
    found = tried(kind, 60)
    assert found["decoded"]
    assert found["refused"]


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_are_decoded_or_refused(kind: str) -> None:
    found = tried(kind, 2000)
    assert found["slowest"] < 10
    assert found["growth"] < 1024


def test_damage_is_the_same_at_every_run() -> None:
    data = bytes(range(256)) * 10
    made = list(mutations(data, 300, 1))
    assert made == list(mutations(data, 300, 1))
    assert made != list(mutations(data, 300, 2))
    assert len(set(made)) > 250
    assert list(mutations(b"", 50, 0)) == list(mutations(b"", 50, 0))
