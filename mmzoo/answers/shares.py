"""What each modality contributed to the answers of many records at once: the shares of `mmzoo.explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.evaluation.shapley import coalitions, shapley
from mmzoo.inference.running import to_predictions
from mmzoo.inference.subsets import presence_of, run_presences

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def answers_and_shares(
    model: Multimodal, inputs: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The model's outputs for all examples; and by task, of the answer's number (the probability of the likeliest
    label, or the number itself), the Shapley value of each input, float64 (N, M). An absent input has 0.

    Each tower runs once; only the fusion runs with every subset.
    """
    spec = model.spec
    subsets = coalitions(spec.input_names)
    outputs = run_presences(model, inputs, [presence_of(spec, inputs["present"], chosen) for chosen in subsets])
    answers = [to_predictions(spec, each) for each in outputs]
    shares = {}
    for task in spec.tasks:
        place = task.likeliest(answers[-1][task.name])[:, None]
        values = {
            chosen: np.take_along_axis(each[task.name], place, axis=1)[:, 0].astype(np.float64)
            for chosen, each in zip(subsets, answers, strict=True)
        }
        found = shapley(values, spec.input_names)
        shares[task.name] = np.stack([found[name] for name in spec.input_names], axis=1)
    return outputs[-1], shares
