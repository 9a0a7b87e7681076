"""Each modality's share in what the model is worth."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.shapley import Coalition, sampled_shapley, shapley
from mmzoo.inference.subsets import evaluated_subsets
from mmzoo.messages.words import decimal


class Shares(TypedDict):
    """The score shared out by modality; where that is sampled, the standard errors, and over how many orders."""

    values: dict[str, float]
    standard_errors: NotRequired[dict[str, float]]
    orders: NotRequired[int]


@analyses.register("shapley_values", section="modalities")
class ShapleyValues(Analysis):
    """The score shared out over the modalities: their Shapley values sum to it, less what it is without any."""

    def applies(self, result: TaskEvaluation) -> bool:
        return not result.task.tags.vectors

    def compute(self, result: TaskEvaluation) -> Shares:
        """`values` by modality; where they are sampled, `standard_errors` too, and from how many `orders`."""
        names, orders = result.spec.input_names, result.subset_predictions.orders
        values: dict[Coalition, np.ndarray] = {
            chosen: np.asarray(result.scores["+".join(chosen)].mean()) for chosen in evaluated_subsets(result.spec)
        }
        labels = result.subset_predictions.labels[result.name][result.known]
        empty = result.subset_predictions.nothing[result.name][result.known]
        values[()] = np.asarray(result.task.score(labels, empty).mean())
        if not orders:
            return {"values": {name: float(share) for name, share in shapley(values, names).items()}}
        shares, errors = (
            {name: float(each) for name, each in found.items()} for found in sampled_shapley(values, names, orders)
        )
        return {"values": shares, "standard_errors": errors, "orders": len(orders)}

    def draw(self, found: Shares, result: TaskEvaluation) -> list[Block]:
        values, errors = found["values"], found.get("standard_errors", {})
        if len(values) < 2:
            return []
        what = result.task.score_name.replace("_", " ")
        told = {name: f"{name} {decimal(share, '+')}" for name, share in values.items()}
        told |= {name: f"{told[name]} (± {decimal(error)})" for name, error in errors.items()}
        over = "over all subsets (Shapley)"
        if errors:
            over = f"over {found['orders']} orders of the modalities (Shapley values, sampled, ± their standard error)"
        return [Text(f"Shared out fairly {over}, {what} comes from: {', '.join(told.values())}.", soft=True)]
