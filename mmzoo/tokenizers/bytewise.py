"""What the tokenizers in the graph are made of, in ops that every export format has."""

from __future__ import annotations

from keras import ops

from mmzoo.aliases import Tensor


def lower_case(x: Tensor) -> Tensor:
    """The bytes (B, L) as int32, with A-Z as a-z."""
    x = ops.cast(x, "int32")
    return ops.where(ops.logical_and(x >= 65, x <= 90), x + 32, x)


def summed(values: Tensor, picks: Tensor) -> Tensor:
    """The sum of some of the `values`, int32 (B, L) of 0 to 2**24 - 1, for each row of `picks`, bool (B, K, L).

    As a product, but exact also where float32 is rounded to bfloat16 (TPU) or TF32 (GPU) in one: digits of 8 bits.
    """
    digits = ops.stack([values // 256**k % 256 for k in range(3)], axis=2)
    sums = ops.cast(ops.matmul(ops.cast(picks, "float32"), ops.cast(digits, "float32")), "int32")
    return sums[..., 0] + sums[..., 1] * 256 + sums[..., 2] * 256**2


def last_not_after(ordered: Tensor, low: Tensor, wanted: Tensor, most: int) -> Tensor:
    """The last place of int32 (N,), in order, with a number that is not after the one wanted, by binary search.

    Args:
        low: where those begin that begin like it, int32 of the shape of `wanted`; given back if all are after it.
        most: so many begin alike at most.
    """
    last = ordered.shape[0] - 1
    low = ops.minimum(low, last)
    for bit in reversed(range(most.bit_length())):
        probe = ops.minimum(low + 2**bit, last)
        low = ops.where(ops.take(ordered, probe) <= wanted, probe, low)
    return low


def shifted(x: Tensor, places: int) -> Tensor:
    """`x` (B, L) moved left by `places`, zeros coming in."""
    if places == 0:
        return x
    if places >= x.shape[1]:
        return ops.zeros_like(x)
    return ops.pad(x[:, places:], ((0, 0), (0, places)))
