"""What each modality contributed to the answers of many records at once: the shares of `mmzoo.explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.evaluation.shapley import coalitions, sampled_shapley, shapley
from mmzoo.inference.running import to_predictions
from mmzoo.inference.subsets import evaluated_subsets, orders, presence_of, run_presences
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal


def answers_and_shares(
    model: Multimodal, inputs: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The model's outputs for all examples; and by task, of the answer's number (the probability of the likeliest
    label, or the number itself), the Shapley value of each input, float64 (N, M). An absent input has 0.

    Each tower runs once; only the fusion runs with every subset. Of many inputs the values are sampled over some orders
    (`mmzoo.inference.subsets.orders`).
    """
    spec: Spec = model.spec
    names, sampled = spec.input_names, orders(spec)
    subsets = [(), *evaluated_subsets(spec)] if sampled else coalitions(names)
    outputs = run_presences(model, inputs, [presence_of(spec, inputs["present"], chosen) for chosen in subsets])
    whole = subsets.index(tuple(names))
    answers = [to_predictions(spec, each) for each in outputs]
    shares = {}
    for task in spec.tasks:
        place = task.likeliest(answers[whole][task.name])[:, None]
        values = {
            chosen: np.take_along_axis(each[task.name], place, axis=1)[:, 0].astype(np.float64)
            for chosen, each in zip(subsets, answers, strict=True)
        }
        found = sampled_shapley(values, names, sampled)[0] if sampled else shapley(values, names)
        shares[task.name] = np.stack([found[name] for name in names], axis=1)
    return outputs[whole], shares
