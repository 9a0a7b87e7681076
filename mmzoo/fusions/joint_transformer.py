"""Joint transformer."""

from __future__ import annotations

import keras

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.layers import pooled
from mmzoo.layers.transformer import gathered, lengths, transformer_block
from mmzoo.tokens import Fused, Tokens


@fusions.register("joint_transformer", level="feature", absent="left out")
def joint_transformer(
    tokens: dict[str, Tokens], present: Tensor, *, dim: int, layers: int = 2, heads: int = 4, dropout: float = 0.1
) -> Fused:
    """Self-attention over the tokens of all modalities in one sequence (as in ViLT; Kim et al. 2021, arXiv:2102.03334).

    A learned embedding says which modality a token is of; then come pre-norm blocks, a norm, and
    the mean and maximum of the tokens. The tokens of an absent modality are masked.

    Args:
        layers: number of blocks.
        heads: attention heads of a block.

    `Tokens` (B, T, dim) each -> (B, 2 dim), and the tokens of all modalities (B, sum of T, dim).
    """
    values, mask = gathered(tokens, present, embedded=True)
    axis = lengths(tokens)
    for layer in range(layers):
        values = transformer_block(
            values, mask, f"fusion.block{layer}", heads=heads, hidden=4 * dim, dropout=dropout, over=(axis, axis)
        )
    joined = Tokens(keras.layers.LayerNormalization(epsilon=1e-5, name="fusion.norm")(values), mask)
    return Fused(pooled(joined), joined)
