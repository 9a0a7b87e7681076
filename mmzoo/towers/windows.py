"""A long sequence as windows that overlap by half, each read by one tower."""

from __future__ import annotations

from typing import Annotated

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.layers import pooled
from mmzoo.modalities.base import Modality
from mmzoo.options import Range
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers
from mmzoo.towers.sequence import SEQUENCES, check_encoder, encoder_of


def check_tower(item: Modality, *, tower: Tower | str, length: int) -> None:
    """The tower reads sequences and knows its options."""
    check_encoder(item, tower, "read windows")


@towers.register("windows", check_tower, serves=SEQUENCES)
def windows(
    x: Tensor, item: Modality, *, tower: Tower | str = "rocket", length: Annotated[int, Range(2, 16_384)] = 256
) -> Tokens:
    """Windows of a long recording, each one token by the same tower; the fusion takes their mean and maximum.

    Windows overlap by half. One that adds nothing but padding is masked. (B, *shape) -> `Tokens` (B, windows, any).

    Args:
        tower: one for sequences, by name, or `Tower(name, option=...)`.
        length: steps, frames or tokens of a window.
    """
    chosen = Tower.of(tower)
    encode, width, options = encoder_of(chosen, item)
    cut = cut_up(item.sequence(x, width), length)
    count, size, numbers = cut.values.shape[1:]
    each = Tokens(ops.reshape(cut.values, (-1, size, numbers)), ops.reshape(cut.mask, (-1, size)))
    found = encode(each, scoped(item), **options)
    values = pooled(found) if found.values.shape[1] > 1 else found.values[:, 0]
    # One whose second half is padding was read with the window before it; but the first is always read.
    mask = ops.any(cut.mask[:, :1], axis=2)
    if count > 1:
        mask = ops.concatenate([mask, ops.any(cut.mask[:, 1:, size // 2 :], axis=2)], axis=1)
    return Tokens(ops.reshape(values, (-1, count, values.shape[-1])), mask)


def cut_up(tokens: Tokens, length: int) -> Tokens:
    """`Tokens` (B, T, D) as windows: values (B, W, length, D) and mask (B, W, length); the last is filled up.

    An odd length is cut to the even one below it.
    """
    half = max(length // 2, 1)
    steps = tokens.values.shape[1]
    count = max(-(-steps // half), 2)
    short = count * half - steps
    values = ops.pad(tokens.values, ((0, 0), (0, short), (0, 0)))
    mask = ops.pad(ops.cast(tokens.mask, "float32"), ((0, 0), (0, short)))
    values = ops.reshape(values, (-1, count, half, values.shape[2]))
    mask = ops.reshape(mask, (-1, count, half))
    values = ops.concatenate([values[:, :-1], values[:, 1:]], axis=2)
    return Tokens(values, ops.concatenate([mask[:, :-1], mask[:, 1:]], axis=2) > 0)
