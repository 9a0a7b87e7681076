"""Pictures made worse: JPEG, blur, noise (Hendrycks & Dietterich 2019, arXiv:1903.12261)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.corruption import Corruption

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality


def jpeg(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
) -> np.ndarray:
    """Pictures uint8 (B, S, S, 3) through JPEG of this quality."""
    from PIL import Image

    out = np.empty_like(examples)
    for k, example in enumerate(examples):
        file = io.BytesIO()
        Image.fromarray(example).save(file, "JPEG", quality=int(level))
        out[k] = np.asarray(Image.open(file).convert("RGB"))
    return out


def blur(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
) -> np.ndarray:
    """Pictures (..., S, S, 3) under a Gaussian whose deviation is `level` percent of their side."""
    from scipy.ndimage import gaussian_filter

    width = level / 100 * examples.shape[-2]
    still = (0,) * (examples.ndim - 3)
    return np.asarray(gaussian_filter(examples, (*still, width, width, 0)))


def grain(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
) -> np.ndarray:
    """Pictures with Gaussian noise whose deviation is `level` of 255."""
    noisy = examples + random.normal(0, level, examples.shape)
    return np.asarray(noisy.round().clip(0, 255).astype(np.uint8))


BLUR = Corruption("% of the side", (1, 2, 4, 8), blur)
NOISE = Corruption("of 255", (10, 25, 50, 100), grain)
CORRUPTIONS = {"jpeg": Corruption("quality", (50, 20, 10, 5), jpeg), "blur": BLUR, "noise": NOISE}
