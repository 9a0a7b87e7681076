"""The charts of a report as PNG files, for a paper or a talk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.blocks import Block, Chart, Matrix
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.figures import write_figure
from mmzoo.files import open_plain, remove_beside
from mmzoo.files.folders import discard
from mmzoo.messages.words import decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: dict[int | str, str] = {0: "#2f5fa7", 1: "#b5530f", 2: "#1d7044", 3: "#5b6475", "soft": "#8a93a3"}
MADE_BY = {"Software": "mmzoo"}
SIGN = b"tEXtSoftware\0mmzoo"
INK, SOFT = "#1d2433", "#5b6475"

Blocks = Mapping[str, Sequence[Block]]
"""By analysis."""


def write_pictures(
    folder: Path, blocks: Mapping[str, Sequence[Block]], tasks: Mapping[str, tuple[TaskEvaluation, Blocks]]
) -> None:
    """Write `folder`/*.png: the charts and matrices of the `blocks`, and those of each task with its subsets.

    Those of an earlier evaluation go; whatever else is there stays.

    Args:
        tasks: by what the names of its pictures begin with, "" for a single one.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    remove_beside(folder)
    for old in folder.iterdir():
        if is_ours(old, {"subsets", *blocks, *analyses.names()}):
            discard(old)
    with pyplot.rc_context({"font.size": 9, "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": "#c6ccd6"}):
        for start, (result, theirs) in tasks.items():
            draw_subsets(result, folder / f"{start}subsets.png")
            draw_blocks(folder, start, theirs)
        draw_blocks(folder, "", blocks)


def draw_blocks(folder: Path, start: str, blocks: Blocks) -> None:
    """Write each chart under its analysis and its title, each matrix under its analysis."""
    for name, each in blocks.items():
        for block in each:
            if isinstance(block, Chart):
                draw_chart(block, folder / f"{start}{name}-{slug(block.title)}.png")
            elif isinstance(block, Matrix):
                draw_matrix(block, folder / f"{start}{name}.png")


def is_ours(path: Path, names: Iterable[str]) -> bool:
    """Was this picture written here? Its name and its first bytes say so."""
    known = "|".join(map(re.escape, names))
    if not re.fullmatch(rf"([A-Za-z0-9_]+-)?({known})(-[a-z0-9-]*)?\.png", path.name):
        return False
    try:
        file, _ = open_plain(path, links=False)
    except OSError:
        return False
    with open(file, "rb") as found:
        return SIGN in found.read(1000)


def slug(title: str) -> str:
    """A title as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]


def draw_chart(chart: Chart, path: Path) -> None:
    """Lines as the page has them."""
    figure, axes = new_figure(5.2, 3.2, chart.title)
    for line in chart.drawn:
        if line.style == "dots":
            axes.plot(line.x, line.y, "o", color=COLOURS[0], ms=3, alpha=0.55)
            continue
        soft = line.style == "soft"
        width, dashes, marker = (1.0, "--", None) if soft else (1.8, "-", "o" if line.dots else None)
        colour, label = COLOURS[line.style], line.name or None
        axes.plot(line.x, line.y, color=colour, label=label, lw=width, ls=dashes, marker=marker, ms=4)
    if chart.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    if chart.y_span:
        axes.set_ylim(*chart.y_span)
    if chart.x_ticks:
        axes.set_xticks([place for place, _ in chart.x_ticks], [words for _, words in chart.x_ticks])
    if any(line.name for line in chart.drawn):
        axes.legend(frameon=False, fontsize=8)
    axes.set_xlabel(chart.x_label)
    axes.grid(axis="y", color="#dfe3ea", lw=0.6)
    write_figure(figure, path, dpi=110, metadata=MADE_BY)


def draw_subsets(result: TaskEvaluation, path: Path) -> None:
    """The task's score with each subset, and its 95 % interval."""
    metric, title = result.score_name, f"{result.task.score_name} with each subset, 95 %"
    names = [name for name, found in result.subsets.items() if metric in found]
    figure, axes = new_figure(6.4, 0.9 + 0.32 * len(names), title, left=0.34)
    values = [result.subsets[name][metric] for name in names]
    spans = np.array([result.intervals[name][metric] for name in names])
    axes.barh(
        range(len(names)),
        values,
        height=0.62,
        color=[COLOURS[0] if name == result.everything else "#9db4d6" for name in names],
    )
    axes.hlines(range(len(names)), spans[:, 0], spans[:, 1], color=INK, lw=1.2)
    for place, value in enumerate(values):
        axes.annotate(
            decimal(value), (spans[place, 1], place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(range(len(names)), [name.replace("+", " + ") for name in names])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlim(left=0)
    write_figure(figure, path, dpi=110, metadata=MADE_BY)


def draw_matrix(found: Matrix, path: Path) -> None:
    """Counts, rows the true labels; the darker, the larger a row's share."""
    counts, labels, shares = np.array(found.counts), found.labels, np.array(found.shares)
    side = 2.2 + 0.42 * len(labels)
    figure, axes = new_figure(side + 0.6, side, "Rows are true labels, columns answers", left=0.28, bottom=0.24)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if shares[row, column] > 0.7 else INK
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    write_figure(figure, path, dpi=110, metadata=MADE_BY)


def new_figure(wide: float, high: float, title: str, left: float = 0.13, bottom: float = 0.0) -> tuple[Figure, Axes]:
    """A figure with one plot of few lines; the margins are given, because to fit them takes longer than to draw."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(wide, high))
    figure.subplots_adjust(left=left, right=0.96, top=1 - 0.38 / high, bottom=bottom or 0.5 / high)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, colors=SOFT)
    axes.set_axisbelow(True)
    return figure, axes
