"""Settings that follow from how many records there are, and from what a spec is made of."""

from __future__ import annotations

import math
from dataclasses import replace

from mmzoo.spec import Spec
from mmzoo.training.settings import Training

STEPS = 1500  # that a small table is given
LEAST, MOST = 10, 100  # epochs
BATCHES = ((500, 8), (1_500, 16), (4_000, 32), (20_000, 64), (100_000, 128))
LARGEST = 256
ROWS = (16, 128)  # the smallest and the largest batch of rows of numbers and categories alone,
ROW_EPOCHS = 200  # the most epochs of these,
ROW_RATE = 2e-3  # and their rate: a step over a row is short
TOGETHER = (16, 256)  # the smallest and the largest batch of a retrieval
SEVERAL = 6  # inputs; with more of them a head for each costs more than it gives


def training_for(spec: Spec, count: int) -> Training:
    """The settings for a table of which nothing else is known.

    About 1,500 steps for a small table and ten epochs for a large one, in batches that grow with it; whoever gains
    nothing for a third of the epochs ends early, and the best epoch is what is kept.

    Args:
        count: training records.
    """
    rows = all(item.kind == "tabular" for item in spec.inputs)
    if rows:
        batch = min(max(count // 8, ROWS[0]), ROWS[1])
    else:
        batch = next((size for most, size in BATCHES if count < most), LARGEST)
    together = any(task.target == "batch" for task in spec.tasks)
    if together:  # the more there are to be told from each other, the more is learnt
        batch = min(max(2 ** round(math.log2(max(count, 1) / 8)), TOGETHER[0]), TOGETHER[1])
    epochs = min(max(math.ceil(STEPS * batch / max(count, 1)), LEAST), ROW_EPOCHS if rows else MOST)
    return Training(
        epochs=epochs,
        batch_size=batch,
        learning_rate=ROW_RATE if rows else 1e-3 * math.sqrt(max(batch, 32) / 32),
        modality_dropout=0.2 if len(spec.inputs) > 1 and not together else 0.0,
        patience=max(epochs // 3, 8),
    )


def with_auxiliary(spec: Spec) -> Spec:
    """The spec with a head for each modality beside that of all, where it has several and says nothing of them."""
    if not 1 < len(spec.inputs) <= SEVERAL:
        return spec
    tasks = [
        replace(task, auxiliary=1.0)
        if not task.auxiliary and task.target == "label" and task.tags.elementwise
        else task
        for task in spec.tasks
    ]
    return replace(spec, tasks=tasks)
