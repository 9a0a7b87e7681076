"""Modalities of one example brought near each other, beside what the tasks ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.graph.parts import Parts
from mmzoo.layers import pooled
from mmzoo.names import pooled_output
from mmzoo.options import Range
from mmzoo.spec import Spec
from mmzoo.training.loss import Batch
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod

if TYPE_CHECKING:
    from mmzoo.training.settings import Training

SCALE = 1 / 0.07  # of the similarities, as CLIP begins with


@methods.register("contrastive")
class Contrastive(TrainingMethod):
    """Modalities of an example find each other in the batch, a loss beside the tasks' (Radford et al. 2021).

    See `contrast`; "CLIP", arXiv:2103.00020.

    Args:
        weight: of this loss.
    """

    term = "contrast_loss"

    def __init__(self, *, weight: Annotated[float, Range(0, 1000)] = 0.5) -> None:
        self.weight = weight

    def check(self, spec: Spec, training: Training) -> None:
        require(
            len(spec.inputs) > 1,
            "The method 'contrastive' lets modalities find each other, and this spec has only one; leave it out.",
        )
        require(
            training.grad_accum_steps == 1,
            "The method 'contrastive' compares the examples of a whole batch; set 'grad_accum_steps' to 1, or "
            "leave it out.",
        )

    def outputs(self, parts: Parts) -> dict[str, Any]:
        """Of each input its tokens' mean and maximum, (B, 2 D)."""
        return {pooled_output(name): pooled(parts.tokens(name)) for name in parts.inputs}

    def build(self, learner: Learner) -> None:
        self.names = learner.spec.input_names

    def added_loss(self, batch: Batch, outputs: dict[str, Tensor]) -> Tensor | None:
        vectors = [outputs[pooled_output(name)] for name in self.names]
        return self.weight * contrast(vectors, batch.present) / tf.distribute.get_strategy().num_replicas_in_sync


def contrast(vectors: list[Tensor], present: Tensor) -> Tensor:
    """How badly modalities of an example find each other among those of the batch: the mean over all pairs of them.

    InfoNCE in both directions, on the cosines of the `vectors`, (B, any) of each modality. Only examples that have both
    count. In a replica it is that of the whole batch, whose vectors all replicas share.
    """
    vectors = [tf.math.l2_normalize(tf.cast(each, tf.float32), axis=-1) for each in vectors]
    context = tf.distribute.get_replica_context()
    if context and context.num_replicas_in_sync > 1:
        vectors = [context.all_gather(x, 0) for x in vectors]
        present = context.all_gather(tf.cast(present, tf.int32), 0) > 0
    total, pairs = tf.constant(0.0), 0
    for a in range(len(vectors)):
        for b in range(a):
            both = present[:, a] & present[:, b]
            scores = tf.matmul(vectors[a], vectors[b], transpose_b=True) * SCALE
            scores = tf.where(both[:, None] & both[None], scores, -1e9)
            right = tf.linalg.diag_part(scores)
            lost = [tf.reduce_logsumexp(scores, axis=axis) - right for axis in (0, 1)]
            kept = tf.cast(both, tf.float32)
            total += tf.reduce_sum((lost[0] + lost[1]) * kept) / (2 * tf.maximum(tf.reduce_sum(kept), 1.0))
            pairs += 1
    return total / max(pairs, 1)
