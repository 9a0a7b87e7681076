"""One modality, one vote."""

from __future__ import annotations

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.errors import require
from mmzoo.fusions import fusions
from mmzoo.fusions.decision_mean import opinions_of
from mmzoo.tasks.base import Task
from mmzoo.tokens import masked_mean

TIE = 1e-3  # what the mean probability counts beside a vote: enough to settle a tie, never a vote's worth


@fusions.register("hard_vote", level="decision", absent="left out")
def hard_vote(logits: dict[str, Tensor], present: Tensor, *, task: Task) -> Tensor:
    """Each modality that is present votes for its likeliest label; the answer is the share of the votes.

    Kittler et al. 1998, "On Combining Classifiers", majority vote; a tie goes to the higher mean
    probability. A vote has no slope, so the gradient is that of the mean probability (straight-through;
    Bengio et al. 2013, arXiv:1308.3432). Not defined for numbers.

    Logits (B, K) each -> logits (B, K).

    Raises:
        MMZooError: the task has no labels.
    """
    require(
        task.tags.probabilistic,
        f"Fusion 'hard_vote' needs labels, but task '{task.name}' is numbers; use 'decision_mean'.",
    )
    answers = opinions_of(logits, task)
    if task.tags.exclusive:
        votes = ops.cast(answers >= ops.max(answers, axis=-1, keepdims=True), "float32")
    else:
        votes = ops.cast(answers > 0.5, "float32")
    soft = task.from_opinions(masked_mean(answers, present))
    hard = task.from_opinions((1 - TIE) * masked_mean(votes, present) + TIE * masked_mean(answers, present))
    return soft + ops.stop_gradient(hard - soft)
