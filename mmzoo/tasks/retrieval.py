"""Which inputs belong together: one finds the other by the nearness of their vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.choice import Objective
from mmzoo.errors import as_tuple, check_number, check_strings, require, unknown
from mmzoo.names import scale_output, single_output
from mmzoo.objectives import objectives
from mmzoo.tasks import tasks
from mmzoo.tasks.learned import Learned
from mmzoo.tasks.recall import AT, Found, search

if TYPE_CHECKING:
    from mmzoo.tokens import Fused

LARGEST_SCALE = 100.0  # of a cosine, as CLIP has it
MOST = 5000  # records among which validation searches


@tasks.register("retrieval", label="")
@dataclass(frozen=True)
class Retrieval(Learned):
    """A vector of length 1 for each input, near those of the other inputs of the same record: no column says what.

    Every input looks for every other one among the examples of a batch (Radford et al. 2021, "CLIP",
    arXiv:2103.00020). What a record lacks is left out, and so is what holds the same as the right one: it is not wrong.
    The scores are cosines times a learned scale of at most 100.

    The model puts out `<task>.<input>`, float32 (B, dim) for each input, zeros where an example has none, and `<task>`,
    the vector of the whole record: the mean of those that are there, of length 1, or of what the fusion makes of them.

    Args:
        dim: numbers in a vector.
        objective: "infonce" or "siglip" (Zhai et al. 2023, arXiv:2303.15343).
        inputs: those that look for each other; all of the spec, if none is named.
        fused: is the vector of the whole record made of what the fusion makes of it? It then learns to lie near those
            of the record's inputs.
        same: a column; records that say the same there are right for each other, and no negatives.
        dropout: share of what a vector is made of that is left out in training. What drops out changes every vector of
            a batch, of which the right one is to be told from the others: 0 learns fastest.
        hard_negatives: how much more the near ones among the wrong count, `exp(hard_negatives * cosine)`, 1 on average
            (Robinson et al. 2021, arXiv:2010.04592); 0 for all alike.
    """

    dim: int = 128
    objective: Objective | str = field(default="infonce", kw_only=True)
    inputs: Sequence[str] = field(default=(), kw_only=True)
    fused: bool = field(default=False, kw_only=True)
    same: str = field(default="", kw_only=True)
    dropout: float = field(default=0.0, kw_only=True)
    hard_negatives: float = field(default=0.0, kw_only=True)
    kind: ClassVar[str] = "retrieval"
    target = "batch"
    reads: ClassVar[tuple[str, ...]] = ("similarities",)
    primary_metric: ClassVar[str] = "mean_recall"
    metric_names: ClassVar[tuple[str, ...]] = (
        "mean_recall",
        *(f"recall@{k}" for k in AT),
        "mrr",
        "map",
        "median_rank",
    )
    score_name: ClassVar[str] = "mrr"
    score_words: ClassVar[str] = "mean reciprocal rank"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The dim of task '{self.name}'", self.dim, 2, 4096, whole=True)
        check_number(f"The dropout of task '{self.name}'", self.dropout, 0, 0.95)
        check_number(f"What hard negatives count in task '{self.name}'", self.hard_negatives, 0, 100)
        object.__setattr__(self, "inputs", as_tuple(f"The inputs of task '{self.name}'", self.inputs))
        check_strings(f"The inputs of task '{self.name}'", self.inputs)
        for what, fits in (("same", isinstance(self.same, str)), ("fused", isinstance(self.fused, bool))):
            require(fits, f"The field '{what}' of task '{self.name}' cannot be {getattr(self, what)!r}.")
        require(not self.auxiliary, f"Task '{self.name}' has a vector of each input as it is; leave out 'auxiliary'.")

    # What it is.

    @property
    def units(self) -> int:
        return self.dim

    @property
    def summary(self) -> str:
        return f"{self.kind}: {' <-> '.join(self.inputs)}"

    def of_inputs(self, inputs: Sequence[str]) -> Self:
        for name in self.inputs:
            if name not in inputs:
                raise unknown(f"input for task '{self.name}' called", name, inputs)
        found = self.inputs or tuple(inputs)
        require(
            len(set(found)) > 1,
            f"Task '{self.name}' lets inputs find each other, and here is only {' and '.join(found)}; give it two.",
        )
        return replace(self, inputs=found)

    def left_with(self, inputs: Sequence[str]) -> Self | None:
        left = [name for name in self.inputs if name in inputs]
        return replace(self, inputs=left) if len(left) > 1 else None

    def describe(self) -> dict[str, Any]:
        vectors = {name: single_output(self.name, name) for name in self.inputs}
        return {**super().describe(), "dim": self.dim, "vectors": vectors}

    @property
    def directions(self) -> list[tuple[str, str]]:
        """Every ordered pair of inputs: what looks, and what it looks for."""
        return list(permutations(self.inputs, 2))

    # What it learns from.

    @property
    def group_columns(self) -> tuple[str, ...]:
        return (*self.inputs, self.same) if self.same else tuple(self.inputs)

    def known(self, labels: Tensor) -> Tensor:
        """Which examples have two of the inputs, bool (B,)."""
        from keras import ops

        return ops.sum(ops.cast(labels[:, : len(self.inputs)] >= 0, "int32"), axis=1) >= 2

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

        return unit(head(self.dim, name, dropout=self.dropout)(fused.embedding))

    def completed(
        self, fused: Tensor | None, single: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        from keras import ops

        from mmzoo.layers import Numbers

        vectors = {name: ops.where(present[name][:, None], each, 0.0) for name, each in single.items()}
        record = unit(sum(vectors.values())) if fused is None else fused
        facts = objectives.facts(self._chosen[0])
        first = [math.log(float(facts["scale"])), float(facts["bias"])]
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

    # How good it is.

    def measured(self, labels: np.ndarray, answers: dict[str, np.ndarray]) -> dict[str, float]:
        """The mean of each metric over all directions, and `mean_recall`, that of the recalls.

        Of more than 5,000 records so many, spread evenly, are looked at.
        """
        rows = np.linspace(0, len(labels) - 1, min(len(labels), MOST)).astype(int)
        some = {name: each[rows] for name, each in answers.items()}
        found = [each.metrics for pair in self.directions if (each := self.found(*pair, labels[rows], some))]
        means = {name: float(np.mean([each[name] for each in found])) for name in self.metric_names[1:] if found}
        return {"mean_recall": float(np.mean([means[f"recall@{k}"] for k in AT])), **means} if found else {}

    def found(
        self, query: str, key: str, labels: np.ndarray, answers: dict[str, np.ndarray], asked: np.ndarray | None = None
    ) -> Found | None:
        """What one input finds of another among all records that have both; None where there are no two to tell apart.

        Args:
            query, key: names of inputs.
            labels, answers: of all records, as `measured` has them.
            asked: vectors (N, dim) that look in place of those of `query`.
        """
        asked = answers[single_output(self.name, query)] if asked is None else asked
        there = answers[single_output(self.name, key)]
        groups = {name: labels[:, place] for place, name in enumerate(self.inputs)}
        both = asked.any(axis=1) & there.any(axis=1)
        if not both.any() or np.ptp(groups[key][both]) == 0:
            return None
        same = [labels[both, len(self.inputs)]] if self.same else []
        return search(asked[both], there[both], (groups[query][both], groups[key][both]), *same)


def unit(vectors: Tensor) -> Tensor:
    """Vectors (B, D) scaled to length 1; zeros stay zeros, with a slope of 0."""
    from keras import ops

    return vectors * ops.rsqrt(ops.maximum(ops.sum(ops.square(vectors), axis=-1, keepdims=True), 1e-12))
