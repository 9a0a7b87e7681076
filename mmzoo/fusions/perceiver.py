"""Perceiver."""

from __future__ import annotations

from functools import partial

import keras
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.declared import LEARNED_QUERIES
from mmzoo.fusions import fusions
from mmzoo.layers.transformer import Learned, gathered, lengths, transformer_block
from mmzoo.tokens import Fused, Tokens


@fusions.register("perceiver", level="feature", absent="left out")
def perceiver(
    tokens: dict[str, Tokens],
    present: Tensor,
    *,
    dim: int,
    latents: int = 8,
    rounds: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
) -> Fused:
    """A few learned latents ask all tokens, then one another, again and again (Jaegle et al. 2021, arXiv:2103.03206).

    A round is a pre-norm block from the latents to the tokens of all modalities, each with a
    learned embedding of its modality, and one among the latents; its cost is linear in the number of tokens. The rounds
    do not share weights. The result is the mean latent after a norm. The tokens of an absent modality are masked.

    Args:
        latents: number of latents.
        rounds: number of rounds.
        heads: attention heads of a block.

    `Tokens` (B, T, dim) each -> (B, dim), and the latents as `Tokens` (B, latents, dim).
    """
    values, mask = gathered(tokens, present, embedded=True)
    state = Learned(latents, dim, name="fusion.latents")(values)
    real = ops.ones_like(state[..., 0], dtype="bool")
    block = partial(transformer_block, heads=heads, hidden=4 * dim, dropout=dropout)
    for k in range(rounds):
        over = [(LEARNED_QUERIES, latents)], lengths(tokens)
        state = block(state, mask, f"fusion.cross{k}", source=values, over=over)
        state = block(state, real, f"fusion.latent{k}")
    state = keras.layers.LayerNormalization(epsilon=1e-5, name="fusion.norm")(state)
    return Fused(ops.mean(state, axis=1), Tokens(state, real))
