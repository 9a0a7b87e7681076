"""What the tests of tuning share: a small run's settings, its trainer, and which variables moved."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import mmzoo
from mmzoo.data.records import decode
from mmzoo.graph.cut import split
from mmzoo.labels import encode_labels
from mmzoo.training.features.compute import compute_features
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.trainer import Trainer
from tests.conftest import small_records, small_spec

OPTIONS = {"lora": {"rank": 2}, "gradual": {"blocks": 2}}
SPEC = small_spec().subset(["words"])
PICTURES = small_spec().subset(["picture"])


def settings(way: str, **changes: Any) -> mmzoo.Training:
    choice = mmzoo.Tune(way, **OPTIONS.get(way, {}))
    found = {"epochs": 4, "batch_size": 4, "tune": choice, "tune_inputs": ["words"], **changes}
    return mmzoo.Training(**found)


def trainer_of(spec: mmzoo.Spec, training: mmzoo.Training, steps: int = 100) -> tuple[Trainer, Any, keras.Model]:
    """A trainer, batches for it, and the whole model."""
    keras.utils.set_random_seed(0)
    records = small_records(12)
    model = mmzoo.build(spec)
    part = split(model)
    features = compute_features(part, spec, decode(spec, records))
    labels = encode_labels(spec.tasks, records)
    feed = Stream(features, labels, Varied(modality_dropout=0.2), batch_size=training.batch_size, seed=0)
    trainer = Trainer(spec, part.rest, training, steps)
    return trainer, trainer.batches(feed, range(steps)), model


def values(variables: Any) -> dict[str, np.ndarray]:
    return {v.path: np.array(v.numpy()) for v in variables}


def moved(variables: Any, before: dict[str, np.ndarray]) -> set[str]:
    return {v.path for v in variables if v.numpy().tobytes() != before[v.path].tobytes()}
