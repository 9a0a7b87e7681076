"""Gradient-boosted decision trees over the columns of a table: fitted before training, constant afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.boosting import scores_of
from mmzoo.boosting.committee import Grown
from mmzoo.boosting.linear import FARTHEST, Encoding
from mmzoo.declared import asked, scores
from mmzoo.errors import require
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.fitting import HUGE
from mmzoo.options import Range
from mmzoo.tokens import Tokens, is_number
from mmzoo.towers import scoped, towers
from mmzoo.towers.columns import DateParts

MOST_NODES = 2**22
"""Of all trees of a tower."""


@towers.register("boosted_trees", serves="tabular")
def boosted_trees(
    x: Tensor,
    item: Tabular,
    *,
    trees: Annotated[int, Range(1, 10_000)] = 1000,
    leaves: Annotated[int, Range(2, 256)] = 16,
    depth: Annotated[int, Range(1, 16)] = 8,
    rate: Annotated[float, Range(1e-3, 1)] = 0.1,
    members: Annotated[int, Range(1, 16)] = 5,
) -> Tokens:
    """Gradient-boosted decision trees: the raw scores of each task, one token.

    float32 (B, places) -> `Tokens` (B, 1, scores): of numbers their deviations from the mean, of two labels the
    log-odds of the second, of several the logits of each. Numbers are read as they are, categories as their places
    (which follow how frequent they are), dates as their parts; each may be missing.

    The trees (Friedman 2001, "Greedy function approximation"; in histograms: Ke et al. 2017, "LightGBM") are fitted by
    scikit-learn to the training records before the first step, and do not train. Each member of a committee leaves a
    part of the records out, which say when to stop; the scores are the members' mean. While other layers train, a
    record has the score of that member which has not seen it: those of trees that know the answer would be believed too
    much. Where a ridge or logistic regression makes what is left out clearly likelier, the scores are a mean of both,
    as they are worth: what is a line needs few records. See `mmzoo.training.fitted.trees`.

    What a task's head says is added to the scores; under a fusion of answers they are the input's answer as they are.

    Args:
        trees: for each score, those of all members together; fewer where more gain nothing.
        leaves: of a tree, at most; with few records it has fewer.
        depth: questions from the root to a leaf, at most.
        rate: how much of what is left over each tree corrects.
        members: of the committee; 1 for a single one, that is stopped by a fifth of the records.
    """
    item.check_fitted()
    name = scoped(item)
    count = sum(map(scores_of, asked())) or 1
    nodes = count * trees * (2 * leaves - 1)
    require(
        nodes <= MOST_NODES,
        f"The trees of input '{item.name}' would have {nodes:,} nodes, over the limit of {MOST_NODES:,}; give fewer "
        "trees or leaves.",
    )
    start = len(item.numbers)
    first = start + len(item.categories)
    if item.dates:
        parts, _ = DateParts(name=name("dates"))(x[:, first : first + len(item.dates)])
        x = ops.concatenate([x, parts], axis=1)
    forest = Forest(count, trees, leaves, depth, rate, members, start, item.sizes, name=name("trees"))
    found = scores(item, forest)(x)
    return Tokens(found[:, None], ops.ones_like(found[:, :1], dtype="bool"))


def offsets(sizes: Sequence[int]) -> np.ndarray:
    """Where the places of each column begin among those of all, int32 (columns,)."""
    return np.cumsum([0, *sizes[:-1]]).astype(np.int32)


@keras.saving.register_keras_serializable("mmzoo")
class Forest(keras.layers.Layer):
    """The sums of the leaves that a row comes to in trees of yes or no, and a linear part.

    float32 (B, F) -> float32 (B, count).

    A node asks whether the number in one of the columns is at most a threshold. If so, or where there is no number and
    the node says so, the row goes to the node's child, else to the one behind that. A leaf is its own child. Whatever
    the numbers of the nodes are, a row stays within its tree, and comes to an end after `depth` questions.

    Random, until `mmzoo.training.fitted.trees` has fitted it.

    Args:
        count: scores.
        trees: of each score.
        rate, members: how they are fitted.
        start: the first column of categories.
        sizes: how many places each of these has.
    """

    def __init__(
        self,
        count: int,
        trees: int,
        leaves: int,
        depth: int,
        rate: float,
        members: int,
        start: int = 0,
        sizes: Sequence[int] = (),
        **kwargs: object,
    ) -> None:
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.count, self.trees, self.leaves, self.depth = count, trees, leaves, depth
        self.rate, self.members = rate, members
        self.nodes = 2 * leaves - 1
        self.start, self.sizes = start, [int(size) for size in sizes]

    def get_config(self) -> dict[str, object]:
        names = ("count", "trees", "leaves", "depth", "rate", "members", "start", "sizes")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def build(self, shape: Shape) -> None:
        self.width = int(shape[-1] or 0)
        roots = self.count * self.trees
        uniform = keras.initializers.RandomUniform(0, 1)
        heap = 2 * np.arange(self.nodes) + 1
        heap = np.where(heap < self.nodes, heap, np.arange(self.nodes))

        def any_column(shape: Shape, dtype: str) -> Tensor:
            return ops.cast(ops.floor(uniform(shape, "float32") * self.width), dtype)

        def full_trees(shape: Shape, dtype: str) -> Tensor:
            return ops.cast(np.tile(heap, roots), dtype)

        def add(name: str, initializer: str | keras.initializers.Initializer, dtype: str) -> keras.Variable:
            return self.add_weight(
                shape=(roots * self.nodes,), initializer=initializer, dtype=dtype, trainable=False, name=name
            )

        self.columns = add("columns", any_column, "int32")
        self.thresholds = add("thresholds", uniform, "float32")
        self.missing = add("missing", "ones", "int32")
        self.children = add("children", full_trees, "int32")
        self.values = add("values", keras.initializers.RandomNormal(stddev=0.1), "float32")
        self.base = self.add_weight(shape=(self.count,), initializer="zeros", trainable=False, name="base")
        self.weights_of_row = self.add_weight(
            shape=(2 * self.width, self.count), initializer="zeros", trainable=False, name="weights_of_row"
        )
        self.weights_of_places = self.add_weight(
            shape=(max(sum(self.sizes), 1), self.count), initializer="zeros", trainable=False, name="weights_of_places"
        )
        self.means = self.add_weight(shape=(self.width,), initializer="zeros", trainable=False, name="means")
        self.scales = self.add_weight(shape=(self.width,), initializer="zeros", trainable=False, name="scales")

    def call(self, x: Tensor) -> Tensor:
        return self.of_trees(x) + self.linear(x) + self.base

    def linear(self, x: Tensor) -> Tensor:
        """The linear part: what `mmzoo.boosting.linear.Encoding` makes of a row, weighed."""
        there = is_number(x)
        numbers = ops.clip((ops.where(there, x, self.means) - self.means) * self.scales, -FARTHEST, FARTHEST)
        encoded = ops.concatenate([numbers, 1.0 - ops.cast(there, "float32")], axis=1)
        found = ops.matmul(encoded, self.weights_of_row)
        if self.sizes:
            own = x[:, self.start : self.start + len(self.sizes)]
            sizes = np.array(self.sizes, np.float32)
            places = ops.cast(ops.clip(ops.where(is_number(own), own, 0.0), 0.0, sizes - 1), "int32")
            found += ops.sum(tf.gather(self.weights_of_places.value, places + offsets(self.sizes)), axis=1)
        return found

    def of_trees(self, x: Tensor) -> Tensor:
        """The sums of the leaves."""
        x = ops.where(is_number(x), x, 2 * HUGE)
        columns = ops.clip(self.columns, 0, self.width - 1)
        children = ops.clip(self.children, 0, self.nodes - 1)
        roots = ops.arange(self.count * self.trees, dtype="int32")[None] * self.nodes
        place = ops.zeros_like(x[:, :1], dtype="int32") + roots
        for _ in range(self.depth):
            value = tf.gather(x, tf.gather(columns, place), batch_dims=1)
            gone = ops.cast(value > HUGE, "int32") * tf.gather(self.missing.value, place)
            left = ops.logical_or(value <= tf.gather(self.thresholds.value, place), gone > 0)
            child = tf.gather(children, place) + ops.where(left, 0, 1)
            place = roots + ops.minimum(child, self.nodes - 1)
        leaves = ops.reshape(tf.gather(self.values.value, place), (-1, self.count, self.trees))
        return ops.sum(leaves, axis=2)

    def hold(self, grown: Sequence[Grown], encoding: Encoding | None = None) -> None:
        """Take what was grown for each of the scores; trees that are left over say nothing."""
        shape = (self.count, self.trees, self.nodes)
        columns, missing, values = (np.zeros(shape, dtype) for dtype in (np.int32, np.int32, np.float32))
        thresholds = np.zeros(shape, np.float32)
        children = np.zeros(shape, np.int32)
        for score, each in enumerate(grown):
            for place, tree in enumerate(each.trees):
                count = len(tree.columns)
                columns[score, place, :count], thresholds[score, place, :count] = tree.columns, tree.thresholds
                missing[score, place, :count], children[score, place, :count] = tree.missing, tree.children
                values[score, place, :count] = tree.values
        for weight, array in (
            (self.columns, columns), (self.thresholds, thresholds), (self.missing, missing),
            (self.children, children), (self.values, values),
        ):  # fmt: skip
            weight.assign(array.reshape(-1))
        self.base.assign(np.array([each.base for each in grown], np.float32))
        weights = np.zeros((2 * self.width + self.weights_of_places.shape[0], self.count), np.float32)
        for score, each in enumerate(grown):
            if each.weights is not None:
                weights[: len(each.weights), score] = each.weights
        self.weights_of_row.assign(weights[: 2 * self.width])
        self.weights_of_places.assign(weights[2 * self.width :])
        if encoding is not None:
            self.means.assign(encoding.means)
            self.scales.assign(encoding.scales)
