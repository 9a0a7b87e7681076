"""Writing figures of matplotlib, whatever the labels in them are."""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.errors import MMZooError
from mmzoo.files import write_file
from mmzoo.messages.words import one_line, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST, LONGEST_TICK = 120, 40
"""Characters of a line and of a tick's label; what is longer is cut, so that it leaves room for the picture."""

FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)
"""For letters that matplotlib's own font has not, as far as they are installed; else they are drawn as boxes."""


def write_figure(figure: Figure, path: Path, **options: Any) -> None:
    """Write a figure as a picture, and let go of it. Its texts are drawn as they are: a `$` is no formula.

    Raises:
        MMZooError: the folder cannot be written, or the path's ending is no kind of picture.
    """
    from matplotlib import pyplot, rc_context

    out = io.BytesIO()
    ending = path.suffix.lower().removeprefix(".")
    # For the ticks that are only made while the figure is drawn.
    plain: Any = {"text.parse_math": False, "text.usetex": False, "font.family": families()}
    try:
        if ending not in figure.canvas.get_supported_filetypes():
            raise MMZooError(f"The picture '{path}' could not be written; give a path that ends in .png.")
        with rc_context(plain), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            warnings.filterwarnings("ignore", "constrained_layout not applied")  # of many long labels
            make_plain(figure)
            figure.savefig(out, format=ending, **options)
    finally:
        pyplot.close(figure)
    write_file(path, out.getvalue())


def make_plain(figure: Figure) -> None:
    """Let no text of a figure be TeX, too long, or hold what cannot be drawn."""
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_fontfamily(families())
        lines = printable(text.get_text()).expandtabs(1).split("\n")
        text.set_text("\n".join(shortened(line, LONGEST) for line in lines))
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            short = [shortened(one_line(label), LONGEST_TICK) for label in labels]
            if short != labels:  # else its ticks stay free to move
                axis.set_ticks(axis.get_ticklocs(), short)


def shortened(text: str, most: int) -> str:
    """A text with a sign where it was cut."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


@cache
def families() -> list[str]:
    """Fonts in the order in which a letter is looked for."""
    from matplotlib import font_manager

    installed = {*font_manager.get_font_names()}
    return ["DejaVu Sans", *(name for name in FONTS if name in installed)]
