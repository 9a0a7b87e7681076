"""The feed of a tf.data service."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.data.shards.service import ServiceBatches, rebatched
from mmzoo.draws import keys_of
from mmzoo.errors import MMZooError, require
from mmzoo.training.feeds.batches import Varied

REMEMBERED = 512  # batches whose examples can be told


class Remote:
    """The feed of `ServiceBatches`: full batches, on into the next epoch within a batch.

    Every record comes exactly once an epoch, in the order in which workers send them: two runs differ. A run that
    was stopped begins its epoch anew, so that a record of it may come twice. What is drawn of a record
    is the same as in `Stream`.
    """

    def __init__(
        self, source: ServiceBatches, labels: dict[str, Tensor], varied: Varied, *, batch_size: int, seed: int
    ) -> None:
        require(
            varied.copies == 1,
            "A data service sends each record once, and a method wants two variants of it in a batch; train without.",
        )
        self.source, self.labels, self.varied = source, labels, varied
        self.count, self.batch_size, self.seed = len(source.records), batch_size, seed
        self.sent: deque[tuple[int, list[int]]] = deque(maxlen=REMEMBERED)

    def batches(self, steps: range, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """See `Feed`."""
        require(
            workers == 1,
            "A data service sends batches to one process; train with one worker, or from the shards without service.",
        )

        def epochs() -> Iterator[dict[str, Tensor]]:
            self.source.epoch = steps.start * self.batch_size // self.count
            while True:
                for part in self.source.parts():
                    yield {**part, "epoch": np.full(len(part["position"]), self.source.epoch, np.int64)}
                self.source.epoch += 1

        def made() -> Iterator[dict[str, Tensor]]:
            for step, batch in zip(steps, rebatched(epochs(), self.batch_size), strict=False):
                self.sent.append((step, batch["position"].tolist()))
                yield batch

        def finished(batch: dict[str, Tensor]) -> Tree:
            rows, epoch = batch.pop("position"), batch.pop("epoch")
            present = tf.gather(tf.constant(self.source.present), rows)
            keys = keys_of(self.seed, rows, epoch)
            inputs = {
                item.name: self.varied.augmented(item, batch[item.name], rows, keys, salt=salt, seed=self.seed)
                for salt, item in enumerate(self.source.spec.inputs, start=1)
            }
            return self.varied({**inputs, "present": present}, self.labels, rows, keys)

        signature: dict[str, Tensor] = {
            name: tf.TensorSpec(self.batch_size, tf.int64) for name in ("position", "epoch")
        }
        for item in self.source.spec.inputs:
            signature[item.name] = tf.TensorSpec((self.batch_size, *item.shape), item.dtype)
        data = tf.data.Dataset.from_generator(made, output_signature=signature)
        return data.map(finished, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def examples(self, step: int) -> list[int]:
        """See `Feed`; only of the last steps that were sent."""
        for sent, rows in self.sent:
            if sent == step:
                return rows
        raise MMZooError(f"Which records were in step {step} is not known any more.")

    def sample(self, count: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """See `Feed`; there are none here."""
        raise MMZooError("A data service sends batches only; train without it.")
