"""Side by side."""

from __future__ import annotations

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.tokens import Tokens, masked_mean


@fusions.register("side_by_side", level="feature", absent="left out")
def side_by_side(tokens: dict[str, Tokens], present: Tensor, *, dim: int) -> Tensor:
    """Each modality's mean token beside the others', and nothing that is learned: the heads are linear in them.

    `[x1; x2; ...]`, so that a head is a sum of what each modality says by itself; nothing of one that is absent.

    `Tokens` (B, T, dim) each -> (B, M dim), zeros where a modality is absent.
    """
    means = [masked_mean(each.values, each.mask) for each in tokens.values()]
    here = [present[:, k : k + 1] for k in range(len(means))]
    return ops.concatenate([ops.where(*each, 0.0) for each in zip(here, means, strict=True)], axis=-1)
