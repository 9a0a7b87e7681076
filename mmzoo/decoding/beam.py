"""Several hypotheses an example, of which the likely ones go on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmzoo.aliases import Tree
from mmzoo.decoding.base import Decoded, Step, chosen_rows, next_log_probs
from mmzoo.decoding.one import Seen
from mmzoo.errors import check_number


@dataclass(frozen=True)
class Beam:
    """Beam search: after each token the best hypotheses go on; a finished one stays among them as it is.

    Hypotheses are ranked by `log p / ((5 + length) / 6) ** length_penalty`, the length with the end token (Wu et al.
    2016, "GNMT", arXiv:1609.08144). With one beam the answer is that of `Greedy`.

    Args:
        beams: hypotheses an example.
        length_penalty: 0 ranks by log p itself, which favours short answers; 1 nearly by its mean over the tokens.
    """

    beams: int = 4
    length_penalty: float = 0.6

    def __post_init__(self) -> None:
        check_number("The beams of a beam search", self.beams, 1, 1024, whole=True)
        check_number("The length penalty of a beam search", self.length_penalty, 0, 10)

    def __call__(
        self, step: Step, caches: Tree, first: np.ndarray, end: int, most: int, start: int, seen: Seen | None
    ) -> Decoded:
        count, beams = len(first), self.beams
        example = np.arange(count)[:, None]
        caches = chosen_rows(caches, np.repeat(np.arange(count), beams))
        tokens = np.repeat(np.asarray(first, np.int32), beams)
        ids = np.zeros((count, beams, most), np.int32)
        lengths, ended = np.zeros((count, beams), int), np.zeros((count, beams), bool)  # with the end token
        sums = np.full((count, beams), -np.inf)
        sums[:, 0] = 0.0  # all are the same at first; one of them counts
        for place in range(most):
            found, caches = step(tokens, caches, start + place)
            log_probs = next_log_probs(found).reshape(count, beams, -1)
            width = log_probs.shape[2]
            # What goes on in as many ways as there are tokens, and what has ended in one: with the end token again.
            onwards = sums[:, :, None] + log_probs
            onwards[ended] = -np.inf
            onwards[..., end] = np.where(ended, sums, onwards[..., end])
            long = np.where(ended, lengths, place + 1)[:, :, None]
            scores = (onwards / self.penalty(long)).reshape(count, -1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :beams]
            before, chosen = best // width, best % width
            sums = onwards.reshape(count, -1)[example, best]
            was = ended[example, before]
            ids = ids[example, before]
            ids[:, :, place] = np.where(was | (chosen == end), 0, chosen)
            lengths = np.where(was, lengths[example, before], place + 1)
            ended = was | (chosen == end)
            tokens = chosen.reshape(-1).astype(np.int32)
            if (ended | np.isneginf(sums)).all():
                break
            rows = (before + beams * example).reshape(-1)
            if (rows != np.arange(len(rows))).any():
                caches = chosen_rows(caches, rows)
        first_ended = ended[:, 0]
        return Decoded(ids[:, 0], lengths[:, 0] - first_ended, sums[:, 0], first_ended)

    def penalty(self, lengths: np.ndarray) -> np.ndarray:
        """What log-probabilities of answers so long are divided by."""
        return np.asarray(((5.0 + lengths) / 6.0) ** self.length_penalty)
