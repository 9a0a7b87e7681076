"""A .tflite that writes step by step, driven by `mmzoo.decoding`. Needs NumPy and LiteRT alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmzoo.decoding import Beam, Decoded, Greedy, Sample, decode
from mmzoo.decoding.one import Seen

Runner = Callable[..., dict[str, np.ndarray]]


class Stepping:
    """The signatures `encode` and `step` of a file that `mmzoo.export.tflite.writers` has made.

    Args:
        encode: from the tensors of an example to what the decoder remembers of it at first.
        step: from that, a token and its position to the next log-probabilities, and what is remembered then.
        most: tokens of an answer.
    """

    def __init__(self, encode: Runner, step: Runner, most: int) -> None:
        self.encode, self.step, self.most = encode, step, most

    def decoded(
        self, tensors: dict[str, np.ndarray], how: Greedy | Beam | Sample | None = None, seen: Seen | None = None
    ) -> Decoded:
        """What is written about a batch of one; see `mmzoo.decoding.decode`."""
        tensors = {**tensors, "present": np.asarray(tensors["present"], np.uint8)}
        caches = {name: np.array(value) for name, value in self.encode(**tensors).items()}
        return decode(self._next, caches, np.zeros(1, np.int32), end=0, most=self.most, how=how, seen=seen)

    def _next(
        self, tokens: np.ndarray, caches: dict[str, np.ndarray], position: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """One step of each hypothesis, one after the other."""
        place, log_probs = np.array([position], np.int32), []
        after = {name: np.array(value) for name, value in caches.items()}
        for row in range(len(tokens)):
            one = {name: value[row : row + 1] for name, value in caches.items()}
            found = dict(self.step(**one, tokens=tokens[row : row + 1], position=place))
            log_probs.append(np.array(found.pop("log_probs")[0]))
            for name, value in found.items():
                after[name][row] = value[0]
        return np.stack(log_probs), after
