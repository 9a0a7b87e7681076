"""What the towers with pretrained weights share: where weights come from, and where a backbone is cut."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
from keras import ops

from mmzoo.aliases import Config, Tensor, Tree
from mmzoo.declared import frozen_features, pretrained
from mmzoo.errors import MMZooError, check_number, require
from mmzoo.modalities.base import Modality
from mmzoo.towers import assets, scoped
from mmzoo.towers.adapters import with_adapters
from mmzoo.weights import is_run
from mmzoo.weights import weights as known_weights
from mmzoo.weights.download import fetch, is_remote


def check_tuning(
    item: Modality, *, weights: str | None, adapters: int, trainable_blocks: int = 0, blocks: int = 0, **options: object
) -> None:
    """Raise unless a tower of so many blocks can train in that way."""
    check_number(f"trainable_blocks of input '{item.name}'", trainable_blocks, 0, blocks, whole=True)
    require(
        not adapters or (weights and not trainable_blocks),
        f"Adapters of input '{item.name}' go between pretrained blocks that do not train; give weights, and leave "
        "trainable_blocks at 0.",
    )


def load_pretrained(
    item: Modality,
    tower: str,
    weights: str | None,
    fresh: Callable[[], keras.Model],
    named: Callable[[str], keras.Model],
) -> keras.Model:
    """A backbone with the weights that are asked for: None, a name of those of its tower, or a .weights.h5 file, which
    may be on a network (`mmzoo.weights.download`).

    Those of a run are given to the model once it is built, see `mmzoo.graph.begin`.

    Args:
        fresh: makes it with random weights.
        named: makes it with the weights of that name, see `mmzoo.weights`.

    Raises:
        MMZooError: there is no such name or file, or the file has other layers.
    """
    if weights is None or is_run(weights) or assets.restoring(weights, tower):
        return fresh()
    names = [each.name for each in known_weights.of(tower)]
    if weights in names:
        return named(weights)
    path = fetch(weights) if is_remote(weights) else Path(weights)
    require(
        path.is_file(),
        f"The weights file '{weights}' of input '{item.name}' does not exist; "
        f"check the path, or give {' or '.join(f'weights={name!r}' for name in names)} or None.",
    )
    model = fresh()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns of layers that the file does not have
            model.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        difference = first_difference(model, path) or " ".join(str(error).split())[:300]
        raise MMZooError(
            f"The weights file '{weights}' does not fit the tower of input '{item.name}': {difference}"
        ) from error
    return model


def first_difference(model: keras.Model, path: Path) -> str:
    """Which layer of `model` is the first that a .weights.h5 file has not, or has with other shapes."""
    import h5py

    try:
        with h5py.File(path) as file:
            # Keras files layers by their class and a number, and notes their names beside.
            places = {group["vars"].attrs["name"]: group["vars"] for group in file["layers"].values()}
            for layer in model.layers:
                if not layer.weights:
                    continue
                if layer.name not in places:
                    return f"the file has no layer '{layer.name}'."
                place = places[layer.name]
                there = [tuple(place[str(k)].shape) for k in range(len(place))]
                wanted = [tuple(weight.shape) for weight in layer.weights]
                if there != wanted:
                    return f"layer '{layer.name}' has shapes {wanted} in the tower and {there} in the file."
    except (OSError, KeyError, AttributeError, TypeError):
        return ""
    return ""


@keras.saving.register_keras_serializable("mmzoo")
class Scale(keras.layers.Layer):
    """uint8 (B, S, S, 3) -> float32 (B, R, R, 3): scaled to `resolution` (0 leaves it), then `preprocess`.

    That is "none", 0 to 255 as they are; "caffe" or "tf", as `keras.applications` has it; "lite", from -1 to 1 by
    `(x - 127) / 128`.
    """

    def __init__(self, preprocess: str, resolution: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.preprocess, self.resolution = preprocess, resolution

    def call(self, x: Tensor) -> Tensor:
        x = ops.cast(x, "float32")
        if self.resolution and self.resolution != x.shape[1]:
            # Bilinear without antialiasing: the one kind of resizing that TFLite has as a builtin.
            x = ops.image.resize(x, (self.resolution, self.resolution), interpolation="bilinear")
        if self.preprocess == "lite":
            return (x - 127.0) / 128.0
        if self.preprocess == "none":
            return x
        return keras.applications.imagenet_utils.preprocess_input(x, data_format="channels_last", mode=self.preprocess)


@keras.saving.register_keras_serializable("mmzoo")
class FrozenFeatures(keras.layers.Layer):
    """`lower(scale(x))` as one layer: the frozen blocks of a backbone. What else `scale` puts out, it puts out too."""

    def __init__(self, scale: keras.layers.Layer, lower: keras.Model, **kwargs: object) -> None:
        super().__init__(**{"trainable": False, **kwargs})
        self.scale, self.lower = scale, lower

    def get_config(self) -> dict[str, object]:
        parts = {"scale": self.scale, "lower": self.lower}
        return {**super().get_config(), **{k: keras.saving.serialize_keras_object(v) for k, v in parts.items()}}

    @classmethod
    def from_config(cls, config: Config) -> FrozenFeatures:
        parts = {k: keras.saving.deserialize_keras_object(config[k]) for k in ("scale", "lower")}
        return cls(**{**config, **parts})

    def call(self, x: Tensor) -> Tensor:
        return first_of(self.scale(x), lambda values: self.lower(values, training=False))


def first_of(found: Tree, change: Callable[[Tensor], Tensor]) -> Tree:
    """`change` of a tensor, or of the first of several, with the others as they are."""
    return (change(found[0]), *found[1:]) if isinstance(found, (tuple, list)) else change(found)


def run_backbone(
    x: Tensor,
    item: Modality,
    backbone: keras.Model,
    scale: keras.layers.Layer,
    block_ends: list[str],
    trainable_blocks: int | None,
    adapters: int = 0,
) -> Tree:
    """`backbone(scale(x))`, cut so that what never trains is the frozen part.

    Args:
        scale: makes of an example what the backbone reads. Of several tensors the backbone reads the first, and the
            others, such as a mask, are put out beside what it makes of that.
        block_ends: names of the layers that end the blocks, all but the last block's.
        trainable_blocks: how many of the last blocks train; None for a backbone that is not pretrained.
            Pretrained blocks keep their batch statistics: those of a small batch are worse.
        adapters: above 0, all blocks are frozen, and behind each but the first is an adapter of that width.
    """
    name = scoped(item)
    if trainable_blocks is None:
        return first_of(scale(x), renamed(backbone, name("blocks")))
    ends = [*(backbone.get_layer(cut).output for cut in block_ends), backbone.outputs[0]]
    frozen = 1 if adapters else len(ends) - trainable_blocks
    middle = ends[frozen - 1] if frozen else backbone.inputs[0]
    if frozen:
        lower = keras.Model(backbone.inputs, middle, name=name("frozen"))
        lower.trainable = False
        x = frozen_features(item, FrozenFeatures(scale, lower, name=name("frozen_features")))(x)
    else:
        x = scale(x)
    if adapters:
        ending = {*block_ends, backbone.layers[-1].name}
        rest = keras.Model(middle, ends[-1], name=name("adapted"))
        adapted = with_adapters(rest, lambda layer: layer.name in ending, adapters)
        x = first_of(x, lambda values: adapted(values, training=False))
    elif trainable_blocks:
        upper = pretrained(item, keras.Model(middle, ends[-1], name=name("pretrained")))
        x = first_of(x, lambda values: upper(values, training=False))
    return x


def renamed(model: keras.Model, name: str) -> keras.Model:
    """The same layers under another name."""
    return keras.Model(model.inputs, model.outputs[0], name=name)
