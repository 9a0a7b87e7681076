"""Charts as SVG, for light and dark paper alike: colours and type come from the page's style.

matplotlib, which draws the same charts as PNG (`mmzoo.reports.pictures`), is not asked for these. A chart of two lines
of six points is 1.7 kB here, made in 0.15 ms; by its SVG writer it is 16 kB in 86 ms (27 kB with letters as outlines),
and its colours do not follow the page when that turns dark. A page has some twenty.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmzoo.evaluation.blocks import Chart, Line
from mmzoo.messages.words import short

WIDE, HIGH, LEFT, TOP, BOTTOM = 460, 260, 46, 12, 40
GAP = 14  # between labels


def svg(chart: Chart) -> str:
    """A chart for the page."""
    drawn = chart.drawn
    if chart.logarithmic:
        drawn = [replace(line, x=np.log10(line.x).tolist(), y=np.log10(line.y).tolist()) for line in drawn]
    return lines(
        drawn,
        x_label=chart.x_label,
        title=chart.label,
        y_span=chart.y_span,
        x_ticks=chart.x_ticks,
        logarithmic=chart.logarithmic,
    )


def lines(
    drawn: Sequence[Line],
    *,
    x_label: str,
    title: str,
    y_span: tuple[float, float] | None = None,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    logarithmic: bool = False,
) -> str:
    """An SVG of lines, each named at its right end.

    Args:
        x_label: what is under the axis.
        title: what a screen reader says.
        y_span: lowest and highest value; what the lines need, if not given.
        x_ticks: (place, words) under the axis; first, middle and last, if not given.
        logarithmic: the lines' places and values are logarithms to the base 10 of what the axes say.
    """
    finite = [y for line in drawn for y in line.y if np.isfinite(y)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    low, high = y_span or ((low, high) if logarithmic else padded(low, high))
    places = [x for line in drawn for x in line.x]
    first, last = min(places, default=0.0), max(places, default=1.0)
    right = 16 + int(7.2 * max((len(line.name) for line in drawn), default=0))
    inner, tall = WIDE - LEFT - right, HIGH - TOP - BOTTOM

    def said(number: float) -> str:
        return short(10.0**number if logarithmic else number)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / max(last - first, 1e-12)
        return round(LEFT + inner * across, 1), round(TOP + tall * (1 - (y - low) / max(high - low, 1e-12)), 1)

    parts = [f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{html.escape(title)}">']
    for tick in np.linspace(low, high, 5):
        y = at(first, float(tick))[1]
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{said(float(tick))}</text>')
    for place, words in x_ticks or [
        (x, f"{x:g}" if x == int(x) and not logarithmic else said(x)) for x in (first, last)
    ]:
        x = at(place, low)[0]
        parts.append(f'<text x="{x}" y="{HIGH - BOTTOM + 16}" text-anchor="middle">{html.escape(words)}</text>')
    middle = LEFT + inner / 2
    parts.append(f'<text x="{middle}" y="{HIGH - 5}" text-anchor="middle">{html.escape(x_label)}</text>')
    spots: dict[str, float] = {}
    for y, name in sorted((at(line.x[-1], line.y[-1])[1], line.name) for line in drawn if len(line.x) and line.name):
        spots[name] = max(y + 4, max(spots.values(), default=-99.0) + GAP)
    for line in drawn:
        points = [at(x, y) for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)]
        joined = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline class="line{line.style}" points="{joined}"/>')
        if line.dots:
            parts += [f'<circle class="line{line.style}" cx="{x}" cy="{y}" r="3.5"/>' for x, y in points]
        if line.name in spots:
            where = f'x="{WIDE - right + 9}" y="{spots[line.name]:.1f}"'
            parts.append(f'<text class="line{line.style}" {where}>{html.escape(line.name)}</text>')
    return "".join([*parts, "</svg>"])


def padded(low: float, high: float) -> tuple[float, float]:
    """A span that begins at 0 where that is near, with a little room above."""
    return (0.0 if low >= 0 and low < 0.3 * high else low - 0.05 * abs(low)), high + 0.03 * abs(high - low) + 1e-9
