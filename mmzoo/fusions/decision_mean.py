"""The mean of the modalities' decisions."""

from __future__ import annotations

from typing import Any

from keras import ops

from mmzoo.fusions import fusions


@fusions.register("decision_mean", level="decision", absent="left out")
def decision_mean(logits: dict[str, Any], present: Any, *, dim: int) -> Any:
    """The mean of the logits of the modalities that are present (Kittler et al. 1998, "On Combining Classifiers").

    For classification that is the normalised geometric mean of their
    probabilities (their product rule); for regression the mean of their answers.

    Logits (B, K) each -> logits (B, K).
    """
    stacked = ops.stack(list(logits.values()), axis=1)
    kept = ops.cast(present, "float32")[..., None]
    return ops.sum(stacked * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1.0)
