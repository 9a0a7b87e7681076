"""Feeds of training batches: examples, views and modalities as a pure function of (seed, step)."""

from __future__ import annotations

from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf


class Feed(Protocol):
    """Where the loop gets its batches from. Batch k must be the same, whichever step a feed begins at.

    count: how many examples there are: an epoch ends with the batch that holds the last of them.
    """

    count: int

    def batches(self, steps: range, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """Batches `(inputs, labels)` or `(inputs, labels, weights)` of the given steps, of static shapes.

        Of `workers` that share each batch, the `worker`-th gets its part of the rows in order. Weights are
        float32 (rows,): how much an example counts in the means of the losses, 0 for one that only fills up.
        """
        ...

    def examples(self, step: int) -> list[int]:
        """Which examples are in the batch of a step, by their position among the records."""
        ...


class Memory:
    """The feed of features that are held in memory, drawn through all examples in a new order each epoch.

    It goes on into the next epoch within a batch: every batch is full, so every shape is static.

    Args:
        features: by input (N, views, ...), and `present` bool (N, M).
        labels: by task (N, ...).
        batch_size: examples a step.
        modality_dropout: share of the modalities that are left out.
    """

    def __init__(
        self,
        features: dict[str, Any],
        labels: dict[str, np.ndarray],
        *,
        batch_size: int,
        seed: int,
        modality_dropout: float,
    ) -> None:
        self.count = len(features["present"])
        self.batch_size, self.seed, self.modality_dropout = batch_size, seed, modality_dropout
        # On the host, whatever the strategy: the pipeline runs there.
        with tf.device("CPU:0"):
            self.features, self.labels = keras.tree.map_structure(tf.constant, (features, labels))

    def batches(self, steps: range, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """See `Feed`."""
        share = self.batch_size // workers
        part = slice(worker * share, (worker + 1) * share)
        data = tf.data.Dataset.range(steps.start, steps.stop)
        data = data.map(lambda step: self._batch(step, part), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return data.prefetch(tf.data.AUTOTUNE)

    def _batch(self, step: Any, part: slice) -> Any:
        # What is random is drawn for the whole batch, so that a part of it is the same for any number of workers.
        whole = self._rows(step)
        rows = whole[part]
        draw = tf.stack([tf.constant(self.seed, tf.int64), step])

        def one_view(views: Any, salt: int) -> Any:
            # Gather (row, view) pairs at once: picking rows first would copy every view of them.
            view = tf.random.stateless_uniform((self.batch_size,), draw + salt, 0, views.shape[1], tf.int64)[part]
            return tf.gather_nd(views, tf.stack([rows, view], axis=1))

        names = [name for name in self.features if name != "present"]
        inputs = {
            name: keras.tree.map_structure(lambda v, s=salt: one_view(v, s), self.features[name])  # type: ignore[misc]
            for salt, name in enumerate(names, start=1)
        }
        present = tf.gather(self.features["present"], whole)
        inputs["present"] = drop_modalities(present, self.modality_dropout, draw)[part]
        return inputs, {name: tf.gather(label, rows) for name, label in self.labels.items()}

    def _rows(self, step: Any) -> Any:
        places = step * self.batch_size + tf.range(self.batch_size, dtype=tf.int64)
        return tf.map_fn(lambda place: row_at(place, self.count, self.seed), places)

    def examples(self, step: int) -> list[int]:
        """See `Feed`."""
        return [int(row) for row in self._rows(tf.constant(step, tf.int64)).numpy()]


def row_at(place: Any, count: int, seed: int) -> Any:
    """The example at a place of the endless stream: place p is in epoch p // count, in that epoch's order."""
    epoch = tf.cast(place // count, tf.int32)
    key = tf.stack([tf.constant(seed, tf.int32), epoch])
    return tf.random.experimental.index_shuffle(place % count, key, tf.constant(count - 1, tf.int64))


def drop_modalities(present: Any, share: float, draw: Any) -> Any:
    """Leave out each present modality with probability `share`; the one drawn last stays if all would go."""
    if share == 0:
        return present
    chance = tf.where(present, tf.random.stateless_uniform(tf.shape(present), draw + 1000), -1.0)
    last = tf.equal(chance, tf.reduce_max(chance, axis=1, keepdims=True))
    return present & ((chance >= share) | last)
