"""Vision Transformer, by KerasHub."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Config, Tensor
from mmzoo.declared import pretrained
from mmzoo.errors import require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import assets, scoped, towers
from mmzoo.towers.backbone import Scale
from mmzoo.towers.hub import is_preset, load_preset

PRESET = "vit_base_patch16_224_imagenet"
CONFIG = ("patch_size", "num_layers", "num_heads", "hidden_dim", "mlp_dim")


def check_patch(item: Image, *, weights: str | None, patch: int, resolution: int, **options: object) -> None:
    """The picture is a whole number of patches; those of a preset are only known when it is built."""
    if not is_preset(weights):
        check_side(item, resolution or item.size, patch)


def check_side(item: Image, side: int, patch: int) -> None:
    """A picture of that side is a whole number of patches."""
    require(
        side % patch == 0,
        f"Tower 'vit' cuts pictures into patches of {patch} pixels, and input '{item.name}' has {side}; "
        f"give it size={side // patch * patch or patch}, or another patch.",
    )


@towers.register("vit", check_patch, serves="image")
def vit(
    x: Tensor,
    item: Image,
    *,
    weights: str | None = None,
    patch: int = 8,
    width: int = 64,
    layers: int = 4,
    heads: int = 4,
    dropout: float = 0.1,
    resolution: int = 0,
) -> Tokens:
    """Vision Transformer without its dense layer (Dosovitskiy et al. 2021, arXiv:2010.11929), KerasHub's.

    uint8 (B, S, S, 3) -> `Tokens` (B, 1 + (S / patch)**2, width): the class token, then the patches.

    Args:
        weights: None (random), the folder of a KerasHub preset, or "imagenet" (downloaded); a preset brings its
            own patch, width, layers and heads, and asks for its resolution.
        patch: side of a patch in pixels.
        width, layers, heads: of the Transformer; its inner layers are four times as wide.
        dropout: share of features left out in training.
        resolution: side in pixels to which the input is scaled first; 0 leaves it.
    """
    side, name = resolution or item.size, scoped(item)
    layer_name = name("pretrained" if weights else "blocks")

    def fresh(config: Config) -> keras.Model:
        import keras_hub

        check_side(item, side, config["patch_size"])
        return keras_hub.models.ViTBackbone(
            image_shape=(side, side, 3),
            dropout_rate=dropout,
            attention_dropout=dropout,
            layer_norm_epsilon=1e-6,
            name=layer_name,
            **config,
        )

    mine = {"patch_size": patch, "num_layers": layers, "num_heads": heads, "hidden_dim": width, "mlp_dim": 4 * width}
    if weights is None or not is_preset(weights):
        backbone = fresh(mine)
    else:
        config = assets.get(f"{item.name}_vit.json", lambda: preset_config(item, weights))
        backbone = fresh({key: config[key] for key in CONFIG})  # a saved model's file may hold anything else
        if not assets.restoring():
            load_weights(backbone, item, weights, side)
    x = Scale("tf", resolution, name=name("scale"))(x)
    if weights:
        pretrained(item, backbone)
    values = backbone(x)
    return Tokens(values, ops.ones_like(values[..., 0], dtype="bool"))


def preset(item: Image, weights: str) -> keras.Model:
    """The preset's backbone with its weights."""
    return load_preset("ViTBackbone", PRESET if weights == "imagenet" else weights, item)


def preset_config(item: Image, weights: str) -> Config:
    """What shapes the preset's network."""
    config = preset(item, weights).get_config()
    patch = config["patch_size"]
    return {**{key: config[key] for key in CONFIG}, "patch_size": patch if isinstance(patch, int) else patch[0]}


def load_weights(backbone: keras.Model, item: Image, weights: str, side: int) -> None:
    """The preset's weights into `backbone`; its places fit only its own resolution."""
    source = preset(item, weights)
    own = source.inputs[0].shape[1]
    require(
        own == side,
        f"The ViT preset of input '{item.name}' was trained on {own} pixels, not {side}; give size={own} or "
        f"Tower('vit', weights=..., resolution={own}).",
    )
    for target, value in zip(backbone.weights, source.weights, strict=True):
        target.assign(value)
