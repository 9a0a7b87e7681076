"""What is told of an exported variant: the keys of a row in report.json."""

from __future__ import annotations

from typing import Required, TypedDict


class Figures(TypedDict, total=False):
    """What running a file has measured: milliseconds to an answer, by threads; MB; how often it has each operation."""

    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p50_2_threads: float
    latency_ms_p95_2_threads: float
    memory_mb: float | None
    ops: dict[str, int]


class TaskFigures(TypedDict, total=False):
    """How far the answers to a task are from the model's, and what that costs of its primary metric.

    metric, metric_drop: None without labels.
    """

    max_abs_diff: float
    mean_abs_diff: float
    top1_agreement: float
    metric_name: str
    metric: float | None
    metric_drop: float | None


class PartFigures(TypedDict, total=False):
    """How far vectors, or log-probabilities of texts, are from the model's; the share of texts that are the same."""

    max_abs_diff: float
    same: float
    latency_ms_p50: float


class Part(PartFigures, total=False):
    """A file that goes with a variant: the encoder of an input, or the writer of a task."""

    file: Required[str]
    bytes: Required[int]


class Row(TaskFigures, Figures, total=False):
    """A variant.

    examples: how many records were asked.
    tasks: of each task, where there are several.
    ratio: of its bytes to those of the exact variant.
    reason: why there is none.
    over: which limit it does not keep.
    """

    variant: Required[str]
    file: str
    bytes: int
    examples: int
    tasks: dict[str, TaskFigures]
    ratio: float | None
    best: bool
    reason: str
    over: str
    encoders: dict[str, Part]
    writers: dict[str, Part]
