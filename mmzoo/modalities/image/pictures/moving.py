"""The moving pictures of a GIF."""

from __future__ import annotations

import io

import numpy as np

from mmzoo.errors import require_data
from mmzoo.modalities.image.pictures.gif import END, MAX_FRAMES, MOVING_COST, Walk
from mmzoo.modalities.image.pictures.limits import MAX_PIXELS, check_sides, damaged
from mmzoo.modalities.image.pictures.reading import on_white, trouble
from mmzoo.modalities.image.pictures.resizing import resized


def read_gif(data: bytes, origin: str, frames: int, size: int) -> np.ndarray:
    """Frames of a GIF at even distances, uint8 (frames, size, size, 3), transparent ones laid on white.

    Only the ones that are wanted are held, and they small.

    Raises:
        DataError: it is damaged, has more than `MAX_FRAMES` frames, or is over the limits.
    """
    from PIL import Image as Pillow

    walk, count = walked(data, origin)
    places = ((np.arange(frames) + 0.5) * count / frames).astype(int)
    shown = {}
    with (
        trouble(origin, "truncated_video"),
        Pillow.open(io.BytesIO(b"".join([*walk.parts, END])), formats=["GIF"]) as file,
    ):
        for place in sorted(set(places.tolist())):
            file.seek(place)
            file.load()
            check_sides(file.width, file.height, origin, MOVING_COST)
            shown[place] = resized(on_white(file), size)
    return np.stack([shown[place] for place in places])


def walked(data: bytes, origin: str) -> tuple[Walk, int]:
    """A GIF behind its last frame, and how many it has; nothing is decoded.

    Raises:
        DataError: see `read_gif`.
    """
    walk, count = Walk(data, origin), 0
    while walk.to_frame():
        count += 1
        many = f"{origin} has over {MAX_FRAMES} frames; cut it or make it a video."
        require_data(count <= MAX_FRAMES, "too_large_video", many)
        check_sides(walk.width, walk.height, origin, MOVING_COST)
        total = walk.width * walk.height * count
        large = f"{origin} holds {total} pixels in all, over the limit; scale it down."
        require_data(total <= 4 * MAX_PIXELS, "too_large_video", large)
        walk.past_frame()
    if not count:
        raise damaged(origin, "truncated_video")
    return walk, count
