"""What a person gives an input by, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from mmzoo.aliases import Raw, Untyped
from mmzoo.errors import DataError, MMZooError, require_data
from mmzoo.files import read_file, write_file
from mmzoo.modalities.arrays import MAGIC
from mmzoo.modalities.base import Modality
from mmzoo.modalities.tabular.cells import number_of, says_nothing, text_of
from mmzoo.modalities.tabular.clock import TIME
from mmzoo.modalities.tabular.dates import date_of
from mmzoo.modalities.tabular.lists import parts_of
from mmzoo.modalities.widgets import Cell, Widget
from mmzoo.serving.values import value_of

MOST_CHOICES = 1000
"""Of a list to choose from; of more, one is typed."""
HIGH = 280
"""Pixels of a picture's or a film's place."""


@dataclass(frozen=True)
class Field:
    """An input and the Gradio components that ask for it: one, or one for each column of a row.

    Args:
        uploads: the only folder that uploaded files are in.
    """

    item: Modality
    widget: Widget
    components: Sequence[Untyped]
    uploads: Path

    @property
    def names(self) -> list[str]:
        """What tells each component from all others."""
        return [f"{self.item.name} {cell.column}" for cell in self.widget.cells] or [self.item.name]

    @classmethod
    def draw(cls, item: Modality, uploads: Path) -> Field:
        """Put the components of an input where Gradio's context is."""
        widget = item.widget()
        if widget.kind != "form":
            return cls(item, widget, [component_of(item, widget.kind)], uploads)
        with gr.Accordion(item.name), gr.Row():
            return cls(item, widget, [component_of_cell(cell) for cell in widget.cells], uploads)

    def value(self, given: Sequence[object]) -> Raw:
        """What the record has of this input, of what the components hold; None where all is left empty.

        Raises:
            DataError: it is nothing that the components give.
        """
        if self.widget.kind == "form":
            cells = zip(self.widget.cells, given, strict=True)
            row = {cell.column: written(cell, value) for cell, value in cells if value not in (None, "", [])}
            return value_of(self.item, row) if row else None
        (only,) = given
        if self.widget.kind == "text":
            if only is None or not str(only).strip():
                return None
            return value_of(self.item, only) if self.item.is_text else only
        return None if only is None or only == [] else uploaded(self.item.name, only, self.uploads)

    def example(self, value: Raw, stem: Path) -> list[object]:
        """What the components hold for the value of a record; None where it has none or cannot be shown.

        Args:
            stem: of a file that is written for it, among the uploads: without an ending.
        """
        nothing: list[object] = [None] * len(self.components)
        if value is None or isinstance(value, DataError):
            return nothing
        try:
            if self.widget.kind == "form":
                row = value if isinstance(value, Mapping) else {}
                return [held(cell, row.get(cell.column)) for cell in self.widget.cells]
            if self.widget.kind == "text":
                return [self.item.to_stored(value).decode("utf-8", "replace") if self.item.is_text else str(value)]
            data, ending = self._file(value)
            self.item.decode(data)  # what the page shows must be what it can ask
        except MMZooError:
            return nothing
        path = stem.with_name(f"{stem.name}{ending}")
        write_file(path, data)
        return [str(path)]

    def _file(self, value: Raw) -> tuple[bytes, str]:
        """A value as the bytes of a file, and how its name ends."""
        if self.widget.kind == "picture":
            return self.item.shown(value).picture, ".png"
        if self.widget.kind == "sound":
            return self.item.shown(value).sound, ".wav"
        data = self.item.to_stored(value)
        return data, ".npy" if data.startswith(MAGIC) else self.item.endings[0]


def component_of(item: Modality, kind: str) -> Untyped:
    """A Gradio component; what it makes of files is not asked, only where they are."""
    usual: dict[str, object] = {"label": item.name, "buttons": []}  # one of those left out shares what it holds
    if kind == "picture":
        return gr.Image(**usual, type="filepath", sources=["upload", "clipboard", "webcam"], height=HIGH)
    if kind == "sound":
        return gr.Audio(**usual, type="filepath", sources=["upload", "microphone"], editable=False)
    if kind == "video":
        return gr.Video(**usual, sources=["upload", "webcam"], height=HIGH)
    if kind == "file":
        return gr.File(label=item.name, file_types=[*item.endings, ".npy"], height=150)
    return gr.Textbox(label=item.name, lines=2, max_lines=12)


def component_of_cell(cell: Cell) -> Untyped:
    """A Gradio component for a column of a row."""
    if cell.kind == "number":  # no `gradio.Number`: left empty it says 0
        usual = f"{cell.usual[0]:g} to {cell.usual[1]:g}" if cell.usual else "a number"
        return gr.Textbox(label=cell.column, placeholder=usual, max_lines=1)
    if cell.form == TIME:
        return gr.Textbox(label=cell.column, placeholder="14:30", max_lines=1)
    if cell.kind in ("date", "moment"):
        return gr.DateTime(label=cell.column, type="string", include_time=cell.kind == "moment")
    if len(cell.choices) > MOST_CHOICES:
        return gr.Textbox(label=cell.column, max_lines=1)
    if cell.kind == "choices":
        return gr.Dropdown([*cell.choices], label=cell.column, multiselect=True, value=[])
    return gr.Dropdown(["", *cell.choices], label=cell.column, value="", allow_custom_value=True)


def written(cell: Cell, value: Raw) -> Raw:
    """A cell as a table has it; a plain number is one, however the table writes its own."""
    if isinstance(value, list):
        return cell.delimiter.join(map(str, value))
    number = number_of(value) if cell.kind == "number" else None
    return value if number is None else number


def held(cell: Cell, value: Raw) -> object:
    """A table's cell as its component holds it."""
    if says_nothing(value) or isinstance(value, DataError):
        return None
    if cell.kind == "number":
        number = number_of(value, cell.form)
        return None if number is None else f"{number:.10g}"
    if cell.kind in ("date", "moment"):
        when = date_of(value, cell.form)
        if cell.form == TIME:
            return when and when.strftime("%H:%M")
        return when and when.strftime("%Y-%m-%d %H:%M:%S" if cell.kind == "moment" else "%Y-%m-%d")
    if cell.kind == "choices":
        return [word for word in parts_of(value, cell.delimiter) if word in cell.choices]
    return text_of(value)


def uploaded(name: str, given: Raw, uploads: Path) -> bytes:
    """The bytes of an uploaded file.

    Args:
        given: what says where it is. It comes from the page, and so from a stranger.

    Raises:
        DataError: it is elsewhere, or cannot be read.
    """
    given = given[0] if isinstance(given, list) else given
    path = given.get("path") if isinstance(given, dict) else None
    again = f"Input '{name}' is no file that was uploaded here; choose it again."
    path = path if isinstance(path, str) and "\0" not in path else ""
    require_data(Path(os.path.realpath(path)).is_relative_to(uploads), "bad_upload", again)
    try:
        return read_file(path, links=False)
    except OSError:
        raise DataError(again, "bad_upload") from None
