"""The mean of the modalities' answers."""

from __future__ import annotations

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.fusions import fusions
from mmzoo.tasks.base import Task
from mmzoo.tokens import masked_mean


@fusions.register("decision_mean", level="decision", absent="left out")
def decision_mean(logits: dict[str, Tensor], present: Tensor, *, task: Task) -> Tensor:
    """The mean of the probabilities of the modalities that are present: the soft vote.

    Kittler et al. 1998, "On Combining Classifiers", the sum rule. For regression, the mean of the answers.

    Logits (B, K) each -> logits (B, K).
    """
    return task.from_opinions(masked_mean(opinions_of(logits, task), present))


def opinions_of(logits: dict[str, Tensor], task: Task) -> Tensor:
    """What each modality says, (B, M, answers): probabilities, or numbers."""
    return ops.stack([task.to_opinions(each) for each in logits.values()], axis=1)
