"""What a modality says of the parts of one of its values, and what it may ask of the model for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mmzoo.aliases import Raw

if TYPE_CHECKING:
    import keras

COARSE = 16  # places a side, of a picture's attribution as JSON has it


@dataclass(frozen=True)
class InputExplanation:
    """What counted inside one modality.

    Args:
        maps: by method ("occlusion", "integrated_gradients", "grad_cam"), where the answer comes from, in
            units of the logit; Grad-CAM from 0 to 1; "attention" what the fusion attended to, in shares.
        caption: what a drawing of the maps shows.
        pieces: what the places of a one-dimensional map are called: words, channels, columns.
        gap: by how much of the difference integrated gradients miss it.
        shown: what the maps lie over: a picture (H, W, 3), a spectrogram (T, F), a waveform (T,).
        tokens: what the tower's tokens are, where their weights can be shown: the places of a "map", steps of
            "time", or the "pieces".
    """

    kind: str
    maps: dict[str, np.ndarray]
    caption: str
    pieces: list[str] = field(default_factory=list)
    gap: float | None = None
    shown: np.ndarray | None = None
    tokens: str = ""

    def to_json(self) -> dict[str, object]:
        maps = {how: rounded(coarse(values)) for how, values in self.maps.items()}
        said: dict[str, object] = {"kind": self.kind, **maps}
        if self.pieces:
            said["pieces"] = self.pieces
        if self.gap is not None:
            said["completeness_gap"] = self.gap
        return said


class Probe(Protocol):
    """A model with a record before it and an answer that is asked about, of which one input is looked into.

    value: what the record has.
    example: the value decoded, (*shape).
    gate: the layer through which the example enters.
    frozen: the layer whose output never changes in training, if there is one.
    spectrum: the first layer up to `frozen` that makes (values (B, T, F), mask (B, T)), if there is one.
    embedding: the layer that makes ids the vectors of words, if there is one.
    feature_map: the layer with the tower's last map (B, H, W, C), if there is one.
    """

    value: Raw
    example: np.ndarray
    gate: keras.layers.Layer
    frozen: keras.layers.Layer | None
    spectrum: keras.layers.Layer | None
    embedding: keras.layers.Layer | None
    feature_map: keras.layers.Layer | None

    def lost(self, variants: np.ndarray) -> np.ndarray:
        """What the logit loses with each of `variants` (B, *shape) in the example's place, float64 (B,)."""

    def at(self, layer: keras.layers.Layer) -> tuple[np.ndarray, np.ndarray | None]:
        """What a layer makes of the example, float32 (1, ...), and its mask where it has one."""

    def scores(self, layer: keras.layers.Layer, values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """The logit (B,) with each of `values` (B, ...) in place of what a layer puts out."""

    def integrated_gradients(
        self, layer: keras.layers.Layer, x: np.ndarray, baseline: np.ndarray, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """The logit's difference from `baseline` to `x`, both (1, ...) at a layer, shared out over (...); the gap."""

    def grad_cam(self, layer: keras.layers.Layer) -> np.ndarray:
        """Where the map of a layer speaks for the answer, float64 (H, W) from 0 to 1."""


def without_each(probe: Probe, absent: np.ndarray) -> np.ndarray:
    """For channels or columns (the last axis): the logit lost without each, which then holds its value of `absent`."""
    count = probe.example.shape[-1]
    variants = np.repeat(probe.example[None], count, axis=0)
    for k in range(count):
        variants[k, ..., k] = absent[k]
    return probe.lost(variants)


def coarse(values: np.ndarray) -> np.ndarray:
    """Sums over a grid of at most `COARSE` places a side; what is smaller stays."""
    for axis in range(values.ndim if values.ndim > 1 else 0):
        size = values.shape[axis]
        if size > COARSE:
            values = np.add.reduceat(values, np.linspace(0, size, COARSE, endpoint=False).astype(int), axis=axis)
    return values


def rounded(values: np.ndarray) -> list[object]:
    """Plain lists of numbers with six decimals."""
    found: list[object] = np.round(values.astype(float), 6).tolist()
    return found
