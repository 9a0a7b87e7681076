"""The port of EfficientNet-Lite0: against a forward pass in plain NumPy, and on pictures whose class is known."""

from __future__ import annotations

import numpy as np
import pytest

from mmzoo.datasets.emoji import emoji
from mmzoo.towers.efficientnet_lite0 import STAGES, network, read_package, with_arrays

ARRAYS = read_package()


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


def block(x: np.ndarray, name: str, norm: str, stride: int = 1, activate: bool = True) -> np.ndarray:
    x = convolve(x, ARRAYS[f"{name}.weight"].astype(np.float64), stride)
    scale, shift, mean, var = (
        ARRAYS[f"{norm}.{part}"].astype(np.float64)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    x = (x - mean) / np.sqrt(var + 1e-3) * scale + shift
    return np.clip(x, 0, 6) if activate else x


def forward(x: np.ndarray) -> np.ndarray:
    """(3, S, S) -> (1280, S / 32, S / 32)."""
    x, number = block(x, "_conv_stem", "_bn0", 2), 0
    for _, stride, expansion, _, repeats in STAGES:
        for repeat in range(repeats):
            entry, prefix = x, f"_blocks.{number}."
            if expansion > 1:
                x = block(x, f"{prefix}_expand_conv", f"{prefix}_bn0")
            x = block(x, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride if repeat == 0 else 1)
            x = block(x, f"{prefix}_project_conv", f"{prefix}_bn2", activate=False)
            x = x + entry if repeat else x
            number += 1
    return block(x, "_conv_head", "_bn1")


@pytest.mark.parametrize("side", [32, 64])
def test_against_numpy_in_float64(side: int) -> None:
    x = np.random.default_rng(0).normal(size=(side, side, 3))
    found = np.asarray(with_arrays(network(side), ARRAYS)(x[None].astype(np.float32)))[0]
    np.testing.assert_allclose(found, forward(x.transpose(2, 0, 1)).transpose(1, 2, 0), atol=2e-4)


def test_known_pictures() -> None:
    # ImageNet classes of things that look like their emoji.
    known = {"umbrella": 879, "sailboat": 914, "trolleybus": 874, "fire engine": 555}
    splits = emoji()
    pictures = {r["name"]: r["image"] for split in splits for r in split if r["name"] in known}
    from PIL import Image

    x = np.stack([np.asarray(Image.fromarray(pictures[name]).resize((224, 224), 2), np.float32) for name in known])
    features = np.asarray(with_arrays(network(224), ARRAYS)((x - 127) / 128)).mean(axis=(1, 2))
    top = np.argsort(-(features @ ARRAYS["_fc.weight"].T + ARRAYS["_fc.bias"]), axis=1)[:, :5]
    for row, (name, label) in enumerate(known.items()):
        assert label in top[row], f"{name} is taken for {top[row]}"
