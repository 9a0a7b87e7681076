"""One input of a case, as its modality looks into it."""

from __future__ import annotations

import keras
import numpy as np

from mmzoo.explanation.gradients import at_layer, grad_cam, gradients, integrated_gradients
from mmzoo.explanation.target import Target, spectrum_layer


class CaseProbe:
    """What `mmzoo.modalities.explanation.Probe` says, of the input `name` of a case."""

    def __init__(self, target: Target, name: str) -> None:
        parts = target.model.parts.of(name)
        self.target, self.name = target, name
        self.value: object = target.record[name]
        self.example: np.ndarray = target.inputs[name][0]
        self.gate, self.frozen = parts.gate, parts.frozen
        self.embedding, self.feature_map = parts.embedding, parts.feature_map
        self.spectrum = spectrum_layer(target.model, name)

    def lost(self, variants: np.ndarray) -> np.ndarray:
        full = float(self.target.logit(self.target.with_subsets([tuple(self.target.names)]))[0])
        return full - self.target.logit(self.target.with_examples(self.name, variants))

    def at(self, layer: keras.layers.Layer) -> tuple[np.ndarray, np.ndarray | None]:
        return at_layer(self.target, self.name, layer)

    def scores(self, layer: keras.layers.Layer, values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        return gradients(self.target, self.name, layer, values, mask)[0]

    def integrated_gradients(
        self, layer: keras.layers.Layer, x: np.ndarray, baseline: np.ndarray, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        return integrated_gradients(self.target, self.name, layer, x, baseline, mask)

    def grad_cam(self, layer: keras.layers.Layer) -> np.ndarray:
        return grad_cam(self.target, self.name, layer)
