"""What the tasks have in common whose answer is probabilities of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Objective
from mmzoo.errors import as_tuple, check_number, check_strings, require, unknown
from mmzoo.objectives import objectives
from mmzoo.tasks.common.learned import Learned, reads
from mmzoo.tasks.question import Label
from mmzoo.tasks.tags import Tags


@dataclass(frozen=True)
class Labelled(Learned):
    """A task whose loss is an objective of a wanted distribution over answers and the model's.

    Args:
        labels: the names of the classes.
        priors: the share of each output's label in the training records (of a binary one, of its second label);
            `Spec.fit` fills them in where the objective needs them.
    """

    labels: tuple[str, ...] = ()
    objective: Objective | str = field(default="cross_entropy", kw_only=True)
    priors: Sequence[float] = field(default=(), kw_only=True)
    reads: ClassVar[tuple[str, ...]] = ("log_probs",)
    exclusive: ClassVar[bool] = True
    """Is exactly one of the labels right?"""
    fewest: ClassVar[int] = 2
    """Labels that there must be."""
    score_name: ClassVar[str] = "accuracy"
    score_words: ClassVar[str] = "accuracy"
    score_is_share: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "labels", check_labels(self.name, self.labels, self.fewest))
        object.__setattr__(self, "priors", as_tuple(f"The priors of task '{self.name}'", self.priors))
        require(
            len(self.priors) in (0, self.units),
            f"Task '{self.name}' needs a prior for each of its {self.units} outputs, or none.",
        )
        for prior in self.priors:
            check_number(f"A prior of task '{self.name}'", prior, 1e-9, 1)

    @property
    def tags(self) -> Tags:
        return Tags(probabilistic=True, exclusive=self.exclusive, evidential=self.evidential)

    @property
    def evidential(self) -> bool:
        """Do the logits stand for evidence, not for probabilities?"""
        return reads(self._chosen[0]) == "concentrations"

    @property
    def answer_names(self) -> tuple[str, ...]:
        return self.labels

    @property
    def summary(self) -> str:
        return f"{self.kind}: {', '.join(self.labels)}"

    def describe(self) -> dict[str, object]:
        return {**super().describe(), "labels": list(self.labels)}

    def encode(self, value: Raw) -> Label:
        """The position of a label's name."""
        if value not in self.labels:
            raise unknown(f"label of task '{self.name}' called", value, self.labels)
        return np.int32(self.labels.index(value))

    @property
    def unfitted(self) -> bool:
        """Are the priors needed and not known?"""
        return objectives.facts(self._chosen[0]).get("needs") == "priors" and not self.priors

    def fit(self, labels: np.ndarray) -> Self:
        """The task with the priors of encoded labels (N, ...), those that are known.

        Every answer counts once more than it is there, so that none has a prior of 0.
        """
        return replace(self, priors=tuple(self.shares(labels[np.asarray(self.known(labels))]).tolist()))

    def shares(self, labels: np.ndarray) -> np.ndarray:
        """The share of each output's label among known ones, above 0."""
        raise NotImplementedError

    def prior_distribution(self, priors: np.ndarray) -> np.ndarray:
        """`priors` as the objective takes them: a distribution in the last axis. Here of questions of yes or no."""
        return np.stack([1.0 - priors, priors], axis=-1)

    def distance(self, targets: Tensor, found: Tensor, priors: Tensor | None = None) -> Tensor:
        """The objective (...) of wanted distributions and the logarithms of the model's, float32 (..., C).

        Or of the model's concentrations, where it reads these.
        """
        require(
            not self.unfitted,
            f"Objective '{self._chosen[0]}' of task '{self.name}' needs the priors; call spec.fit(records).",
        )
        priors = self.prior_distribution(np.asarray(self.priors, np.float32)) if self.priors else None
        return super().distance(targets, found, priors)

    def negative_log_likelihood(self, labels: Tensor, logits: Tensor) -> Tensor:
        return replace(self, objective="cross_entropy").loss(labels, logits)

    def imitation(self, teacher: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """How far `logits` (B, units) are from a teacher's, (B,): the mean divergence of yes or no.

        Divided by the temperature first, and times its square, so that the gradient does not grow small with it
        (Hinton et al. 2015, arXiv:1503.02531).
        """
        from keras import ops

        softened, said = teacher / temperature, logits / temperature
        p = ops.sigmoid(softened)
        return temperature**2 * ops.mean(bernoulli_loss(p, said) - bernoulli_loss(p, softened), axis=-1)

    def log_odds(self, logits: Tensor, target: Tensor) -> Tensor:
        """`log(p / (1 - p))` of one label's probability, (B,)."""
        from keras import ops

        share = ops.take(self.to_predictions(logits), target, axis=1)
        return ops.log(share + 1e-12) - ops.log(1.0 - share + 1e-12)

    def likeliest(self, predictions: np.ndarray) -> np.ndarray:
        return np.asarray(predictions.argmax(axis=-1))

    def readable(self, prediction: np.ndarray) -> dict[str, float] | list[float]:
        return dict(zip(self.labels, [float(number) for number in prediction], strict=True))

    def label_text(self, label: Tensor) -> str:
        return self.labels[int(label)]

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """1 for the right class, else 0."""
        return np.asarray(predictions.argmax(axis=-1) == labels, float)


def check_labels(task: str, labels: Raw, least: int = 2) -> tuple[str, ...]:
    """The labels of a task as a tuple, if they are names, different, and not too few."""
    what = f"The labels of task '{task}'"
    names: tuple[str, ...] = as_tuple(what, labels)
    check_strings(what, names)
    few = f"Task '{task}' needs at least {'two labels' if least == 2 else 'one label'}, not {list(names)}."
    require(len(names) >= least, few)
    double = [name for name, count in Counter(names).items() if count > 1]
    require(not double, f"Task '{task}' has labels that repeat: {', '.join(sorted(double))}; name each once.")
    return names


def both(probability: Tensor) -> Tensor:
    """Shares of yes (...) as those of no and yes (..., 2)."""
    from keras import ops

    return ops.stack([1.0 - probability, probability], axis=-1)


def log_both(logits: Tensor) -> Tensor:
    """Logits of yes (...) as the logarithms of the probabilities of no and yes (..., 2)."""
    from keras import ops

    return ops.stack([ops.log_sigmoid(-logits), ops.log_sigmoid(logits)], axis=-1)


def bernoulli_loss(labels: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy of yes or no, element by element: `log(1 + exp(x)) - label * x`, in its stable form."""
    from keras import ops

    return ops.maximum(logits, 0.0) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))
