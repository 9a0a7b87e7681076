"""Graph attention between modalities."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from mmzoo.fusions import fusions
from mmzoo.layers import stacked
from mmzoo.tokens import Tokens, masked_mean, masked_softmax


class GraphAttention(keras.layers.Layer):
    """Nodes of a complete graph ask each other: (B, M, D), bool (B, M) -> (B, M, heads units).

    `a_ij = softmax_j(leaky_relu(u . W x_i + v . W x_j))` over the nodes j that are there,
    `x_i <- elu(sum_j a_ij W x_j)`.
    """

    def __init__(self, units: int, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.heads = units, heads
        self.project = keras.layers.Dense(units * heads, use_bias=False, name="project")

    def build(self, x_shape: Any, present_shape: Any) -> None:
        self.project.build(x_shape)
        shape = (self.heads, self.units)
        self.asks = self.add_weight(shape=shape, initializer="glorot_uniform", name="asks")
        self.offers = self.add_weight(shape=shape, initializer="glorot_uniform", name="offers")

    def call(self, x: Any, present: Any) -> Any:
        nodes = x.shape[1]
        h = ops.reshape(self.project(x), (-1, nodes, self.heads, self.units))
        asks, offers = ops.sum(h * self.asks, axis=-1), ops.sum(h * self.offers, axis=-1)  # (B, M, heads)
        scores = ops.leaky_relu(
            ops.transpose(asks, (0, 2, 1))[..., None] + ops.transpose(offers, (0, 2, 1))[:, :, None], 0.2
        )
        shares = masked_softmax(scores, present[:, None, None, :])  # (B, heads, M, M)
        found = ops.matmul(shares, ops.transpose(h, (0, 2, 1, 3)))
        return ops.elu(ops.reshape(ops.transpose(found, (0, 2, 1, 3)), (-1, nodes, self.heads * self.units)))


@fusions.register("graph_attention", level="feature", absent="left out")
def graph_attention(tokens: dict[str, Tokens], present: Any, *, dim: int, heads: int = 4) -> Any:
    """Modalities as the nodes of a complete graph (GAT; Velickovic et al. 2018, arXiv:1710.10903).

    Absent ones are no nodes. Two layers; the result is the mean over the nodes.

    Args:
        heads: attention heads.

    `Tokens` (B, T, dim) each -> (B, dim rounded down to a multiple of heads).
    """
    x = stacked(tokens)
    for index in range(2):
        x = GraphAttention(max(dim // heads, 1), heads, name=f"fusion_graph{index}")(x, present)
    return masked_mean(x, present)
