"""A model on records: every subset of its modalities, and in words whether fusing them was worth it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from mmzoo.data.records import Records, decode, encode_labels
from mmzoo.errors import require
from mmzoo.evaluation.metrics import metrics, predict_subsets, primary
from mmzoo.spec import Spec
from mmzoo.training.features import compute_features, first_view, split


@dataclass(frozen=True)
class Evaluation:
    """What was found on one split.

    Args:
        predictions: by subset (`"image+name"`), each task's finished predictions.
        subsets: by subset, the metrics.
    """

    spec: Spec
    split: str
    labels: dict[str, np.ndarray]
    predictions: dict[str, dict[str, np.ndarray]]
    subsets: dict[str, dict[str, float]]

    @property
    def everything(self) -> str:
        """The name of the subset of all modalities."""
        return "+".join(self.spec.input_names)

    @property
    def best_single(self) -> str:
        """The modality that does best on its own."""
        return max(self.spec.input_names, key=lambda name: self.subsets[name][primary(self.spec)])

    @property
    def gain(self) -> np.ndarray:
        """What fusion adds over the best single modality, example by example: `worth` more in the first task."""
        task = self.spec.tasks[0]
        known = np.asarray(task.known(self.labels[task.name]))
        labels = self.labels[task.name][known]

        def worth(subset: str) -> np.ndarray:
            return task.worth(labels, self.predictions[subset][task.name][known])

        return worth(self.everything) - worth(self.best_single)

    @property
    def verdict(self) -> str:
        """In one sentence: is the fused model better than the best single modality?"""
        if len(self.spec.inputs) == 1:
            return f"The model has one modality, {self.spec.input_names[0]}; there is nothing to fuse."
        low, high = interval(self.gain)
        mean, best = float(self.gain.mean()), self.best_single
        if self.spec.tasks[0].labels:
            amount = f"{abs(mean) * 100:.1f} points of accuracy"
            span = f"95 % {low * 100:+.1f} to {high * 100:+.1f}"
        else:
            amount, span = f"{abs(mean):.3g} of mean absolute error", f"95 % {low:+.3g} to {high:+.3g}"
        if low > 0:
            return f"Fusion helps: it gains {amount} over {best} alone ({span})."
        if high < 0:
            return f"Fusion hurts here: it loses {amount} against {best} alone ({span})."
        return f"Fusion does not clearly help here: {best} alone is about as good (difference {span})."

    def to_json(self) -> dict[str, Any]:
        """The content of metrics.json."""
        return {
            "split": self.split,
            "examples": len(next(iter(self.labels.values()))),
            "metrics": self.subsets[self.everything],
            "subsets": self.subsets,
            "verdict": self.verdict,
        }


def interval(values: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean (Efron 1979): percentiles over resampled examples, seeded."""
    rows = np.random.default_rng(0).integers(0, len(values), (draws, len(values)))
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def evaluate(model: keras.Model, records: Records, split_name: str = "test") -> Evaluation:
    """Run `model` on `records` with every subset of its modalities; the towers' trunks run once."""
    require(len(records), f"The {split_name} split has no records, so there is nothing to evaluate.")
    spec: Spec = model.spec
    part = split(model)
    inputs = first_view(compute_features(part, spec, decode(spec, records), what=f"{split_name} features"))
    labels = encode_labels(spec, records)
    predictions = predict_subsets(part.rest, spec, inputs)
    scores = {subset: metrics(spec, found, labels) for subset, found in predictions.items()}
    return Evaluation(spec, split_name, labels, predictions, scores)
