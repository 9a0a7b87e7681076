"""How a value is shown on a page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shown:
    """A value for a page: any of these.

    Args:
        text: words, or what a picture has no room for.
        picture: a PNG.
        sound: a WAV.
        curves: the points of lines in a field of 220 x 64, as SVG has them.
    """

    text: str = ""
    picture: bytes = b""
    sound: bytes = b""
    curves: tuple[str, ...] = ()


def curves(series: np.ndarray) -> tuple[str, ...]:
    """A series (T, C), NaN in gaps, as `Shown.curves`: a line a channel, each as high as the field."""
    lines = []
    for channel in series.T:
        there = np.flatnonzero(np.isfinite(channel))
        if len(there):
            x = there / max(len(channel) - 1, 1) * 220
            y = 60 - 56 * (channel[there] - channel[there].min()) / max(np.ptp(channel[there]), 1e-9)
            lines.append(" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)))
    return tuple(lines)


def png(pixels: np.ndarray) -> bytes:
    """uint8 (H, W) or (H, W, 3) as a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def grid(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures uint8 (H, W, 3), row by row in one; what is left over is white, and so are two pixels between them."""
    high, wide, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    whole = np.full((rows * (high + 2) - 2, columns * (wide + 2) - 2, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (high + 2), place % columns * (wide + 2)
        whole[top : top + high, left : left + wide] = picture
    return whole
