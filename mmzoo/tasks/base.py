"""What the tasks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.tasks.question import Label, Question, Readable

if TYPE_CHECKING:
    from mmzoo.tokens import Fused


@dataclass(frozen=True)
class Task(Question):
    """One question asked of the fused embedding: its head, its loss, its answer and how good that is.

    A new task defines `kind`, `units`, `encode`, `known` and `missing_label` (unless its labels are whole numbers, with
    -1 for none), `loss`, `to_predictions`, `metrics`, `score`, `score_name` and `score_words`; the rest only where it
    differs. Nobody outside asks which class a task is: what they must know they find in its `tags`.
    """

    missing: ClassVar[float] = -1
    """What stands for a label that a record does not have: -1 for a class, NaN for numbers."""
    primary_metric: ClassVar[str] = ""
    """The metric that selects the best epoch; higher is better."""
    metric_names: ClassVar[tuple[str, ...]] = ()
    """All that `metrics` may give."""
    score_name: ClassVar[str] = ""
    """The metric that is the mean of `score` over the examples, or minus that; see `greater_is_better`."""
    score_words: ClassVar[str] = ""
    """What that metric is called in a sentence."""
    greater_is_better: ClassVar[bool] = True
    """Is it the mean of `score`? An error is minus that mean."""
    metric_range: ClassVar[float] = 1.0
    """How far apart the best and the worst value of the primary metric are, by and large; a hundredth is a point."""
    score_is_share: ClassVar[bool] = False
    """Is it a share from 0 to 1? Then differences are told in points, hundredths of it."""

    # What it learns from.

    def encode(self, value: Raw) -> Label:
        """A label as a record has it, as what `loss` takes."""
        raise NotImplementedError

    def lacking(self, labels: np.ndarray) -> str:
        """Why nothing is to be learnt or told of these groups, int32 (N, columns), in a sentence; empty otherwise."""
        return ""

    @property
    def missing_label(self) -> np.ndarray | np.generic:
        """What stands for a label that is missing, of the type and shape that `encode` gives."""
        return np.int32(self.missing)

    @property
    def any_label(self) -> np.ndarray:
        """A label, encoded, that stands where none is known and whose loss, which does not count, is finite."""
        return np.zeros_like(self.missing_label)

    def known(self, labels: Tensor) -> Tensor:
        """Which of the encoded labels are given, bool (B,)."""
        return labels >= 0

    @property
    def unfitted(self) -> bool:
        """Is there something that `fit` has to fill in?"""
        return False

    def fit(self, labels: np.ndarray) -> Self:
        """The task with what its loss has to know of the training labels, encoded (N, ...)."""
        return self

    @property
    def hides(self) -> str:
        """The input of which it hides parts in training; "" for none."""
        return ""

    @property
    def withholds(self) -> str:
        """The input that the model must never read, because it is what is asked for; "" for none."""
        return ""

    def hidden(self, batch: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """In a graph of tf.data: examples of the input that it `hides`, changed, and their labels.

        Args:
            batch: decoded examples (B, ...), augmented where they are.
            labels: encoded.
            keys: int64 (B,), what is drawn comes from (`mmzoo.draws`).
        """
        raise NotImplementedError

    # How it answers.

    def completed(
        self, fused: Tensor | None, single: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The model's outputs of this task from its heads': the fused, those of single inputs, and more by their names.

        Args:
            fused: logits (B, units); None where the task does not ask the fusion.
            single: by input, see `alone`.
            present: by input, is it really there? Symbolic bool (B,).
        """
        return fused, single, {}

    def head(self, fused: Fused, name: str) -> Tensor:
        """The logits, symbolic float32 (B, units), of what the fusion made of the tokens, or of one modality's.

        Args:
            fused: the embedding (B, any), and the tokens where there are some.
            name: what the layers are called, `<name>.<what it is>`.
        """
        from mmzoo.layers import head

        return head(self.units, name)(fused.embedding)

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Loss (B,) of each example, from labels that are known and float32 logits (B, units)."""
        raise NotImplementedError

    @property
    def loss_output(self) -> str:
        """The model's output that `loss` reads; of a text it is one that only a model in training has."""
        return self.name

    @property
    def batch_outputs(self) -> tuple[str, ...]:
        """The model's outputs that `batch_loss` reads. None of a task whose target is not the batch."""
        return ()

    def batch_loss(self, labels: Tensor, outputs: dict[str, Tensor]) -> Tensor:
        """Loss () of a whole batch, in place of `loss` where `target` is the batch.

        Args:
            labels: of all examples, also of those that are not known.
            outputs: `batch_outputs` (B, ...) of all examples.
        """
        raise NotImplementedError

    def negative_log_likelihood(self, labels: Tensor, logits: Tensor) -> Tensor:
        """That of known labels, (B,) in nats, whatever training makes small: what a temperature is fitted on.

        Asked only of a task that is tagged probabilistic.
        """
        raise NotImplementedError

    def tempered(self, logits: Tensor, temperature: Tensor) -> Tensor:
        """Logits (B, units) that are surer or less sure of the same answer: here divided by temperatures (B, 1).

        At temperature 1 they are as they were. Asked only of a task that is tagged probabilistic.
        """
        return logits / temperature

    def imitation(self, teacher: Tensor, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """How far `logits` (B, units) are from a teacher's, (B,); gradients flow into both.

        Here their mean squared difference (Ba & Caruana 2014, arXiv:1312.6184), which knows no temperature.
        """
        from keras import ops

        return ops.mean(ops.square(teacher - logits), axis=-1)

    def to_predictions(self, logits: Tensor) -> Tensor:
        """What a user sees, from the logits: in the graph of every exported model."""
        raise NotImplementedError

    @property
    def answer_outputs(self) -> tuple[str, ...]:
        """The model's outputs that its answers are made of, and what these are called: its own name comes first."""
        return (self.name,)

    def answers(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """What a user sees by `answer_outputs`, from the model's outputs."""
        return {name: self.to_predictions(outputs[name]) for name in self.answer_outputs}

    def to_logits(self, predictions: Tensor) -> Tensor:
        """Logits that `to_predictions` turns into these."""
        raise NotImplementedError

    def to_opinions(self, logits: Tensor) -> Tensor:
        """What a decision-level fusion weighs and averages of each modality, (B, K): here its prediction."""
        return self.to_predictions(logits)

    def from_opinions(self, opinions: Tensor) -> Tensor:
        """Logits that `to_opinions` turns into these: how a decision-level fusion hands on what it decided."""
        return self.to_logits(opinions)

    def logits_like(self, other: Task, logits: np.ndarray) -> np.ndarray:
        """Logits (N, units) of another model's task that `matches`, as this task would say the same."""
        return logits

    def uncertainty(self, logits: Tensor) -> Tensor | None:
        """How much of the answer is not known for want of evidence, (B, 1) from 0 to 1; None where a task cannot say.

        Beside the answer in every export and in `predict`, as `uncertainty_name` says.
        """
        return None

    @property
    def uncertainty_name(self) -> str:
        """What `uncertainty` is called beside the answers."""
        return f"{self.name}_uncertainty"

    def log_odds(self, logits: Tensor, target: Tensor) -> Tensor:
        """How much the logits (B, units) speak for one number of the answer, (B,): here the logit itself.

        Args:
            target: its place in `answer_names`, an int32 scalar.
        """
        from keras import ops

        return ops.take(logits, target, axis=1)

    def difference(self, answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """How far an exported model's answers (N, K) are from those wanted, as its limits are meant, float (N, K)."""
        return np.asarray(np.abs(answers - wanted))

    def on_scale(self, numbers: Tensor) -> Tensor:
        """Labels or answers (..., K) on the scale where an error is their difference: here as they are."""
        return numbers

    def off_scale(self, numbers: Tensor) -> Tensor:
        """Numbers whose `on_scale` these are."""
        return numbers

    # How its answers are told.

    def likeliest(self, predictions: np.ndarray) -> np.ndarray:
        """The place in `answer_names` of what each prediction (N, K) says, int (N,): of numbers the first."""
        return np.zeros(len(predictions), int)

    def readable(self, prediction: np.ndarray) -> Readable:
        """One prediction as a user reads it: `{label: probability}`, the numbers, or a text and its log-probability."""
        return [float(number) for number in prediction]

    def label_text(self, label: Tensor) -> str:
        """One encoded label as a user reads it."""
        return ", ".join(f"{number:.4g}" for number in np.atleast_1d(label))

    # How good they are.

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Metrics by name, from known labels and predictions; one that is not defined on them is left out."""
        raise NotImplementedError

    def measured(
        self, labels: np.ndarray, answers: dict[str, np.ndarray], asked: Sequence[str] = ()
    ) -> dict[str, float]:
        """`metrics` from all of `answers`, of the records whose labels are known.

        Args:
            asked: the inputs that the answers are made of; all of the spec, if not given.
        """
        return self.metrics(labels, answers[self.name])

    def failure(self, labels: np.ndarray, answers: dict[str, np.ndarray]) -> str:
        """Why training need not go on with such answers, in a sentence; empty where it may. As `measured` has them."""
        return ""

    def scored(self, labels: np.ndarray, answers: dict[str, np.ndarray], asked: Sequence[str] = ()) -> np.ndarray:
        """`score` from all of `answers`, float (B,); NaN where a record is not asked for anything."""
        return self.score(labels, answers[self.name])

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """How good each prediction is, float (B,), higher is better; its mean is `score_name`."""
        raise NotImplementedError

    @property
    def score_sign(self) -> int:
        """What the mean of `score` is to be multiplied with to be `score_name`: 1, or -1 for an error."""
        return 1 if self.greater_is_better else -1

    def difference_words(self, gain: float) -> str:
        """The size of a difference of `score` in words."""
        if self.score_is_share:
            return f"{abs(gain) * 100:.1f} points of {self.score_words}"
        return f"{abs(gain):.3g} of {self.score_words}"

    def interval_words(self, low: float, high: float) -> str:
        """The 95 % interval of a difference of `score` in words."""
        if self.score_is_share:
            return f"95 % {low * 100:+.1f} to {high * 100:+.1f}"
        return f"95 % {low:+.3g} to {high:+.3g}"

    def reach_words(self, half: float) -> str:
        """A range of numbers in words, `half` to either side of the answer on the task's scale."""
        return f"{half:.3g} to either side of the answer"
