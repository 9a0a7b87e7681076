"""Each modality's share in what the model is worth."""

from __future__ import annotations

from typing import Any

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.shapley import MOST, Coalition, shapley
from mmzoo.inference.subsets import subsets


@analyses.register("shapley_values", section="modalities")
class ShapleyValues(Analysis):
    """The score shared out over the modalities: their Shapley values sum to it, less what it is without any."""

    def compute(self, result: TaskEvaluation) -> dict[str, float]:
        names = result.spec.input_names
        if len(names) > MOST:
            return {}
        values: dict[Coalition, Any] = {
            chosen: result.scores["+".join(chosen)].mean() for chosen in subsets(result.spec)
        }
        labels = result.subset_predictions.labels[result.name][result.known]
        empty = result.subset_predictions.nothing[result.name][result.known]
        values[()] = result.task.score(labels, empty).mean()
        return {name: float(share) for name, share in shapley(values, names).items()}

    def draw(self, found: dict[str, float], result: TaskEvaluation) -> list[Block]:
        if len(found) < 2:
            return []
        shares = ", ".join(f"{name} {share:+.3f}" for name, share in found.items())
        what = result.task.score_name.replace("_", " ")
        return [Text(f"Shared out fairly over all subsets (Shapley), {what} comes from: {shares}.", soft=True)]
