"""What the tests of kept features share."""

from __future__ import annotations

import hashlib
from pathlib import Path

import keras
import numpy as np
from safetensors.numpy import save


def files(place: Path) -> list[Path]:
    return sorted(place.glob("*.features")) if place.exists() else []


def key(letter: str) -> str:
    return letter * 32


LIKE = keras.KerasTensor((None, 250))


def entry(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a file of the cache with a right hash."""
    data = save(arrays)
    return hashlib.sha256(data).digest() + data


GOOD = np.arange(6, dtype=np.float32).reshape(2, 3)
