"""What a page is made of: an analysis says what it shows in these, and `mmzoo.reports` draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmzoo.modalities.shown import Shown


@dataclass(frozen=True)
class Text:
    """A paragraph; `soft`, in grey, for what explains a figure."""

    kind: ClassVar[str] = "text"
    text: str
    soft: bool = False


@dataclass(frozen=True)
class Heading:
    """What is above the blocks that follow, one level below the section's own."""

    kind: ClassVar[str] = "heading"
    text: str


Cell = str | int | float | None
"""A float is shown with three decimals, a whole number as it is, None as a dash."""


@dataclass(frozen=True)
class Table:
    """Rows of figures, each named by its first cell. Tables with a title stand side by side.

    Args:
        heads: what the columns are called.
        rows: texts, numbers, or None for a dash.
        label: what a screen reader says.
        title: above it.
        words: how many of the last columns are sentences.
    """

    kind: ClassVar[str] = "table"
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    label: str
    title: str = ""
    words: int = 0


@dataclass(frozen=True)
class Matrix:
    """Counts of (true label, answer), rows the true labels."""

    kind: ClassVar[str] = "matrix"
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]

    @property
    def shares(self) -> list[list[float]]:
        """Each count as a share of its row, from 0 to 1."""
        counts = np.array(self.counts)
        return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).round(3).tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Line:
    """A named line; `style` 0 to 3 is its colour, "soft" a dashed grey one, "dots" no line but its points."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int | str = 0
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines under a title, for the page and as a picture. The charts of a section stand together, where its first is.

    Args:
        drawn: its lines.
        x_label: what the horizontal axis has.
        label: what a screen reader says.
        y_span: lowest and highest value; what the lines need, if not given.
        x_ticks: (place, words) under the axis; first and last, if not given.
        note: a sentence below.
        small: are there many of them?
        logarithmic: both axes are, and all places and values above 0.
    """

    kind: ClassVar[str] = "chart"
    title: str
    drawn: Sequence[Line]
    x_label: str
    label: str
    y_span: tuple[float, float] | None = None
    x_ticks: Sequence[tuple[float, str]] | None = None
    note: str = ""
    small: bool = False
    logarithmic: bool = False


@dataclass(frozen=True)
class Pair:
    """Two values side by side under the name of their record."""

    name: str
    one: Shown
    other: Shown


@dataclass(frozen=True)
class Pairs:
    """A grid of pairs; `heads` says what the one is, and the other."""

    kind: ClassVar[str] = "pairs"
    heads: tuple[str, str]
    pairs: Sequence[Pair]


Block = Pairs | Text | Heading | Table | Matrix | Chart


def named(subset: str) -> str:
    """A subset of the modalities as it is written for readers."""
    return subset.replace("+", " + ")
