"""Image towers that keras.applications builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from mmzoo.errors import MMZooError, check_number
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import grid_tokens, towers
from mmzoo.towers.backbone import Scale, load_pretrained, run_backbone


@towers.register("vgg16", serves="image")
def vgg16(x: Any, item: Image, *, weights: str | None = None, trainable_blocks: int = 0, resolution: int = 0) -> Tokens:
    """VGG16 without its dense layers (Simonyan & Zisserman 2015, arXiv:1409.1556).

    uint8 (B, S, S, 3) -> `Tokens` (B, (S / 32)**2, 512). Five blocks.

    Args:
        weights: None (random, all of it trains), "imagenet" (downloaded) or a .weights.h5 file.
        trainable_blocks: with weights, how many of the last blocks train.
        resolution: side in pixels to which the input is scaled first; 0 leaves it.
    """
    module = keras.applications.vgg16
    cuts = ["block1_pool", "block2_pool", "block3_pool", "block4_pool", "block5_pool"]
    return application(
        x, item, keras.applications.VGG16, module.preprocess_input, cuts, weights, trainable_blocks, resolution
    )


@towers.register("resnet50", serves="image")
def resnet50(
    x: Any, item: Image, *, weights: str | None = None, trainable_blocks: int = 0, resolution: int = 0
) -> Tokens:
    """ResNet50 without its dense layer (He et al. 2016, arXiv:1512.03385).

    uint8 (B, S, S, 3) -> `Tokens` (B, (S / 32)**2, 2048). Five blocks: the stem and four stages.

    Args:
        weights: None (random, all of it trains), "imagenet" (downloaded) or a .weights.h5 file.
        trainable_blocks: with weights, how many of the last blocks train.
        resolution: side in pixels to which the input is scaled first; 0 leaves it.
    """
    module = keras.applications.resnet
    cuts = ["pool1_pool", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"]
    return application(
        x, item, keras.applications.ResNet50, module.preprocess_input, cuts, weights, trainable_blocks, resolution
    )


def application(
    x: Any,
    item: Image,
    make: Callable[..., keras.Model],
    preprocess: Callable[[Any], Any],
    cuts: list[str],
    weights: str | None,
    trainable_blocks: int,
    resolution: int,
) -> Tokens:
    """Any family of keras.applications: `cuts` are the names of the layers that end its blocks."""
    side = resolution or item.size
    check_number(f"The resolution of the {make.__name__} tower of input '{item.name}'", side, 32, 1024, whole=True)
    check_number(f"trainable_blocks of input '{item.name}'", trainable_blocks, 0, len(cuts), whole=True)

    def build(weights: str | None) -> keras.Model:
        return make(include_top=False, weights=weights, input_shape=(side, side, 3))

    def download() -> keras.Model:
        try:
            return build("imagenet")
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise MMZooError(
                f"The ImageNet weights of {make.__name__} for input '{item.name}' could not be downloaded; "
                "connect to the network once, give weights='FILE.weights.h5', or weights=None to train from scratch."
            ) from error

    backbone = load_pretrained(item, weights, fresh=lambda: build(None), download=download)
    scale = Scale(preprocess, resolution)
    return grid_tokens(run_backbone(x, item, backbone, scale, cuts, trainable_blocks if weights else None))
