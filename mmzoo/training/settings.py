"""How a model is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from mmzoo.errors import check_number, require, unknown


@dataclass(frozen=True)
class Training:
    """The settings of a training run; plain data, JSON both ways.

    Args:
        epochs: passes over the training records.
        batch_size: examples a step.
        learning_rate: AdamW's peak rate; it rises over the first 5 % of the steps and falls as a cosine to 0.
        weight_decay: AdamW's (Loshchilov & Hutter 2019, arXiv:1711.05101).
        fine_tune_rate: factor on the learning rate of pretrained blocks.
        modality_dropout: share of the modalities that are left out, drawn for each example;
            one always stays (Neverova et al. 2016, "ModDrop").
        views: how many variants of each example are computed and kept; the first is the original.
        memory: gigabytes that decoded examples may take; beyond it the largest inputs are decoded again for each batch.
        clip_norm: gradients longer than this are scaled down to it.
        monitor: the metric that chooses the best epoch, by its name in the history without `val_`; the first
            task's primary one, if not given.
        patience: training ends after so many epochs without a better one; 0 for never.
        average: weights are averaged with this momentum over the steps, and the average is what is kept; 0 for none.
    """

    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    fine_tune_rate: float = 0.1
    modality_dropout: float = 0.2
    views: int = 1
    memory: float = 4.0
    clip_norm: float = 1.0
    average: float = 0.99
    monitor: str = ""
    patience: int = 0

    def __post_init__(self) -> None:
        limits = {
            "epochs": (1, 1_000_000),
            "batch_size": (1, 65_536),
            "learning_rate": (0, 10),
            "weight_decay": (0, 10),
            "fine_tune_rate": (0, 10),
            "modality_dropout": (0, 0.95),
            "views": (1, 64),
            "memory": (0, 1e6),
            "clip_norm": (1e-6, 1e9),
            "average": (0, 0.99999),
            "patience": (0, 1_000_000),
        }
        require(
            isinstance(self.monitor, str),
            f"The training setting 'monitor' must be a metric's name, not {self.monitor!r}.",
        )
        for field in fields(self):
            if field.name not in limits:
                continue
            low, high = limits[field.name]
            value = getattr(self, field.name)
            check_number(f"The training setting '{field.name}'", value, low, high, whole=field.type == "int")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Training:
        known = [f.name for f in fields(cls)]
        for key in data:
            if key not in known:
                raise unknown("training setting called", key, known)
        return cls(**data)
