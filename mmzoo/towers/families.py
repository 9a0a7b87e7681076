"""The networks of keras.applications as image towers: what is registered of each, and its tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from mmzoo.aliases import Tensor
from mmzoo.errors import MMZooError, require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import grid_tokens, towers
from mmzoo.towers.backbone import Scale, check_tuning, load_pretrained, run_backbone
from mmzoo.weights import Weights
from mmzoo.weights import weights as known_weights


class Family(NamedTuple):
    """What mmzoo has to know of a network of keras.applications.

    make: its function.
    preprocess: what its weights were trained on, see `Scale`; "none" where that is one of its layers.
    block_ends: names of the layers that end its blocks, all but the last block's.
    licence: of the weights for ImageNet.
    parameters: of the network without its dense layers.
    least: the smallest side in pixels.
    """

    make: Callable[..., keras.Model]
    preprocess: str
    block_ends: list[str]
    licence: str
    parameters: int
    least: int = 32


def image_family(name: str, family: Family, summary: str) -> None:
    """Register a network of keras.applications, without its dense layers, as an image tower."""

    def tower(
        x: Tensor,
        item: Image,
        *,
        weights: str | None = None,
        trainable_blocks: int = 0,
        adapters: int = 0,
        resolution: int = 0,
    ) -> Tokens:
        return application(x, item, name, family, weights, trainable_blocks, adapters, resolution)

    tower.__name__ = name
    tower.__doc__ = described(family, summary)
    register_family(name, family, tower)


def described(family: Family, summary: str, more: str = "") -> str:
    """The docstring of such a tower.

    Args:
        more: what it says of options that others have not.
    """
    return f"""{summary}

    uint8 (B, S, S, 3) -> `Tokens` (B, places of the last feature map, its channels).
    {len(family.block_ends) + 1} blocks.

    Args:
        weights: None (random, all of it trains), "imagenet" (downloaded) or a .weights.h5 file.
        trainable_blocks: with weights, how many of the last blocks train.
        adapters: with weights, all blocks stay frozen, and behind each but the first is an adapter of that width.
        resolution: side in pixels to which the input is scaled first; 0 leaves it.
    {more}"""


def register_family(
    name: str, family: Family, tower: Callable[..., Tokens], check_more: Callable[..., None] | None = None
) -> None:
    """Register such a tower, and the weights that Keras has for it.

    Args:
        check_more: checks options that others have not, by their names, with the input before them.
    """

    def check(item: Image, *, resolution: int, **options: Any) -> None:
        side = resolution or item.size
        require(
            side >= family.least,
            f"Tower '{name}' needs pictures of at least {family.least} pixels a side, but input '{item.name}' has "
            f"{side}; give it size={family.least} or more, or Tower('{name}', resolution={family.least}).",
        )
        check_tuning(item, blocks=len(family.block_ends) + 1, **options)
        if check_more is not None:
            check_more(item, **options)

    towers.register(name, check, serves="image")(tower)
    known_weights.register(
        Weights(
            "imagenet",
            towers=(name,),
            install="downloaded by Keras at the first use, which checks a digest of its own",
            licence=family.licence,
            source="https://keras.io/api/applications/",
            parameters=family.parameters,
            megabytes=round(family.parameters * 4 / 1e6, 1),
            note="ImageNet-1k.",
        )
    )


def application(
    x: Tensor,
    item: Image,
    name: str,
    family: Family,
    weights: str | None,
    trainable_blocks: int,
    adapters: int,
    resolution: int,
) -> Tokens:
    """The tokens of a network of keras.applications: one for each place of its last feature map."""
    side = resolution or item.size

    def build(weights: str | None) -> keras.Model:
        return family.make(include_top=False, weights=weights, input_shape=(side, side, 3))

    def download(called: str) -> keras.Model:
        try:
            return build(called)
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise MMZooError(
                f"The ImageNet weights of tower '{name}' for input '{item.name}' could not be downloaded; "
                "connect to the network once, give weights='FILE.weights.h5', or weights=None to train from scratch."
            ) from error

    backbone = load_pretrained(item, name, weights, lambda: build(None), download)
    scale = Scale(family.preprocess, resolution)
    blocks = trainable_blocks if weights else None
    return grid_tokens(run_backbone(x, item, backbone, scale, family.block_ends, blocks, adapters), item)
