"""The stream of training batches: examples, views and modalities as a pure function of (seed, step)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


def stream(
    features: dict[str, Any],
    labels: dict[str, np.ndarray],
    *,
    batch_size: int,
    steps: range,
    seed: int,
    modality_dropout: float,
) -> tf.data.Dataset:
    """Batches `(inputs, labels)` for the given steps; starting at step k gives what the whole stream has there.

    The stream goes through all examples in a new order each epoch, and on into
    the next epoch within a batch: every batch is full, so every shape is static.
    """
    count = len(features["present"])
    features, labels = keras.tree.map_structure(tf.constant, (features, labels))

    def batch(step: Any) -> Any:
        places = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        rows = tf.map_fn(lambda place: row_at(place, count, seed), places)
        draw = tf.stack([tf.constant(seed, tf.int64), step])

        def one_view(views: Any, salt: int) -> Any:
            # Gather (row, view) pairs at once: picking rows first would copy every view of them.
            view = tf.random.stateless_uniform((batch_size,), draw + salt, 0, views.shape[1], tf.int64)
            return tf.gather_nd(views, tf.stack([rows, view], axis=1))

        names = [name for name in features if name != "present"]
        inputs = {
            name: keras.tree.map_structure(lambda v, s=salt: one_view(v, s), features[name])  # type: ignore[misc]
            for salt, name in enumerate(names, start=1)
        }
        present = tf.gather(features["present"], rows)
        inputs["present"] = drop_modalities(present, modality_dropout, draw)
        return inputs, {name: tf.gather(label, rows) for name, label in labels.items()}

    data = tf.data.Dataset.range(steps.start, steps.stop)
    return data.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


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
