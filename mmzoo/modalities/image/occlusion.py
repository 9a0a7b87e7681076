"""What the logit loses without a patch of a picture, or of every frame of a video."""

from __future__ import annotations

import numpy as np

from mmzoo.modalities.explanation import Probe

GRID = 8  # patches a side of a picture


def patches(probe: Probe) -> np.ndarray:
    """For a picture or each frame's place in a video: the logit lost when a patch has the mean colour, (GRID, GRID)."""
    example = probe.example
    high, wide = example.shape[-3:-1]
    colour = example.reshape(-1, 3).mean(axis=0).round().astype(example.dtype)
    rows, columns = (np.linspace(0, size, GRID + 1).round().astype(int) for size in (high, wide))
    variants = np.repeat(example[None], GRID * GRID, axis=0)
    for k in range(GRID * GRID):
        r, c = divmod(k, GRID)
        variants[k, ..., rows[r] : rows[r + 1], columns[c] : columns[c + 1], :] = colour
    return probe.lost(variants).reshape(GRID, GRID)
