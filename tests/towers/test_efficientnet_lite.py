"""The ports of EfficientNet-Lite: against a forward pass in plain NumPy, and on pictures whose class is known."""

from __future__ import annotations

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.datasets.emoji import emoji
from mmzoo.errors import MMZooError
from mmzoo.towers.efficientnet_lite import FAMILY, network, with_arrays
from mmzoo.weights import find, is_installed, weights
from mmzoo.weights.torch_format import read_torch
from tests.conftest import small_spec, usual

STRIDES = [1, 2, 2, 2, 1, 2, 1]  # of the first block of each stage


@functools.cache
def arrays(name: str) -> dict[str, np.ndarray]:
    if not is_installed(weights.get("imagenet", name)):
        pytest.skip(f"the package with the weights of {name} is not installed")
    (path,) = find("imagenet", name).values()
    return read_torch(path)


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """x (C, H, W) with kernel (out, in per group, k, k) and TensorFlow's "same" padding, tap by tap."""
    out, per_group, size, _ = kernel.shape
    high = -(-x.shape[1] // stride)
    pad = max((high - 1) * stride + size - x.shape[1], 0)
    x = np.pad(x, ((0, 0), (pad // 2, pad - pad // 2), (pad // 2, pad - pad // 2)))
    total = np.zeros((out, high, high))
    for i in range(size):
        for j in range(size):
            window = x[:, i : i + stride * (high - 1) + 1 : stride, j : j + stride * (high - 1) + 1 : stride]
            tap = kernel[:, :, i, j]
            total += window * tap[:, :1, None] if per_group == 1 else np.tensordot(tap, window, 1)
    return total


def forward(found: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """(3, S, S) -> (1280, S / 32, S / 32). How many blocks there are, and how wide, is read off the arrays."""

    def block(x: np.ndarray, name: str, norm: str, stride: int = 1, activate: bool = True) -> np.ndarray:
        x = convolve(x, found[f"{name}.weight"].astype(np.float64), stride)
        scale, shift, mean, var = (
            found[f"{norm}.{part}"].astype(np.float64)[:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        x = (x - mean) / np.sqrt(var + 1e-3) * scale + shift
        return np.clip(x, 0, 6) if activate else x

    x, number, strides = block(x, "_conv_stem", "_bn0", 2), 0, iter(STRIDES)
    while f"_blocks.{number}._depthwise_conv.weight" in found:
        entry, prefix = x, f"_blocks.{number}."
        first = found[f"{prefix}_project_conv.weight"].shape[0] != entry.shape[0]
        if f"{prefix}_expand_conv.weight" in found:
            x = block(x, f"{prefix}_expand_conv", f"{prefix}_bn0")
        x = block(x, f"{prefix}_depthwise_conv", f"{prefix}_bn1", next(strides) if first else 1)
        x = block(x, f"{prefix}_project_conv", f"{prefix}_bn2", activate=False)
        x = x if first else x + entry
        number += 1
    return block(x, "_conv_head", "_bn1")


@pytest.mark.parametrize(
    ("name", "side"), [("efficientnet_lite0", 32), *((name, 64) for name in FAMILY), ("efficientnet_lite2", 35)]
)
def test_against_numpy_in_float64(name: str, side: int) -> None:
    x = np.random.default_rng(0).normal(size=(side, side, 3))
    model = with_arrays(network(name, side), arrays(name))
    found = np.asarray(model(x[None].astype(np.float32)))[0]
    np.testing.assert_allclose(found, forward(arrays(name), x.transpose(2, 0, 1)).transpose(1, 2, 0), atol=1e-4)
    assert model.count_params() == FAMILY[name].parameters


@pytest.mark.long
def test_inner_channels_stand_beside_the_top() -> None:
    arrays("efficientnet_lite0")
    image, x = mmzoo.Image("image", size=64), np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8)
    found = {}
    for inner in (False, True):
        spec = small_spec(inputs=[replace(image, tower=mmzoo.Tower("efficientnet_lite0", inner=inner))])
        model = mmzoo.build(spec)
        tokens = model.parts.cut(model.input, model.parts.tower_tokens("image")[0])
        found[inner] = np.asarray(tokens({"image": x, "present": np.ones((2, 1), bool)}))
    backbone = with_arrays(network("efficientnet_lite0", 64), arrays("efficientnet_lite0"))
    sixth = keras.Model(backbone.input, backbone.get_layer("stage6").output)((x - 127.0) / 128.0)
    np.testing.assert_allclose(found[True][..., -1280:], found[False], atol=1e-5)
    np.testing.assert_allclose(found[True][..., :-1280], np.reshape(sixth, (2, 4, 192)), atol=1e-4)
    with pytest.raises(MMZooError, match="no block of the tower of input 'image' trains by itself"):
        small_spec(inputs=[replace(image, tower=mmzoo.Tower("efficientnet_lite0", inner=True, trainable_blocks=1))])


@pytest.mark.parametrize("name", usual(FAMILY, {"efficientnet_lite0"}))
def test_known_pictures(name: str) -> None:
    # ImageNet classes of things that look like their emoji.
    known = {"umbrella": 879, "sailboat": 914, "violin": 889, "hot dog": 934}
    known |= {"ambulance": 407, "basketball": 430, "laptop": 620, "hammer": 587}
    splits = emoji()
    pictures = {r["name"]: r["image"] for split in splits for r in split if r["name"] in known}
    from PIL import Image

    size = (FAMILY[name].side,) * 2
    x = np.stack([np.asarray(Image.fromarray(pictures[each]).resize(size, 2), np.float32) for each in known])
    features = np.asarray(with_arrays(network(name, size[0]), arrays(name))((x - 127) / 128)).mean(axis=(1, 2))
    logits = features @ arrays(name)["_fc.weight"].T + arrays(name)["_fc.bias"]
    for row, (each, label) in zip(np.argsort(-logits, axis=1)[:, :5], known.items(), strict=True):
        assert label in row, f"{each} is taken for {row}"


def test_weights_of_no_name_and_no_file() -> None:
    picture = mmzoo.Image("x", size=32, tower=mmzoo.Tower("efficientnet_lite2", weights="imagnet"))
    with pytest.raises(MMZooError, match=r"'imagnet' of input 'x' does not exist; .*weights='imagenet' or None"):
        mmzoo.build(mmzoo.Spec([picture], "concat", [mmzoo.Regression("y")]))
