"""Why a model said what it said to one record: the modalities' shares, and what counted inside each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from mmzoo.aliases import Raw
from mmzoo.evaluation.shapley import coalitions, interactions, sampled_shapley, shapley
from mmzoo.explanation.attention import AttentionMap, attention_maps, mean_weights
from mmzoo.explanation.probe import CaseProbe
from mmzoo.explanation.target import Target, make_target
from mmzoo.inference.subsets import MOST, beginnings, orders
from mmzoo.messages.words import one_line, short
from mmzoo.modalities.explanation import InputExplanation

NAMED = 5  # words or columns of an input


@dataclass(frozen=True)
class Explanation:
    """One answer taken apart.

    Args:
        target: the record and the answer.
        values: for each subset of the record's modalities, its logit and its probability.
        shares: "logit" and "probability": by modality, its Shapley value; an absent one has 0.
        pairs: the same, by `"a+b"`, what two are worth beyond their sum.
        inside: by modality, what counted in it.
        attention: what the fusion attended to; nothing where it does not attend.
    """

    target: Target
    values: dict[str, dict[tuple[str, ...], float]]
    shares: dict[str, dict[str, float]]
    pairs: dict[str, dict[str, float]]
    inside: dict[str, InputExplanation]
    attention: list[AttentionMap]

    def to_json(self) -> dict[str, object]:
        """Everything as plain data; of a picture's attribution the sums over a coarse grid."""
        everything = tuple(self.target.names)
        return {
            "task": self.target.task.name,
            "answer": self.target.label,
            "output": {scale: found[everything] for scale, found in self.values.items()},
            "empty": {scale: found[()] for scale, found in self.values.items()},
            "modalities": self.shares,
            "interactions": self.pairs,
            "inside": {name: found.to_json() for name, found in self.inside.items()},
            "attention": [found.to_json() for found in self.attention],
        }

    def text(self) -> str:
        """The answer, each modality's share of the probability and of the logit, and what counted most inside it."""
        everything = tuple(self.target.names)
        whole = {scale: found[everything] for scale, found in self.values.items()}
        inputs = self.target.spec.input_names
        rows = [(inputs[0], whole, "")]
        if len(inputs) > 1:  # what a model of one input says without it, no record has taught
            rows = [("without any", {scale: found[()] for scale, found in self.values.items()}, "")]
            rows += [(name, {scale: each[name] for scale, each in self.shares.items()}, "+") for name in inputs]
            rows += [("all of them", whole, "")]
        width = max(len(name) for name, _, _ in rows)
        sure = self.target.task.tags.probabilistic
        heads = ("probability", "logit") if sure else ("answer", "")
        answer = self.values["probability"][everything]
        said = one_line(self.target.label) if sure or self.target.task.units > 1 else f"{answer:.4g}"
        lines = [f"{self.target.task.name}: {said}", f"{'':<{width}}  {heads[0]:>11}  {heads[1]:>7}"]
        for name, found, sign in rows:
            logit = f"  {found['logit']:>{sign}7.2f}" if sure else ""
            lines.append(f"{name:<{width}}  {found['probability']:>{sign}11.3f}{logit}")
        lines += [counted(name, look) for name, look in self.inside.items() if look.pieces and "occlusion" in look.maps]
        return "\n".join(lines)

    def draw(self, path: str | Path) -> None:
        """Write one picture (PNG): the shares of the modalities, and each modality with what counted in it."""
        from mmzoo.explanation.picture import draw

        draw(self, Path(path))


def counted(name: str, look: InputExplanation) -> str:
    """The words or columns that counted most in an input, in a line."""
    lost = look.maps["occlusion"]
    places = np.argsort(-np.abs(lost), kind="stable")[:NAMED]
    return f"most in {name}: " + ", ".join(f"{one_line(look.pieces[k], 30)} {short(lost[k], '+')}" for k in places)


def explain(
    model: keras.Model,
    record: Mapping[str, Raw],
    *,
    task: str | None = None,
    label: str | None = None,
    inside: bool = True,
) -> Explanation:
    """Why `model` answers `record` as it does: shares of the modalities, and attribution inside each.

    The shares are exact for a record of at most six modalities; of more they are sampled over some orders
    (`mmzoo.inference.subsets.orders`), and what two are worth together is not told.

    Args:
        record: any subset of the inputs by name, each a path, bytes, an array or a string.
        task: which task, the first if not given.
        label: which answer, the likeliest if not given.
        inside: look into the modalities too, not only at their shares.

    Raises:
        MMZooError: an input, task or label is unknown or cannot be decoded.
    """
    target = make_target(model, record, task, label)
    names = target.names
    sampled = [[name for name in order if name in names] for order in orders(target.spec)] if len(names) > MOST else []
    subsets = beginnings(sampled, names) if sampled else coalitions(names)
    logits = target.with_subsets(subsets)
    values, shares, pairs = {}, {}, {}
    for scale, score in (("logit", target.logit(logits)), ("probability", target.probability(logits))):
        by_subset = dict(zip(subsets, score, strict=True))
        values[scale] = {chosen: float(number) for chosen, number in by_subset.items()}
        found = sampled_shapley(by_subset, names, sampled)[0] if sampled else shapley(by_subset, names)
        shares[scale] = {name: float(found.get(name, 0.0)) for name in target.spec.input_names}
        both = {} if sampled else interactions(by_subset, names)
        pairs[scale] = {pair: float(number) for pair, number in both.items()}
    here = [item for item in target.spec.inputs if inside and item.name in names]
    found_in = {item.name: item.explain(CaseProbe(target, item.name)) for item in here}
    looks = {name: look for name, look in found_in.items() if look is not None}
    rows = attention_maps(target) if inside else []
    for name, look in looks.items():
        add_attention(look, mean_weights(rows, name), target.tokens[name][1][0], model.parts.of(name).grid)
    return Explanation(target, values, shares, pairs, looks, rows)


def add_attention(
    look: InputExplanation, weights: np.ndarray | None, real: np.ndarray, grid: tuple[int, int] | None
) -> None:
    """Put the weights of a modality's tokens among its maps, where their places can be shown.

    Args:
        weights: what the fusion attended to, (T,).
        real: which of the tokens are real, bool (T,).
        grid: rows and columns, where the tokens are the places of a map.
    """
    if weights is None or len(weights) == 1:
        return
    if look.tokens == "map" and grid:
        look.maps["attention"] = weights.reshape(grid)
    elif look.tokens == "time":
        look.maps["attention"] = weights[real][:, None]
    elif look.tokens == "pieces" and int(real.sum()) == len(look.pieces):
        look.maps["attention"] = weights[real]
