"""The stream of training batches: examples, variants and modalities as a pure function of (seed, step).

Every draw belongs to an example in an epoch (`mmzoo.draws`), whatever batch or worker it is in.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor, Tree
from mmzoo.data.lazy.examples import Examples, Half, Held
from mmzoo.draws import keys_of, uniforms
from mmzoo.errors import DataError, require
from mmzoo.modalities.base import Modality
from mmzoo.training.methods.base import TrainingMethod

VARIANT = 1000  # the first salt of what is drawn here; augmentations have those below
# `tf.random.experimental.index_shuffle` puts this before a seed, and on the wrong axis where there are several seeds.
SHUFFLE = 498247692


@dataclass(frozen=True)
class Varied:
    """What is drawn of examples on their way to the model, whatever they come from.

    Args:
        modality_dropout: the share of present modalities that are left out.
        num_variants: of so many variants, the original among them, a frozen network reads one.
        frozen: the inputs that a frozen network reads.
        weights: how much each example counts, float32 (N,): the third part of a batch, where they are given.
        methods: what else changes a batch, one after the other.
        items: see `TrainingMethod.batch`.
    """

    modality_dropout: float = 0.0
    num_variants: int = 1
    frozen: frozenset[str] = frozenset()
    weights: np.ndarray | None = None
    methods: Sequence[TrainingMethod] = ()
    items: dict[str, Modality | None] = field(default_factory=dict)

    @property
    def copies(self) -> int:
        """How often an example comes one after another, each time as another variant."""
        return 2 if any(method.pairs for method in self.methods) else 1

    def augmented(self, item: Modality, batch: Tensor, rows: Tensor, keys: Tensor, *, salt: int, seed: int) -> Tensor:
        """Decoded examples `rows` of an input as variants: new ones in each epoch, for a frozen one always the same.

        The latter are those that `compute_features` keeps: a service, which has none, must give no others.
        """
        if item.name not in self.frozen:
            return item.augment(batch, keys)
        if self.num_variants == 1:
            return batch
        variant = chosen_variant(keys, salt, self.num_variants)
        return item.augment(batch, keys_of(seed, rows, variant), variant > 0)

    def __call__(
        self, inputs: dict[str, Tree], labels: dict[str, Tensor], rows: Tensor, keys: Tensor
    ) -> tuple[Tree, ...]:
        """A batch `(inputs, labels[, weights])` of the examples `rows`, int64 (B,), of all `labels` (N, ...)."""
        counts = None if self.weights is None else tf.gather(tf.constant(self.weights), rows)
        answers: dict[str, Tensor] = {name: tf.gather(label, rows) for name, label in labels.items()}
        for method in self.methods:
            inputs, answers, counts = method.batch(inputs, answers, counts, keys, self.items)
        chance = uniforms(keys, VARIANT, (inputs["present"].shape[1],))
        inputs = {**inputs, "present": drop_modalities(inputs["present"], self.modality_dropout, chance)}
        return (inputs, answers) if counts is None else (inputs, answers, counts)


def chosen_variant(keys: Tensor, salt: int, num_variants: int) -> Tensor:
    """Which of an example's variants is drawn, int64 (B,)."""
    return tf.cast(uniforms(keys, VARIANT + salt) * num_variants, tf.int64)


def stream(
    features: dict[str, Tree],
    labels: dict[str, np.ndarray],
    varied: Varied,
    *,
    batch_size: int,
    seed: int,
    table: np.ndarray | None = None,
    worker: int = 0,
    workers: int = 1,
) -> Callable[[range], tf.data.Dataset]:
    """From a range of steps to their batches `(inputs, labels[, weights])`: those that all steps have from there on.

    The graph of a batch is traced here, once for all ranges. The stream goes
    through all examples in a new order each epoch, and on into the next epoch
    within a batch: every batch is full, so every shape is static.

    Args:
        features: by input (N, num_variants, ...), as the model takes them or `Half`, of which one variant is drawn; or
            `Held` or `Examples`, to be augmented now.
        varied: what is drawn of them.
        table: the rows of one pass, where it is not each example once.
        worker, workers: this process gets its part of each batch; the parts of all make up the batch of one.
    """
    count, copies = len(features["present"]) if table is None else len(table), varied.copies
    part = slice(batch_size * worker // workers, batch_size * (worker + 1) // workers)
    multiple = math.lcm(*(method.multiple for method in varied.methods))
    require(
        part.start % multiple == part.stop % multiple == 0,
        f"Of a batch {multiple} examples belong together, so batches of {batch_size} cannot be shared by {workers}; "
        f"make 'batch_size' a multiple of {multiple * workers}.",
    )
    halves = keras.tree.map_structure(lambda value: isinstance(value, Half), features)
    features, labels = keras.tree.map_structure(
        lambda value: value if isinstance(value, (Examples, Held)) else tf.constant(value), (features, labels)
    )
    files = {name: value for name, value in features.items() if isinstance(value, Examples)}
    held = {name: tf.constant(value.array) for name, value in features.items() if isinstance(value, Held)}

    def batch(step: Tensor) -> Tree:
        places = step * batch_size + tf.range(part.start, part.stop, dtype=tf.int64)
        drawn = rows_at(places // copies, count, seed)
        keys = keys_of(seed, drawn, places // copies // count * copies + places % copies)
        rows = drawn if table is None else tf.gather(tf.constant(table, tf.int64), drawn)

        def one_variant(variants: Tensor, half: bool, salt: int) -> Tensor:
            # Gather (row, variant) pairs at once: picking rows first would copy every view of them.
            variant = chosen_variant(keys, salt, variants.shape[1])
            chosen = tf.gather_nd(variants, tf.stack([rows, variant], axis=1))
            return tf.cast(chosen, tf.float32) if half else chosen

        decoded = read(files, rows, part.stop - part.start)
        decoded |= {name: tf.gather(array, rows) for name, array in held.items()}
        inputs = {"present": tf.gather(features["present"], rows)}
        for salt, name in enumerate((name for name in features if name != "present"), start=1):
            if name in decoded:
                item = features[name].item
                inputs[name] = varied.augmented(item, decoded[name], rows, keys, salt=salt, seed=seed)
            else:
                variant = functools.partial(one_variant, salt=salt)
                inputs[name] = keras.tree.map_structure(variant, features[name], halves[name])
        return varied(inputs, labels, rows, keys)

    # Without AutoGraph, which would read the source of all that is called; nothing in it branches on a tensor.
    graph = tf.function(batch, autograph=False).get_concrete_function(tf.TensorSpec((), tf.int64))

    def batches(steps: range) -> tf.data.Dataset:
        data = tf.data.Dataset.range(steps.start, steps.stop)
        return data.map(graph, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    return batches


def read(files: dict[str, Examples], rows: Tensor, count: int) -> dict[str, Tensor]:
    """The `count` examples `rows` of each of these inputs, decoded in one call out of the graph."""
    if not files:
        return {}
    kinds = [each.dtype for each in files.values()]
    found = tf.numpy_function(lambda rows: [each[rows] for each in files.values()], [rows], kinds)
    return {
        name: tf.ensure_shape(tensor, (count, *each.shape[1:]))
        for (name, each), tensor in zip(files.items(), found, strict=True)
    }


@contextmanager
def records_named() -> Iterator[None]:
    """Inside, a record that cannot be decoded in the middle of a stream is the error it is elsewhere."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"DataError: (Record .*)", str(error))
        if not found:
            raise
        raise DataError(found[1], "changed_file") from error


def rows_at(places: Tensor, count: int, seed: int) -> Tensor:
    """The examples at places (B,) of the endless stream: place p is in epoch p // count, in that epoch's order."""
    epochs = tf.cast(places // count, tf.int32)
    salt, seeds = (tf.fill(tf.shape(epochs), number) for number in (SHUFFLE, seed))
    keys = tf.stack([salt, seeds, epochs], axis=1)
    return tf.raw_ops.RandomIndexShuffle(index=places % count, seed=keys, max_index=count - 1, rounds=4)


def drop_modalities(present: Tensor, share: float, chance: Tensor) -> Tensor:
    """Leave out each present modality whose `chance`, even in 0..1, is under `share`; the last stays if all would go.

    Args:
        present, chance: bool and float32 (B, M).
    """
    if share == 0:
        return present
    chance = tf.where(present, chance, -1.0)
    last = tf.equal(chance, tf.reduce_max(chance, axis=1, keepdims=True))
    return present & ((chance >= share) | last)
