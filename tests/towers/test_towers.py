"""The towers that are ours, calculated again with NumPy in float64. (test_efficientnet_lite0.py has its own.)"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy.signal import correlate

import mmzoo
from mmzoo.modalities.audio.spectrogram import LogMel
from mmzoo.tokenizers.hashed_words import HashedWords
from mmzoo.towers import towers
from tests.fusions.fusion_case import attention

RNG = np.random.default_rng(0)


def run(name: str, item: Any, batch: np.ndarray, **options: Any) -> tuple[Any, np.ndarray, dict[str, np.ndarray]]:
    """The tower's tokens and mask, and its weights in float64, none of them at the value it starts with."""
    x = keras.Input(item.shape, dtype=item.dtype)
    model = keras.Model(x, tuple(towers[name](x, item, **options)))
    for weight in model.trainable_weights:
        weight.assign(weight + RNG.normal(size=weight.shape) * 0.1)
    for weight in model.non_trainable_weights:
        if "moving_" in weight.path:
            weight.assign(RNG.uniform(0.5, 1.5, weight.shape))
    values, mask = model(batch, training=False)
    return np.asarray(values), np.asarray(mask), {w.path: np.asarray(w, np.float64) for w in model.weights}


def same_convolution(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """x (H, W, C) with kernel (3, 3, C, D) and TensorFlow's "same" padding."""
    sides = [(-(-n // stride) - 1) * stride + 3 - n for n in x.shape[:2]]
    x = np.pad(x, [(max(p, 0) // 2, max(p, 0) - max(p, 0) // 2) for p in sides] + [(0, 0)])
    full = [correlate(x, kernel[..., d], mode="valid")[..., 0] for d in range(kernel.shape[-1])]
    return np.stack(full, axis=-1)[::stride, ::stride]


def convolutions(
    x: np.ndarray, weights: dict[str, np.ndarray], prefix: str, strides: list[int], pools: list[bool]
) -> Any:
    for k, (stride, pool) in enumerate(zip(strides, pools, strict=True)):
        x = same_convolution(x, weights[f"{prefix}.conv{k}/kernel"], stride)
        gamma, beta, mean, var = (
            weights[f"{prefix}.norm{k}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        x = np.maximum((x - mean) / np.sqrt(var + 1e-3) * gamma + beta, 0)
        if pool:
            high, wide = x.shape[0] // 2, x.shape[1] // 2
            x = x[: high * 2, : wide * 2].reshape(high, 2, wide, 2, -1).max(axis=(1, 3))
    return x


def test_small_cnn() -> None:
    batch = RNG.integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    values, mask, weights = run("small_cnn", mmzoo.Image("p", size=16), batch, filters=[4, 6])
    for row in range(2):
        wanted = convolutions(batch[row] / 127.5 - 1, weights, "p", [1, 1], [True, True])
        np.testing.assert_allclose(values[row], wanted.reshape(16, 6), atol=1e-5)
    assert mask.all()


def test_spectrogram_cnn() -> None:
    item = mmzoo.Audio("s", sample_rate=8000, seconds=0.5)
    batch = RNG.normal(size=(2, 4000)).astype(np.float32) * 0.1
    batch[1, 2000:] = 0
    values, mask, weights = run("spectrogram_cnn", item, batch, filters=[3, 4])
    frames, real = (np.asarray(part, np.float64) for part in LogMel(8000, num_mel_bins=40)(batch))
    for row in range(2):
        wanted = convolutions(frames[row][..., None], weights, "s", [2, 1], [False, True])
        np.testing.assert_allclose(values[row], wanted.reshape(len(wanted), -1), atol=1e-4)
        np.testing.assert_array_equal(mask[row], real[row].astype(bool)[::4][: len(wanted)])
    assert 0 < mask[1].sum() < mask[0].sum() == mask.shape[1]


@pytest.mark.parametrize("heads", [1, 2])
def test_embedding_attention(heads: int) -> None:
    item = mmzoo.Text("t", max_bytes=32, tokens=5, tokenizer=mmzoo.Tokenizer("hashed_words", buckets=50))
    batch = np.stack([item.decode(text) for text in ("the quick brown fox", "one")])
    options = {"width": 8, "heads": heads}
    values, mask, weights = run("embedding_attention", item, batch, **options)
    ids = np.asarray(HashedWords(5, 50)(batch))
    for row in range(2):
        x = weights["t.embedding/embeddings"][ids[row]]
        x = x + attention(x, x, ids[row] > 0, weights, "t.attention")
        normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
        wanted = normal * weights["t.norm/gamma"] + weights["t.norm/beta"]
        np.testing.assert_allclose(values[row][mask[row]], wanted[ids[row] > 0], atol=1e-5)
    assert mask.sum(axis=1).tolist() == [4, 1]
