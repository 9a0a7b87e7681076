"""Heads weighed by how much they learn for how much they overfit (Wang et al. 2020, arXiv:1905.12681)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from mmzoo.names import single_output
from mmzoo.spec import Spec

LEAST = 0.01  # a head's share does not fall further, so that it can be measured again
FLOOR = 0.1  # overfitting counts as at least so much of the largest gain: what is measured has noise


class Blending:
    """The weights of each task's heads, the fused one first: their sum is 1.

    Gradient Blending: `w ~ gain / overfitting^2` (proposition 1), where the gain is by how much a head's validation
    loss has fallen over the last epochs, and the overfitting by how much the distance between its validation and its
    training loss has grown. This is the online form with one change: the heads are measured in the one model that
    trains, in place of a copy trained for each of them. A task without `auxiliary` keeps its loss.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec, heads = spec, 1 + len(spec.inputs)
        self.weights = tf.Variable(tf.fill((len(spec.tasks), heads), 1 / heads), trainable=False)
        self.before = tf.Variable(tf.fill((2, len(spec.tasks), heads), np.float32(np.nan)), trainable=False)

    @property
    def variables(self) -> list[Any]:
        return [self.weights, self.before]

    def update(self, losses: np.ndarray) -> None:
        """Take the losses of all heads, float32 (2, T, 1 + M): of training records, of validation records."""
        before = self.before.numpy()
        self.before.assign(losses)
        self.weights.assign([new_weights(*each) for each in zip(self.weights.numpy(), *before, *losses, strict=True)])


def new_weights(
    weights: np.ndarray, train_before: np.ndarray, before: np.ndarray, train: np.ndarray, now: np.ndarray
) -> np.ndarray:
    """The weights of one task's heads (1 + M,), from their losses on training and validation records, then and now.

    They stay as they are where no head has gained, and where nothing was measured before.
    """
    gain = before - now
    grown = (now - train) - (before - train_before)
    if not np.isfinite(gain + grown).all() or gain.max() <= 0:
        return weights
    found = np.maximum(gain, 0) / np.maximum(grown, FLOOR * gain.max()) ** 2
    shares = np.maximum(found / found.sum(), LEAST)
    return np.asarray(shares / shares.sum(), np.float32)


def head_losses(spec: Spec, outputs: dict[str, Any], labels: Any, present: np.ndarray) -> np.ndarray:
    """The mean loss of each head over the examples whose label is known and that have its modality, (T, 1 + M).

    NaN where there is no such head, or no such example.
    """
    found = np.full((len(spec.tasks), 1 + len(spec.inputs)), np.nan, np.float32)
    for row, task in zip(found, spec.tasks, strict=True):
        kept = np.asarray(task.known(labels[task.name]))
        names = [task.name, *(single_output(task.name, name) for name in spec.input_names)]
        for index, name in enumerate(names if task.auxiliary else []):
            mask = kept & present[:, index - 1] if index else kept
            if mask.any():
                loss = task.loss(tf.constant(labels[task.name][mask]), tf.constant(outputs[name][mask]))
                row[index] = np.mean(loss)
    return found
