"""The nodes of scikit-learn's trees as plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmzoo.modalities.tabular.fitting import HUGE


class Tree(NamedTuple):
    """The nodes of a tree, arrays (nodes,); the root comes first.

    columns: int32, whose number each node asks for.
    thresholds: float32; a number up to it goes to the child, a larger one to the node behind that.
    missing: int32, 1 where a row without that number goes to the child.
    children: int32; a leaf's is itself.
    values: float32, of the leaves.
    """

    columns: np.ndarray
    thresholds: np.ndarray
    missing: np.ndarray
    children: np.ndarray
    values: np.ndarray


def plain(nodes: np.ndarray, share: float) -> Tree:
    """The nodes of one of scikit-learn's trees, in an order in which children stand side by side."""
    order, places = [0], {0: 0}
    for node in order:  # grows on the way
        if not nodes["is_leaf"][node]:
            for side in ("left", "right"):
                places[int(nodes[side][node])] = len(order)
                order.append(int(nodes[side][node]))
    told = nodes[order]
    leaf = told["is_leaf"].astype(bool)
    own = np.arange(len(order))
    first = [own[k] if leaf[k] else places[int(told["left"][k])] for k in own]
    return Tree(
        np.where(leaf, 0, told["feature_idx"]).astype(np.int32),
        np.where(leaf, np.float32(HUGE), rounded_down(told["num_threshold"])).astype(np.float32),
        np.where(leaf, 1, told["missing_go_to_left"]).astype(np.int32),
        np.array(first, np.int32),
        np.where(leaf, told["value"] * share, 0.0).astype(np.float32),
    )


def rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """The largest float32 up to each threshold: the same float32 numbers are above it, and the same are not."""
    bounded = np.clip(thresholds, -HUGE, HUGE)
    near = bounded.astype(np.float32)
    return np.asarray(np.where(near > bounded, np.nextafter(near, np.float32(-np.inf)), near))
