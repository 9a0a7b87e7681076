"""What others may have to know of a task, without asking which one it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tags:
    """What a task's predictions (B, K) are, as scikit-learn tags its estimators.

    Args:
        probabilistic: each of the K numbers is the probability of a class. There is a temperature, a calibration and a
            confidence then.
        exclusive: exactly one of these classes is right, and an encoded label is its place. There is a confusion
            matrix then, conformal sets, and records can be balanced by class.
        numeric: each is a number on the scale of the labels, and answer minus label an error. There are residuals
            then, and conformal ranges.
        logarithmic: and above 0, and an error is how many times too large or too small an answer is.
        vectors: each answer is one vector, which is right or wrong by what it lies near. There are directions in which
            inputs find each other then, and pages of queries.
        texts: each answer is the ids of a text, and in its last place the log-probability of it.
        stepwise: they are written token by token, each from those before it.
        rebuilt: each answer is an example of an input, as `Task.readable` gives it: a picture, a spectrogram, a row.
        pictures: and these are pictures.
        evidential: the logits stand for evidence, and `Task.uncertainty` says how much of it is wanting.
    """

    probabilistic: bool = False
    exclusive: bool = False
    numeric: bool = False
    logarithmic: bool = False
    evidential: bool = False
    vectors: bool = False
    texts: bool = False
    stepwise: bool = False
    rebuilt: bool = False
    pictures: bool = False

    @property
    def elementwise(self) -> bool:
        """Does each number of an answer say something by itself? Then it can be averaged, and explained."""
        return not (self.vectors or self.texts or self.rebuilt)
