"""Pictures as some hundreds of numbers: small pixels, the directions of edges, and colours."""

from __future__ import annotations

import numpy as np

SIDE, CELLS, DIRECTIONS = 32, 8, 9


def picture_vector(pixels: np.ndarray) -> np.ndarray:
    """uint8 (32, 32, 3) -> float32 (944,).

    16 x 16 grey pixels; a histogram of the directions of edges in each of 8 x 8 fields (as in HOG, Dalal & Triggs
    2005); the mean colours of 4 x 4 fields, and a histogram of 4 x 4 x 4 colours.
    """
    colours = pixels.astype(np.float32) / 255.0
    grey = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    small = grey.reshape(16, 2, 16, 2).mean(axis=(1, 3))
    fields = colours.reshape(4, 8, 4, 8, 3).mean(axis=(1, 3))
    levels = np.minimum(pixels // 64, 3).astype(int)
    histogram = np.bincount((levels @ np.array([16, 4, 1])).reshape(-1), minlength=64) / SIDE**2
    return np.concatenate([small.reshape(-1), edges(grey).reshape(-1), fields.reshape(-1), histogram])


def edges(grey: np.ndarray) -> np.ndarray:
    """The strength of the edges of each direction in each field of a picture (32, 32): (8, 8, 9)."""
    down, right = np.gradient(grey)
    strength = np.hypot(down, right)
    direction = (np.arctan2(down, right) % np.pi) / np.pi * DIRECTIONS
    place = np.minimum(direction.astype(int), DIRECTIONS - 1)
    rows = np.arange(SIDE)[:, None] * CELLS // SIDE
    field = (rows * CELLS + rows.T) * DIRECTIONS + place
    found = np.bincount(field.reshape(-1), strength.reshape(-1), CELLS * CELLS * DIRECTIONS)
    found = found.reshape(CELLS, CELLS, DIRECTIONS)
    # By how much there is in the field and around it, so that a faint picture has the same edges.
    padded = np.pad((found**2).sum(axis=2), 1, mode="edge")
    around = sum(padded[a : a + CELLS, b : b + CELLS] for a in range(3) for b in range(3))
    shares: np.ndarray = found / np.sqrt(around + 1e-3)[..., None]
    return shares
