"""A problem on which one modality starves another: what the tests of co-learning share."""

from __future__ import annotations

from typing import Any

import numpy as np

import mmzoo

LABELS = ("a", "b", "c", "d")
WIDTHS = {"near": 8, "far": 12}


def starved_spec(fusion: str = "linear_sum", near: int = WIDTHS["near"], **task: Any) -> mmzoo.Spec:
    """Two tables and one question; a linear sum leaves out what is absent, so that one modality alone can be asked."""
    inputs = [
        mmzoo.Tabular(name, numbers=[f"{name}{k}" for k in range(width)], tower=mmzoo.Tower("mlp", width=32))
        for name, width in {**WIDTHS, "near": near}.items()
    ]
    return mmzoo.Spec(inputs, fusion, [mmzoo.Classification("kind", labels=LABELS, **task)], dim=16)


def starved(count: int, seed: int, near: int = WIDTHS["near"], tells: float = 4.0) -> mmzoo.Records:
    """`near` tells the label at a glance, `far` as well, but by the signs of products, which take longer to learn.

    Args:
        near: numbers of that table; all but four are noise, which can be learnt by heart.
        tells: how far these four are moved by the label, in standard deviations.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    first = rng.normal(size=(count, near))
    first[:, :4] += tells * np.eye(4)[labels]
    far = rng.normal(size=(count, WIDTHS["far"])) * 0.5
    bits = np.stack([labels // 2, labels % 2], axis=1) * 2 - 1
    signs = rng.choice([-1, 1], (count, 2))
    far[:, [0, 2]] += signs
    far[:, [1, 3]] += signs * bits
    columns: dict[str, list[Any]] = {"kind": [LABELS[k] for k in labels]}
    for name, rows in (("near", first), ("far", far)):
        columns[name] = [{f"{name}{k}": float(x) for k, x in enumerate(row)} for row in rows]
    return mmzoo.Records(columns)
