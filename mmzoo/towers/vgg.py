"""VGG, by keras.applications."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers.families import Family, application, described, register_family

PAPER = "(Simonyan & Zisserman 2015, arXiv:1409.1556)"
FILTERS = (64, 128, 256, 512, 512)
CUTS = [f"block{number}_pool" for number in range(1, 5)]
SAID = """    batch_norm: of random weights only: each convolution is followed by batch normalization, without which
            thirteen layers hardly get going (Ioffe & Szegedy 2015, arXiv:1502.03167).
    """


def check_batch_norm(item: Image, *, batch_norm: bool, weights: str | None, **_: object) -> None:
    """Pretrained weights were trained without it."""
    require(
        not batch_norm or weights is None,
        f"The pretrained weights of input '{item.name}' know no batch normalization; leave out batch_norm or weights.",
    )


def vgg(name: str, convolutions: Sequence[int], family: Family, summary: str) -> None:
    """Register one of the two depths; `convolutions` are those of each block."""

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
        made = family if weights else family._replace(make=from_scratch(name, convolutions, batch_norm))
        return application(x, item, name, made, weights, trainable_blocks, adapters, resolution)

    tower.__name__ = name
    tower.__doc__ = described(family, summary, SAID)
    register_family(name, family, tower, check_batch_norm)


def from_scratch(name: str, convolutions: Sequence[int], batch_norm: bool) -> Callable[..., keras.Model]:
    """The network with the initial weights that suit ReLU (He et al. 2015, arXiv:1502.01852).

    Keras' own are those of Glorot, whose variance is half of it: behind thirteen convolutions little of a picture is
    left, 1 / 2**6.5 of its scale.
    """

    def network(*, input_shape: tuple[int, ...], **_: object) -> keras.Model:
        x = start = keras.Input(input_shape)
        for block, (depth, filters) in enumerate(zip(convolutions, FILTERS, strict=True), 1):
            for number in range(1, depth + 1):
                convolution = f"block{block}_conv{number}"
                x = keras.layers.Conv2D(
                    filters,
                    3,
                    padding="same",
                    use_bias=not batch_norm,
                    activation=None if batch_norm else "relu",
                    kernel_initializer="he_normal",
                    name=convolution,
                )(x)
                if batch_norm:
                    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{convolution}_norm")(x)
                    x = keras.layers.ReLU(name=f"{convolution}_relu")(x)
            x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
        return keras.Model(start, x, name=name)

    return network


vgg(
    "vgg16",
    (2, 2, 3, 3, 3),
    Family(keras.applications.VGG16, "caffe", CUTS, "CC-BY-4.0", 14_714_688),
    f"VGG16 without its dense layers {PAPER}.",
)
vgg(
    "vgg19",
    (2, 2, 4, 4, 4),
    Family(keras.applications.VGG19, "caffe", CUTS, "CC-BY-4.0", 20_024_384),
    f"VGG19 without its dense layers {PAPER}.",
)
