"""What the towers with pretrained weights share: where weights come from, and where a backbone is cut."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras import ops

from mmzoo.errors import MMZooError, require
from mmzoo.modalities import Modality
from mmzoo.towers import assets, scoped, trunk_name


def load_pretrained(
    item: Modality, weights: str | None, fresh: Callable[[], keras.Model], download: Callable[[], keras.Model]
) -> keras.Model:
    """A backbone with the weights that are asked for: None, "imagenet", or a .weights.h5 file."""
    if weights is None or assets.restoring():
        return fresh()
    if weights == "imagenet":
        return download()
    path = Path(weights)
    require(
        path.is_file(),
        f"The weights file '{weights}' of input '{item.name}' does not exist; "
        "check the path, or give weights='imagenet' or None.",
    )
    model = fresh()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns of layers that the file does not have
            model.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise MMZooError(
            f"The weights file '{weights}' does not fit the tower of input '{item.name}': {first_line(error)}"
        ) from error
    return model


def first_line(error: Exception) -> str:
    """The first sentence of what a library said."""
    return " ".join(str(error).split())[:300]


class Scale(keras.layers.Layer):
    """uint8 (B, S, S, 3) -> float32 (B, R, R, 3): scaled to `resolution` (0 leaves it), then `preprocess`."""

    def __init__(self, preprocess: Callable[[Any], Any], resolution: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preprocess, self.resolution = preprocess, resolution

    def call(self, x: Any) -> Any:
        x = ops.cast(x, "float32")
        if self.resolution and self.resolution != x.shape[1]:
            # Bilinear without antialiasing: the one kind of resizing that TFLite has as a builtin.
            x = ops.image.resize(x, (self.resolution, self.resolution), interpolation="bilinear")
        return self.preprocess(x)


class Trunk(keras.layers.Layer):
    """`lower(scale(x))` as one layer: the frozen blocks of a backbone."""

    def __init__(self, scale: Scale, lower: keras.Model, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.scale, self.lower = scale, lower

    def call(self, x: Any) -> Any:
        return self.lower(self.scale(x), training=False)


def run_backbone(
    x: Any, item: Modality, backbone: keras.Model, scale: Scale, cuts: list[str], trainable_blocks: int | None
) -> Any:
    """`backbone(scale(x))`, cut so that what never trains is the trunk.

    Args:
        cuts: names of the layers that end the blocks, the last of them the output.
        trainable_blocks: how many of the last blocks train; None for a backbone that is not pretrained.
            Pretrained blocks are called `<input>_pretrained`, and keep their batch statistics:
            those of a small batch are worse.
    """
    name = scoped(item)
    if trainable_blocks is None:
        return renamed(backbone, name("blocks"))(scale(x))
    frozen = len(cuts) - trainable_blocks
    middle = backbone.get_layer(cuts[frozen - 1]).output if frozen else backbone.inputs[0]
    if frozen:
        lower = keras.Model(backbone.inputs, middle, name=name("frozen"))
        lower.trainable = False
        x = Trunk(scale, lower, name=trunk_name(item))(x)
    else:
        x = scale(x)
    if trainable_blocks:
        upper = keras.Model(middle, backbone.get_layer(cuts[-1]).output, name=name("pretrained"))
        x = upper(x, training=False)
    return x


def renamed(model: keras.Model, name: str) -> keras.Model:
    """The same layers under another name."""
    return keras.Model(model.inputs, model.outputs[0], name=name)
