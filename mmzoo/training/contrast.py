"""Modalities of one example brought near each other, beside what the tasks ask."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from mmzoo.layers import pooled
from mmzoo.names import pooled_output
from mmzoo.spec import Spec

SCALE = 1 / 0.07  # of the similarities, as CLIP begins with


def with_pooled(model: keras.Model, spec: Spec) -> keras.Model:
    """The model with one more output for each input, its tokens' mean and maximum, (B, 2 D)."""
    more = {pooled_output(name): pooled(model.parts.tokens(name)) for name in spec.input_names}
    return model.parts.cut(model.input, {**model.output, **more})


def contrast(spec: Spec, outputs: dict[str, Any], present: Any) -> Any:
    """How badly modalities of an example find each other among those of the batch: the mean over all pairs of them.

    InfoNCE in both directions, on the cosines of the pooled tokens (Radford et al. 2021, "CLIP", arXiv:2103.00020).
    Only examples that have both count. In a replica it is that of the whole batch, whose vectors all replicas share.
    """
    names = spec.input_names
    vectors = [tf.math.l2_normalize(tf.cast(outputs[pooled_output(name)], tf.float32), axis=-1) for name in names]
    context = tf.distribute.get_replica_context()
    if context and context.num_replicas_in_sync > 1:
        vectors = [context.all_gather(x, 0) for x in vectors]
        present = context.all_gather(tf.cast(present, tf.int32), 0) > 0
    total, pairs = tf.constant(0.0), 0
    for a in range(len(names)):
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
