"""Decoding a batch."""

from __future__ import annotations

import numpy as np

from mmzoo.aliases import Tree
from mmzoo.decoding.base import Decoded, Step
from mmzoo.decoding.beam import Beam
from mmzoo.decoding.one import Greedy, Sample, Seen
from mmzoo.errors import require


def decode(
    step: Step,
    caches: Tree,
    first: np.ndarray,
    *,
    end: int,
    most: int,
    how: Greedy | Beam | Sample | None = None,
    start: int = 0,
    seen: Seen | None = None,
) -> Decoded:
    """The answers to a batch: every row of it decodes as it would alone.

    Args:
        step: the decoder.
        caches: what it is given first: arrays (N, ...) in dicts, lists or tuples.
        first: the token that each example begins with, int (N,): behind a prompt, its last.
        end: the token that ends an answer.
        most: tokens of an answer, its end among them, after which it is cut.
        how: `Greedy()` if not given.
        start: the position of `first`: above 0 behind a prompt.
        seen: is told every token when it is chosen, so that words can be shown as they come; not by a beam search,
            which only knows at its end.

    Raises:
        MMZooError: the probabilities are not numbers.
    """
    require(most > 0, f"An answer has at least one token, not {most}.")
    if len(first) == 0:
        none = np.zeros(0)
        return Decoded(np.zeros((0, most), np.int32), none.astype(int), none, none.astype(bool))
    return (how or Greedy())(step, caches, np.asarray(first, np.int32), end, most, start, seen)
