"""An explanation drawn: the modalities' shares, and over each modality what counted in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.explanation.attention import cross_modal_attention
from mmzoo.figures import write_figure
from mmzoo.messages.words import one_line, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import SubFigure

    from mmzoo.explanation.explain import Explanation
    from mmzoo.modalities.explanation import InputExplanation

FOR, AGAINST, INK, SOFT = "#2f5fa7", "#b5530f", "#1d2433", "#5b6475"


def draw(explanation: Explanation, path: Path) -> None:
    """Write the picture as PNG.

    Raises:
        MMZooError: it cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    found = explanation.inside
    rows = [(name, each, panels(each)) for name, each in found.items()]
    heights = [1.15 + 0.34 * len(explanation.target.spec.inputs), *(high(each) for _, each, _ in rows)]
    attention = cross_modal_attention(explanation.attention)
    heights += [0.75 + 0.26 * len(attention)] if attention else []
    with pyplot.rc_context({"font.size": 9, "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": "#c6ccd6"}):
        figure = pyplot.figure(
            figsize=(9.2, sum(heights) + 0.8), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
        )
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        figure.suptitle(headline(explanation), fontsize=14, weight="bold", x=0.015, ha="left")
        draw_shares(parts[0], explanation)
        if attention:
            parts[-1].suptitle(
                "attention of the fusion, from query (row) to key (column)", fontsize=10, x=0.015, ha="left"
            )
            draw_attention(parts[-1].subplots(), attention)
        for part, (name, each, drawers) in zip(parts[1:], rows, strict=False):
            part.suptitle(f"{name}: {each.caption}", fontsize=10, x=0.015, ha="left")
            axes = part.subplots(1, len(drawers), squeeze=False)[0]
            for place, drawer in zip(axes, drawers, strict=True):
                drawer(place)
        write_figure(figure, path, dpi=130, facecolor="white")


TITLES = {
    "integrated_gradients": "integrated gradients",
    "grad_cam": "Grad-CAM",
    "occlusion": "what is lost when covered",
    "attention": "attention, more or less than even",
}


def headline(explanation: Explanation) -> str:
    """The answer and how sure it is."""
    case = explanation.target
    number = explanation.values["probability"][tuple(case.names)]
    if not case.task.tags.probabilistic:
        return f"{case.task.name}: {number:.4g}"
    label = f"{one_line(case.label, 60)}\u200e"  # the mark keeps the number behind a label that is read to the left
    return f"{case.task.name}: {label}, {number * 100:.0f} %"


def high(each: InputExplanation) -> float:
    """Inches that a modality's row takes."""
    return 0.9 + 0.26 * len(each.pieces) if each.pieces else 2.6 if is_picture(each) else 2.2


def is_picture(each: InputExplanation) -> bool:
    """Do the maps lie over pixels?"""
    return each.shown is not None and each.shown.ndim == 3


def draw_shares(part: SubFigure, explanation: Explanation) -> None:
    """From what the model says without any modality to its answer, one bar a modality, as logit and as probability."""
    case = explanation.target
    axes = part.subplots(1, 2, sharey=True)
    names = list(explanation.shares["logit"])
    scales = [("logit", "logit")]
    scales += [("probability", "probability")] if case.task.tags.probabilistic else []
    for place, (scale, title) in zip(axes, scales, strict=False):
        place.use_sticky_edges = False  # a bar's end is not the picture's
        values = explanation.values[scale]
        at = values[()]
        for row, name in enumerate(names):
            share = explanation.shares[scale][name]
            place.barh(row, share, left=at, height=0.62, color=FOR if share >= 0 else AGAINST)
            if name in case.names:
                place.plot([at + share] * 2, [row - 0.31, row + 1.31], color=SOFT, lw=0.7)
            words = short(share, "+") if name in case.names else "absent"
            note(place, words, max(at, at + share), row)
            at += share
        place.axvline(values[()], color=SOFT, lw=0.7, ls=":")
        place.set_yticks(range(len(names)), names)
        place.set_ylim(len(names) - 0.4, -0.6)
        place.set_title(f"{title}: {values[()]:.2f} without any, {at:.2f} with all", fontsize=9, color=SOFT, loc="left")
        place.margins(x=0.14)
        bare(place)
    for place in axes[len(scales) :]:
        place.set_visible(False)


def draw_attention(place: Axes, attention: dict[str, dict[str, float]]) -> None:
    """A table: a row for each query, a column for each key."""
    from matplotlib.colors import LinearSegmentedColormap

    names = list(dict.fromkeys(name for each in attention.values() for name in each))
    shares = np.array([[each.get(name, np.nan) for name in names] for each in attention.values()])
    paper = LinearSegmentedColormap.from_list("share", ["#ffffff", FOR])
    place.imshow(shares, cmap=paper, vmin=0, vmax=1.3, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if np.isfinite(share):
            place.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=8)
    place.set_xticks(range(len(names)), names)
    place.set_yticks(range(len(attention)), [*attention])
    place.xaxis.tick_top()
    bare(place)


def note(place: Axes, words: str, x: float, row: int) -> None:
    """A few words to the right of a bar."""
    place.annotate(words, (x, row), (4, 0), textcoords="offset points", va="center", fontsize=8)


def bare(place: Axes) -> None:
    """Only the lines that say something."""
    place.spines[["top", "right", "left"]].set_visible(False)
    place.tick_params(length=0, colors=SOFT)
    for label in place.get_yticklabels():
        label.set_color(INK)


def panels(each: InputExplanation) -> list[Callable[[Axes], None]]:
    """What is drawn of one modality, from left to right."""
    if each.pieces:
        titles = {**TITLES, "occlusion": "what is lost without it", "attention": "share of attention"}
        return [
            partial(bars, names=each.pieces, values=values, title=titles[how], sign="+" if how != "attention" else "")
            for how, values in each.maps.items()
        ]
    if each.shown is None or each.shown.ndim == 1:
        return [partial(wave, each=each)]
    seen = is_picture(each)
    drawer: Callable[..., None] = shown if seen else spectrogram
    drawn: list[Callable[[Axes], None]] = [
        partial(drawer, each=each, how=None, title="as the model sees it" if seen else "as the model hears it")
    ]
    return drawn + [
        partial(drawer, each=each, how=how, title=title) for how, title in TITLES.items() if how in each.maps
    ]


def limits(values: np.ndarray) -> float:
    """Where a map's colour ends: its 99.5th percentile of size, so that one place does not drown the others."""
    return float(max(np.percentile(np.abs(values), 99.5), 1e-9))


def colours() -> LinearSegmentedColormap:
    """Orange over nothing to blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("against_for", [AGAINST, (1, 1, 1, 0), FOR])


def shown(place: Axes, each: InputExplanation, how: str | None, title: str) -> None:
    """A picture, and a map over its paler self."""
    assert each.shown is not None
    place.set_title(title, fontsize=9, color=SOFT)
    place.axis("off")
    size = each.shown.shape[0]
    span = (0, size, size, 0)
    if how is None:
        place.imshow(each.shown, extent=span)
        return
    grey = each.shown.mean(axis=-1)
    place.imshow(150 + grey * (105 / 255), extent=span, cmap="gray", vmin=0, vmax=255)
    heat = heat_of(each, how)
    end = limits(heat)
    smooth = "nearest" if how == "occlusion" else "bilinear"
    place.imshow(heat, extent=span, cmap=colours(), vmin=-end, vmax=end, interpolation=smooth, alpha=0.85)


def heat_of(each: InputExplanation, how: str) -> np.ndarray:
    """A map as it is drawn: of attention, what is above (blue) or below an even share."""
    values = each.maps[how]
    if how == "attention":
        return np.asarray(values - values.mean())
    return blurred(values) if how == "integrated_gradients" else values


def blurred(heat: np.ndarray) -> np.ndarray:
    """Pixels shared with their neighbours: single ones cannot be seen."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(heat, max(heat.shape[0] / 64, 0.7)))


def spectrogram(place: Axes, each: InputExplanation, how: str | None, title: str) -> None:
    """A spectrogram, or a map of it, time to the right and pitch upwards."""
    assert each.shown is not None
    place.set_title(title, fontsize=9, color=SOFT)
    place.set(xticks=[], yticks=[])
    values = each.shown if how is None else heat_of(each, how)
    if how is None:
        place.imshow(values.T, origin="lower", aspect="auto", cmap="gray_r")
    else:
        end, span = limits(values), (0, 1, 0, 1)
        pale = {"vmin": each.shown.min(), "vmax": each.shown.min() + 4 * np.ptp(each.shown)}
        place.imshow(each.shown.T, origin="lower", aspect="auto", extent=span, cmap="gray_r", **pale)
        place.imshow(
            values.T, origin="lower", aspect="auto", extent=span, cmap=colours(), vmin=-end, vmax=end, alpha=0.85
        )
    place.spines[:].set_color("#c6ccd6")


def bars(place: Axes, names: list[str], values: np.ndarray, title: str, sign: str) -> None:
    """One bar a word, channel or column, in their order."""
    place.set_title(title, fontsize=9, color=SOFT)
    place.barh(range(len(names)), values, height=0.62, color=[FOR if value >= 0 else AGAINST for value in values])
    place.axvline(0, color=SOFT, lw=0.7)
    place.set_yticks(range(len(names)), [name if len(name) < 28 else f"{name[:26]}…" for name in names])
    place.set_ylim(len(names) - 0.4, -0.6)
    place.margins(x=0.12)
    for row, value in enumerate(values):
        note(place, f"{value:{sign}.2f}", max(value, 0.0), row)
    bare(place)


def wave(place: Axes, each: InputExplanation) -> None:
    """A waveform, each stretch in the colour of what is lost without it."""
    assert each.shown is not None
    losses = each.maps["occlusion"]
    heard = np.flatnonzero(each.shown)
    end = heard[-1] + 1 if len(heard) else len(each.shown)
    edges = np.linspace(0, end, len(losses) + 1)
    for loss, left, right in zip(losses, edges[:-1], edges[1:], strict=True):
        place.axvspan(left, right, color=FOR if loss >= 0 else AGAINST, alpha=0.6 * abs(loss) / limits(losses), lw=0)
    place.plot(each.shown[:end], color=INK, lw=0.5)
    place.set(xticks=[], yticks=[], xlim=(0, end))
    place.spines[:].set_visible(False)
