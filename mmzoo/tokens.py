"""What every tower yields and every fusion takes."""

from __future__ import annotations

from typing import NamedTuple

from keras import ops
from keras.backend import standardize_dtype

from mmzoo.aliases import Tensor


class Tokens(NamedTuple):
    """A sequence of vectors with its mask; one vector is a sequence of length one.

    values: float (B, T, D).
    mask: bool (B, T), True where a token is real. What stands at a False place never changes a result.
    """

    values: Tensor
    mask: Tensor


class Fused(NamedTuple):
    """What a feature-level fusion makes of the tokens of all modalities.

    embedding: float (B, any), which the heads read.
    tokens: `Tokens` (B, T, D), where the fusion has some that a decoder may attend to; else None.
    tower: float (B, any), of one modality by itself: the mean of what its tower puts out, before it has the width of
        the others; else None.
    """

    embedding: Tensor
    tokens: Tokens | None = None
    tower: Tensor | None = None


def is_number(x: Tensor) -> Tensor:
    """Where `x` is not NaN (nor beyond 1e30), bool of its shape: `isnan` is no builtin of TFLite."""
    return ops.abs(x) < 1e30


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean (B, D) over the True places of `mask` (B, T) of `values` (B, T, D); zeros where there are none."""
    kept = ops.where(mask[..., None], values, 0.0)
    count = ops.sum(ops.cast(mask, values.dtype), axis=1)[..., None]
    return ops.sum(kept, axis=1) / ops.maximum(count, 1.0)


def masked_max(values: Tensor, mask: Tensor) -> Tensor:
    """Maximum (B, D) over the True places of `mask`; zeros where there are none."""
    kept = ops.max(ops.where(mask[..., None], values, far_below(values)), axis=1)
    return ops.where(ops.any(mask, axis=1)[..., None], kept, 0.0)


def until_last(real: Tensor) -> Tensor:
    """Which places are at or before the last that is not 0, bool (B, T), of `real` float (B, T), 0 or more."""
    return ops.flip(ops.cumsum(ops.flip(real, axis=1), axis=1), axis=1) > 0


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax of `scores` over the last axis, zero at the False places of `mask`; all zeros where none is True."""
    scores = ops.where(mask, scores, far_below(scores))
    weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True)) * ops.cast(mask, scores.dtype)
    return weights / ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1.0)


def far_below(values: Tensor) -> float:
    """A number that no value is below: -1e9, or what a type of 16 bits can hold of it."""
    return -6e4 if standardize_dtype(values.dtype) == "float16" else -1e9
