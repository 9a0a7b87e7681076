"""Any image tower on the log-mel spectrogram as a picture."""

from __future__ import annotations

from typing import Annotated

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.sequence import frames
from mmzoo.options import Range
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers
from mmzoo.towers.nested import check_image_tower, nested


@towers.register("spectrogram_image", check_image_tower, serves="audio")
def spectrogram_image(
    x: Tensor, item: Audio, *, image: Tower | str = "resnet50", size: Annotated[int, Range(16, 1024)] = 64
) -> Tokens:
    """The log-mel, grey in three channels, through an image tower (Hershey et al. 2017, arXiv:1609.09430).

    float32 (B, N) -> the image tower's `Tokens` for (B, size, size, 3).

    Args:
        image: an image tower by name, or `Tower(name, option=...)`.
        size: side of the picture in pixels.
    """
    # Not what never trains: an image tower with frozen blocks puts that out.
    values, mask = frames(x, item, scoped(item)("frames"))
    grey = ops.clip((values + 3.0) * (255.0 / 6.0), 0.0, 255.0)[..., None]
    picture = ops.image.resize(grey, (size, size), interpolation="bilinear")
    found = nested(ops.repeat(picture, 3, axis=-1), item, image, size)
    # The grid of tokens runs over time first. Its row is real if the frame at its beginning is.
    count = found.values.shape[1]
    high = round(count**0.5) if round(count**0.5) ** 2 == count else count
    rows = [row * mask.shape[1] // high for row in range(high)]
    real = ops.stack([mask[:, row] for row in rows], axis=1)
    return Tokens(found.values, ops.repeat(real, count // high, axis=1))
