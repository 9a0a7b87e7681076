"""Any image tower on each frame of a video, and any sequence tower over time."""

from __future__ import annotations

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.modalities.video import Video
from mmzoo.tokens import Tokens, masked_mean
from mmzoo.towers import scoped, towers
from mmzoo.towers.nested import check_image_tower, nested
from mmzoo.towers.sequence import check_encoder


def check_towers(item: Video, *, image: Tower | str, time: Tower | str) -> None:
    """Both towers exist, serve what they are asked to and know their options."""
    check_image_tower(item, image=image, size=item.size)
    check_encoder(item, time, "work over time", "mean")


@towers.register("frames", check_towers, serves="video")
def frames(x: Tensor, item: Video, *, image: Tower | str = "small_cnn", time: Tower | str = "mean") -> Tokens:
    """Each frame through one image tower, its mean token a frame; then, if asked, a tower over time.

    Karpathy et al. 2014, "Large-scale Video Classification with Convolutional Neural Networks", and, with
    an LSTM over time, Donahue et al. 2015, arXiv:1411.4389. uint8 (B, T, S, S, 3) -> `Tokens` (B, T, any).

    Args:
        image: an image tower by name, or `Tower(name, option=...)`.
        time: "mean" leaves the frames to the fusion, which takes their mean and maximum; or a tower that
            serves sequences: "transformer" for attention, "lstm", "tcn" ..., or `Tower(name, option=...)`.
    """
    pictures = ops.reshape(x, (-1, item.size, item.size, 3))
    found = nested(pictures, item, image, item.size, "frame")
    each = masked_mean(found.values, found.mask)
    values = ops.reshape(each, (-1, item.frames, each.shape[-1]))
    tokens = Tokens(values, ops.ones_like(values[..., 0], dtype="bool"))
    chosen = Tower.of(time)
    if chosen.name == "mean":
        return tokens
    return towers[chosen.name].encoder(tokens, scoped(item), **chosen.options)  # type: ignore[attr-defined, no-any-return]
