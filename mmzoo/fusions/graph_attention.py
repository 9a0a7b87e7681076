"""Graph attention."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.declared import attention
from mmzoo.fusions import fusions
from mmzoo.layers import stacked
from mmzoo.layers.transformer import Learned
from mmzoo.tokens import Fused, Tokens, masked_mean, masked_softmax


@fusions.register("graph_attention", level="feature", absent="left out")
def graph_attention(
    tokens: dict[str, Tokens], present: Tensor, *, dim: int, heads: int = 4, dropout: float = 0.3
) -> Fused:
    """The modalities attend to each other as nodes of a complete graph (GAT; Velickovic et al. 2018, arXiv:1710.10903).

    In each head node i becomes `elu(sum_j a_ij h_j)`, where `a_ij = softmax_j(leaky_relu(s . h_i + t . h_j))` with
    slope 0.2 and `h = W x`, over all nodes j, itself among them. The heads stand side by side; the result is the
    mean of the nodes. An absent modality is no node.

    Args:
        heads: attention heads, of `dim // heads` features each.

    `Tokens` (B, T, dim) each -> (B, heads * (dim // heads)), and the nodes as `Tokens` of that width, one a modality.
    """
    count, width = len(tokens), max(dim // heads, 1)
    nodes = keras.layers.Dropout(dropout, name="fusion.dropout")(stacked(tokens))
    hidden = keras.layers.Dense(heads * width, use_bias=False, name="fusion.dense")(nodes)
    hidden = ops.transpose(ops.reshape(hidden, (-1, count, heads, width)), (0, 2, 1, 3))

    def scores(part: str) -> Tensor:  # (B, heads, M)
        return ops.sum(hidden * Learned(heads, width, name=f"fusion.{part}")(nodes)[:, :, None], axis=-1)

    pairs = scores("query")[..., None] + scores("key")[:, :, None]
    weights = masked_softmax(keras.activations.leaky_relu(pairs, 0.2), present[:, None, None])
    axis = [(name, 1) for name in tokens]
    weights = attention(keras.layers.Identity(name="fusion.weights"), axis, axis)(weights)
    found = ops.transpose(ops.matmul(weights, hidden), (0, 2, 1, 3))
    states = ops.elu(ops.reshape(found, (-1, count, heads * width)))
    return Fused(masked_mean(states, present), Tokens(states, present))
