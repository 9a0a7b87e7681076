"""VGG, by keras.applications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers.backbone import Family, application, described, register_family

PAPER = "(Simonyan & Zisserman 2015, arXiv:1409.1556)"
CUTS = [f"block{number}_pool" for number in range(1, 5)]
SAID = """    batch_norm: of random weights only: each convolution is followed by batch normalization, without which
            thirteen layers hardly get going (Ioffe & Szegedy 2015, arXiv:1502.03167).
    """


def check_batch_norm(item: Image, *, batch_norm: bool, weights: str | None, **_: Any) -> None:
    """Pretrained weights were trained without it."""
    require(
        not batch_norm or weights is None,
        f"The pretrained weights of input '{item.name}' know no batch normalization; leave out batch_norm or weights.",
    )


def vgg(name: str, family: Family, summary: str) -> None:
    """Register one of the two depths."""

    def tower(
        x: Tensor,
        item: Image,
        *,
        weights: str | None = None,
        trainable_blocks: int = 0,
        adapters: int = 0,
        resolution: int = 0,
        batch_norm: bool = False,
    ) -> Tokens:
        made = family if weights else family._replace(make=from_scratch(family.make, batch_norm))
        return application(x, item, name, made, weights, trainable_blocks, adapters, resolution)

    tower.__name__ = name
    tower.__doc__ = described(family, summary, SAID)
    register_family(name, family, tower, check_batch_norm)


def from_scratch(make: Callable[..., keras.Model], batch_norm: bool) -> Callable[..., keras.Model]:
    """The network with the initial weights that suit ReLU (He et al. 2015, arXiv:1502.01852).

    Keras' own are those of Glorot, whose variance is half of it: behind thirteen convolutions little of a picture is
    left, 1 / 2**6.5 of its scale.
    """

    def network(**options: Any) -> keras.Model:
        source = make(**options)
        x = start = keras.Input(source.input_shape[1:])
        for layer in source.layers[1:]:
            settings = layer.get_config()
            if isinstance(layer, keras.layers.Conv2D):
                normal = {"use_bias": False, "activation": None} if batch_norm else {}
                x = type(layer).from_config({**settings, "kernel_initializer": "he_normal", **normal})(x)
                if batch_norm:
                    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{layer.name}_norm")(x)
                    x = keras.layers.ReLU(name=f"{layer.name}_relu")(x)
            else:
                x = type(layer).from_config(settings)(x)
        return keras.Model(start, x, name=source.name)

    return network


vgg(
    "vgg16",
    Family(keras.applications.VGG16, "caffe", CUTS, "CC-BY-4.0", 14_714_688),
    f"VGG16 without its dense layers {PAPER}.",
)
vgg(
    "vgg19",
    Family(keras.applications.VGG19, "caffe", CUTS, "CC-BY-4.0", 20_024_384),
    f"VGG19 without its dense layers {PAPER}.",
)
