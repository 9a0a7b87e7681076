"""Which inputs belong together: one finds the other by the nearness of their vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.choice import Objective, Tower
from mmzoo.errors import as_tuple, check_number, check_strings, require, unknown
from mmzoo.names import scale_output, single_output
from mmzoo.objectives import objectives
from mmzoo.tasks import tasks
from mmzoo.tasks.common.class_words import worded
from mmzoo.tasks.common.searched import Searched
from mmzoo.tasks.tags import Tags

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality
    from mmzoo.tokens import Fused

LARGEST_SCALE = 100.0  # of a cosine, as CLIP has it
STARTS = ("random", "correlations")
PAIRS = 1200  # of a table, that the closed form looks at


@tasks.register("retrieval", label="", phrases="text")
@dataclass(frozen=True)
class Retrieval(Searched):
    """A vector of length 1 for each input, near those of the other inputs of the same record: no column says what.

    Every input looks for every other one among the examples of a batch (Radford et al. 2021, "CLIP",
    arXiv:2103.00020). What a record lacks is left out, and so is what holds the same as the right one: it is not wrong.
    The scores are cosines times a learned scale of at most 100.

    The model puts out `<task>.<input>`, float32 (B, dim) for each input, zeros where an example has none, and `<task>`,
    the vector of the whole record: the mean of those that are there, each weighed by how far it can be trusted on the
    validation records, of length 1; or of what the fusion makes of them.

    Args:
        dim: numbers in a vector.
        objective: "infonce" or "siglip" (Zhai et al. 2023, arXiv:2303.15343).
        inputs: those that look for each other; all of the spec, if none is named.
        fused: is the vector of the whole record made of what the fusion makes of it? It then learns to lie near those
            of the record's inputs.
        same: a column of the records, such as the labels of another task; those that say the same there are right for
            each other, and no negatives.
        dropout: share of what a vector is made of that is left out in training. What drops out changes every vector of
            a batch, of which the right one is to be told from the others: 0 learns fastest.
        start: what the vectors are before training: "random", or "correlations", the directions along which the inputs
            agree in the training records (`mmzoo.training.fitted.correlations`), found in closed form from what the
            towers give. Of few records and frozen towers these are hard to better, and what training adds to them
            begins at 0.
        landmarks: with that start, so many training records by the nearness to which an input is told, in place of the
            features themselves: correlations that are not linear; 0 for linear ones.
        bank: what lies near to much is found by whatever looks; of so many training records the nearness of a vector to
            theirs says how common it is, and its last number how rare (`mmzoo.layers.nearness.Rarity`, an inverted
            softmax). How much that counts is fitted on the validation records when training ends; 0 leaves it out.
        class_words: a pretrained picture network knows classes by name, which no pair has to teach. So many numbers of
            a vector say in their words what a picture shows, and what a text does
            (`mmzoo.layers.nearness.WordedByClasses`). The picture's tower is one with such classes
            ("efficientnet_lite1"), the text's a frozen one ("sentence").
            How much these numbers count is fitted on the validation records when training ends; 0 leaves them out.
        hard_negatives: how much more the near ones among the wrong count, `exp(hard_negatives * cosine)`, 1 on average
            (Robinson et al. 2021, arXiv:2010.04592); 0 for all alike.
    """

    dim: int = 128
    objective: Objective | str = field(default="infonce", kw_only=True)
    fused: bool = field(default=False, kw_only=True)
    dropout: float = field(default=0.0, kw_only=True)
    start: str = field(default="random", kw_only=True)
    landmarks: int = field(default=0, kw_only=True)
    bank: int = field(default=0, kw_only=True)
    class_words: int = field(default=0, kw_only=True)
    hard_negatives: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = "retrieval"
    target = "batch"
    reads: ClassVar[tuple[str, ...]] = ("similarities",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The dim of task '{self.name}'", self.dim, 2, 4096, whole=True)
        check_number(f"The dropout of task '{self.name}'", self.dropout, 0, 0.95)
        check_number(f"The landmarks of task '{self.name}'", self.landmarks, 0, 4096, whole=True)
        check_number(f"The bank of task '{self.name}'", self.bank, 0, 4096, whole=True)
        check_number(f"The class_words of task '{self.name}'", self.class_words, 0, 2048, whole=True)
        require(
            self.dim - bool(self.bank) - self.class_words >= 2,
            f"Of the {self.dim} numbers of task '{self.name}' too few are left beside class_words; give a larger dim.",
        )
        check_number(f"What hard negatives count in task '{self.name}'", self.hard_negatives, 0, 100)
        object.__setattr__(self, "inputs", as_tuple(f"The inputs of task '{self.name}'", self.inputs))
        check_strings(f"The inputs of task '{self.name}'", self.inputs)
        for what, fits in (("same", isinstance(self.same, str)), ("fused", isinstance(self.fused, bool))):
            require(fits, f"The field '{what}' of task '{self.name}' cannot be {getattr(self, what)!r}.")
        if self.start not in STARTS:
            raise unknown(f"start of task '{self.name}' called", self.start, STARTS)
        require(
            self.start == "correlations" or not self.landmarks,
            f"Task '{self.name}' needs start='correlations' for its landmarks.",
        )
        require(
            not (self.bank and self.fused),
            f"Task '{self.name}' cannot tell how rare the vector of what is fused is; leave out 'bank' or 'fused'.",
        )
        require(not self.auxiliary, f"Task '{self.name}' has a vector of each input as it is; leave out 'auxiliary'.")

    # What it is.

    @property
    def units(self) -> int:
        return self.dim

    @property
    def tags(self) -> Tags:
        return Tags(vectors=True)

    @property
    def answer_names(self) -> tuple[str, ...]:
        return tuple(str(k + 1) for k in range(self.dim))

    @property
    def summary(self) -> str:
        return f"{self.kind}: {' <-> '.join(self.inputs)}"

    @classmethod
    def suited(cls, item: Modality, frozen: str) -> Modality:
        """As what is frozen reads it: a closed form begins with that."""
        return replace(item, tower=Tower(frozen)) if frozen else item

    @classmethod
    def without_label(cls, name: str, inputs: Sequence[Modality], named: Sequence[str]) -> Sequence[Self]:
        """What a closed form finds in pairs, which is hard to better, and what pretrained networks have names for.

        As the recipe `retrieval` has it; `docs/retrieval.md` has the figures.
        """
        texts = {Tower.of(item.tower) for item in inputs if item.is_text}
        words = 256 if named and texts == {Tower("sentence")} else 0
        return [cls(name, 256 + words, start="correlations", landmarks=PAIRS, bank=PAIRS, class_words=words)]

    def of_inputs(self, inputs: Sequence[Modality]) -> Self:
        names = [item.name for item in inputs]
        for name in self.inputs:
            if name not in names:
                raise unknown(f"input for task '{self.name}' called", name, names)
        found = self.inputs or tuple(names)
        require(
            len(set(found)) > 1,
            f"Task '{self.name}' lets inputs find each other, and here is only {' and '.join(found)}; give it two.",
        )
        require(
            not self.class_words or any(item.is_text for item in inputs if item.name in found),
            f"Task '{self.name}' has class_words, and no text is among {', '.join(found)}; leave class_words out.",
        )
        return replace(self, inputs=found)

    def left_with(self, inputs: Sequence[str]) -> Self | None:
        left = [name for name in self.inputs if name in inputs]
        return replace(self, inputs=left) if len(left) > 1 else None

    def describe(self) -> dict[str, object]:
        vectors = {name: single_output(self.name, name) for name in self.inputs}
        return {**super().describe(), "dim": self.dim, "vectors": vectors}

    # What it learns from.

    def known(self, labels: Tensor) -> Tensor:
        """Which examples have two of the inputs, bool (B,)."""
        from keras import ops

        return ops.sum(ops.cast(labels[:, : len(self.inputs)] >= 0, "int32"), axis=1) >= 2

    def lacking(self, labels: np.ndarray) -> str:
        names, every = " and ".join(self.inputs), f"{len(labels):,} record{'s' * (len(labels) > 1)}"
        kept = labels[np.asarray(self.known(labels))]
        if not len(kept):
            return f"None of {every} has two of {names}, so that none can find the other; give some that do."
        columns = [column[column >= 0] for column in kept.T[: len(self.inputs)]]
        if not any(np.ptp(column) for column in columns if len(column)):
            return f"Among {names} of {every} no two differ, so that there is nothing to be found; give some that do."
        return ""

    # How it answers.

    @property
    def fuses(self) -> bool:
        return self.fused

    def alone(self, inputs: Sequence[str], decided: bool) -> Sequence[str]:
        require(
            not (decided and self.fused),
            f"Task '{self.name}' is to have a vector of what is fused, and this fusion joins answers; choose a fusion "
            "of features, or leave out 'fused'.",
        )
        return self.inputs

    def head(self, fused: Fused, name: str) -> Tensor:
        from mmzoo.layers import head
        from mmzoo.layers.nearness import Near, Rarity, Straight, of_length_1

        width = self.dim - bool(self.bank) - self.class_words
        if self.start == "random" or fused.tower is None:
            found = of_length_1(head(width, name, dropout=self.dropout)(fused.embedding))
        else:
            own = Near(self.landmarks, name=f"{name}.near")(fused.tower) if self.landmarks else fused.tower
            learned = head(width, name, 0.0, self.dropout)(fused.embedding)
            found = of_length_1(Straight(width, name=f"{name}.straight")(own) + learned)
        if self.class_words:
            found = worded(found, fused.tower, name, name.removeprefix(f"{self.name}."), self.class_words)
        return Rarity(self.bank, name=f"{name}.rarity")(found) if self.bank else found

    def completed(
        self, fused: Tensor | None, single: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        from keras import ops

        from mmzoo.layers import Numbers
        from mmzoo.layers.nearness import Joined, of_length_1

        vectors = {name: ops.where(present[name][:, None], each, 0.0) for name, each in single.items()}
        record = fused
        if fused is None:
            record = of_length_1(
                Joined(self.name, name=f"{self.name}.joined")(ops.stack(list(vectors.values()), axis=1))
            )
        facts = objectives.facts(self._chosen[0])
        first = [math.log(float(str(facts["scale"]))), float(str(facts["bias"]))]
        scale = Numbers(first, dtype="float32", name=f"{self.name}.scale")(record)
        return record, vectors, {scale_output(self.name): scale}

    @property
    def answer_outputs(self) -> tuple[str, ...]:
        return (self.name, *(single_output(self.name, name) for name in self.inputs))

    def to_predictions(self, logits: Tensor) -> Tensor:
        """The vectors (B, dim) themselves."""
        return logits

    def to_logits(self, predictions: Tensor) -> Tensor:
        return predictions

    # What training makes small.

    @property
    def batch_outputs(self) -> tuple[str, ...]:
        return (*self.answer_outputs, scale_output(self.name))

    def batch_loss(self, labels: Tensor, outputs: dict[str, Tensor]) -> Tensor:
        """The mean over all directions of the objective's mean over the examples that have both.

        The whole record, where it is fused, looks for each input, and each input for it.
        """
        from keras import ops

        scale, bias = outputs[scale_output(self.name)][0, 0], outputs[scale_output(self.name)][0, 1]
        # Held at its limit it still has a slope, by which it can come back.
        held = scale + ops.stop_gradient(ops.clip(scale, 0.0, math.log(LARGEST_SCALE)) - scale)
        vectors = {name: outputs[single_output(self.name, name)] for name in self.inputs}
        groups = {name: labels[:, place] for place, name in enumerate(self.inputs)}
        always = [labels[:, len(self.inputs)]] if self.same else []
        pairs = self.directions
        if self.fused:
            vectors[""] = outputs[self.name]
            pairs = [*pairs, *(pair for name in self.inputs for pair in (("", name), (name, "")))]
        here = {name: ops.any(vector != 0, axis=1) for name, vector in vectors.items()}
        lost = []
        for query, key in pairs:
            cosines = ops.matmul(vectors[query], ops.transpose(vectors[key]))
            alike = [groups[name] for name in (query, key) if name] + always
            both = ops.cast(ops.logical_and(here[query], here[key]), "float32")
            priors = self.counted(cosines, both, alike)
            targets = ops.eye(both.shape[0])
            each = self.distance(targets, ops.exp(held) * cosines + bias, priors)
            lost.append(ops.sum(each * both) / ops.maximum(ops.sum(both), 1.0))
        return sum(lost) / len(lost)

    def counted(self, cosines: Tensor, both: Tensor, alike: Sequence[Tensor]) -> Tensor:
        """How much each candidate counts for each query, float32 (B, B): 0 for what is not there, or as right.

        Args:
            cosines: float32 (B, B).
            both: 1 for examples that have both, float32 (B,).
            alike: groups of examples that are right for each other, int (B,) each, -1 for none.
        """
        from keras import ops

        own = ops.eye(both.shape[0])
        wrong = both[None] * (1.0 - own)
        for group in alike:
            same = ops.logical_and(group[:, None] == group[None], group[:, None] >= 0)
            wrong = ops.where(same, 0.0, wrong)
        if self.hard_negatives:
            weights = ops.exp(self.hard_negatives * ops.stop_gradient(cosines)) * wrong
            mean = ops.sum(weights, axis=1) / ops.maximum(ops.sum(wrong, axis=1), 1.0)
            wrong = weights / ops.maximum(mean, 1e-9)[:, None]
        return wrong + own
