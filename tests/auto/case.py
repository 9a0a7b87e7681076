"""What the tests of the search share: specs and records of texts, the quickest to build."""

from __future__ import annotations

from typing import Any

import numpy as np

import mmzoo
from mmzoo.data.records import Records
from mmzoo.training.settings import Training

LABELS = ("cat", "dog", "bird")
SMALL = Training(epochs=3, batch_size=8, learning_rate=3e-3)


def words_spec(*names: str, tasks: Any = None) -> mmzoo.Spec:
    """Texts alone: the quickest to build."""
    inputs = [
        mmzoo.Text(
            name,
            max_bytes=16,
            tokens=4,
            tokenizer=mmzoo.Tokenizer("hashed_words", buckets=32),
            tower=mmzoo.Tower("embedding_attention", width=8, heads=1),
        )
        for name in names
    ]
    return mmzoo.Spec(inputs, "concat", tasks or [mmzoo.Classification("animal", labels=LABELS)], dim=8)


def words_records(count: int, seed: int = 0, **columns: list[Any]) -> Records:
    labels = np.random.default_rng(seed).integers(0, 3, count)
    said = {"first": [f"a {LABELS[k]}" for k in labels], "second": [f"{LABELS[k]} {n}" for n, k in enumerate(labels)]}
    return Records({**said, "animal": [LABELS[k] for k in labels], **columns})
