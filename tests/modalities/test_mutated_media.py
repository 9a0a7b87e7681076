"""Damaged sounds, videos and arrays: each is decoded or refused in a sentence, at once, whatever the damage."""

from __future__ import annotations

import io
import time
from typing import NamedTuple

import numpy as np
import pytest

import mmzoo
from mmzoo.errors import DataError
from tests.modalities import media
from tests.mutations import mutations

AUDIO = mmzoo.Audio("sound", sample_rate=8000, seconds=0.5)
VIDEO = mmzoo.Video("clip", frames=4, size=16)
SENSOR = mmzoo.Sensor("watch", channels=2, steps=6)
KINDS = (*media.SOUNDS, *media.TRACKS, *media.VIDEOS, "npy")


class Tried(NamedTuple):
    """Of the mutated files of one kind: how many were decoded and refused, and the slowest's seconds."""

    decoded: int
    refused: int
    slowest: float


def sample(kind: str) -> tuple[mmzoo.Audio | mmzoo.Video | mmzoo.Sensor, bytes]:
    """A whole file of a kind, and what reads it."""
    if kind == "npy":
        out = io.BytesIO()
        np.save(out, np.arange(12, dtype=np.float32).reshape(6, 2))
        return SENSOR, out.getvalue()
    return (VIDEO, media.video(kind)) if kind in media.VIDEOS else (AUDIO, media.sound(kind))


def tried(kind: str, count: int, seed: int) -> Tried:
    """What becomes of `count` mutated files; any error but the one that a record may have is raised."""
    item, whole = sample(kind)
    decoded, slowest = 0, 0.0
    for data in mutations(whole, count, seed):
        start = time.process_time()
        try:
            found = item.decode(data)
        except DataError as error:
            assert "\n" not in str(error)
            assert str(error).endswith(".")
            assert error.cause != "other"
        else:
            assert (found.shape, found.dtype) == (item.shape, item.dtype)
            assert item is SENSOR or np.isfinite(found).all()
            decoded += 1
        slowest = max(slowest, time.process_time() - start)
    return Tried(decoded, count - decoded, slowest)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_decoded_or_refused(kind: str) -> None:
    found = tried(kind, 50, seed=0)
    assert found.refused
    assert found.slowest < 5


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_are_decoded_or_refused(kind: str) -> None:
    assert tried(kind, 2000, seed=1).slowest < 5
