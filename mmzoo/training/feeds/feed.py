"""Where the loop gets its batches from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.training.features.compute import first_variant
from mmzoo.training.feeds.batches import Varied, rows_at, stream


class Feed(Protocol):
    """A source of batches. Batch k must be the same, whichever step a feed begins at.

    count: how many examples there are, each as often as it comes: an epoch ends with the batch that holds the last.
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

    def sample(self, count: int) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
        """So many examples, or all, spread over them, as they are: what the model takes, and their labels.

        Raises:
            MMZooError: they are not at hand.
        """
        ...


class Stream:
    """The feed of `stream`: all examples in a new order each epoch, on into the next epoch within a batch."""

    def __init__(
        self,
        features: dict[str, Tree],
        labels: dict[str, np.ndarray],
        varied: Varied,
        *,
        batch_size: int,
        seed: int,
        table: np.ndarray | None = None,
    ) -> None:
        self.features, self.labels, self.varied, self.table = features, labels, varied, table
        self.rows = len(features["present"] if table is None else table)
        self.count = self.rows * varied.copies
        self.batch_size, self.seed = batch_size, seed
        self.streams: dict[tuple[int, int], Callable[[range], tf.data.Dataset]] = {}

    def batches(self, steps: range, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """See `Feed`."""
        part = worker, workers
        if part not in self.streams:  # its graph takes seconds to trace and to compile
            self.streams[part] = stream(
                self.features,
                self.labels,
                self.varied,
                batch_size=self.batch_size,
                seed=self.seed,
                table=self.table,
                worker=worker,
                workers=workers,
            )
        return self.streams[part](steps)

    def examples(self, step: int) -> list[int]:
        """See `Feed`."""
        places = tf.range(step * self.batch_size, (step + 1) * self.batch_size, dtype=tf.int64)
        drawn = rows_at(places // self.varied.copies, self.rows, self.seed).numpy()
        rows: list[int] = (drawn if self.table is None else self.table[drawn]).tolist()
        return rows

    def sample(self, count: int) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
        """See `Feed`."""
        total = len(self.features["present"])
        rows = np.linspace(0, total - 1, min(count, total)).astype(int)
        features = keras.tree.map_structure(lambda a: a[rows], first_variant(self.features))
        return features, {name: label[rows] for name, label in self.labels.items()}
