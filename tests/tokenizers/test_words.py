"""Texts of the data's are shown as they are: in Markdown, on a terminal, in a picture."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import pytest

from mmzoo.figures import write_figure
from mmzoo.hpo.results import Results, Trial
from mmzoo.messages.console import as_json
from mmzoo.messages.words import code_block, decimal, markdown, one_line, printable, short

mpl.use("Agg")

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://example.com/x.png)",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)",
    "one\n\n# heading\n\n<b>raw</b>",
    "one\r\n- item\r\n> quote",
    "```\n<b>raw</b>\n```",
    "`code` **bold** _thin_ ~~gone~~ a | b",
    "&lt;b&gt; &#106;avascript",
    "\\",
    "\\[a](b)",
    "a\\<b>",
    "a#",
    "$x^2$ and $$y$$",
    "https://example.com www.example.com me@example.com",
    "tab\tand \x1b[31mred\x1b[0m \x9b2J \u202egnp.exe",
    "half \ud800 a pair",
    "snake_case and _it_ 2_000",
    "R&D & &amp; &amp &#60; &#x3c; &copy; &&lt;",
]


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    """By another reader of Markdown: the words are those that went in, and no tags come out but the line's own."""
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True})
    reader = reader.enable(["table", "strikethrough"])
    page = Page(reader.render(f"- **{markdown(text)}**: {markdown(text)}"))
    assert page.tags == ["ul", "li", "strong"]
    assert page.text.strip() == f"{one_line(text)}: {one_line(text)}"
    heading = Page(reader.render(f"# {markdown(text)}"))
    assert heading.tags == ["h1"]
    assert heading.text.strip() == one_line(text)
    table = Page(reader.render(f"| a | b |\n|---|---|\n| {markdown(text)} | x |"))
    assert table.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert not re.search(r"(?<!\\)(://|\$)|www\.|@", markdown(text)), "GitHub makes a link or a formula of it"


def test_an_ampersand_that_means_nothing_stays() -> None:
    assert markdown("Smileys & Emotion, R&D") == "Smileys & Emotion, R&D"


@pytest.mark.parametrize("text", ["plain", "```", "a\n````\n<b>\n`", "``` ```````"])
def test_no_line_closes_a_block_of_code(text: str) -> None:
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True})
    page = Page(reader.render(f"before\n\n{code_block(text, 'json')}\n"))
    assert page.tags == ["p", "pre", "code"]
    assert page.text.split("\n", 1)[1].strip() == text


def test_nothing_acts_on_a_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\x9bc\u202ed\ne\tf") == "a\ufffd[2Jb\ufffd\ufffdc\ufffdd\ne\tf"
    assert printable("家 👨\u200d👩\u200d👧 é") == "家 👨\u200d👩\u200d👧 é"
    assert one_line("a\n\n b\r\x1bc", 10) == "a b c"
    assert one_line("x" * 50, 10) == "xxxxxx ..."


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_json_stays_what_it_is_on_every_terminal(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"a\x9b\u202e\x7f": ["é", "家", "\ud800", "\n", 1.5]}
    monkeypatch.setattr(sys, "stdout", type("Stream", (), {"encoding": encoding})())
    text = as_json(value)
    assert json.loads(text) == value
    assert printable(text) == text
    text.encode(encoding)


LABELS = {
    "one dollar": "under $5",
    "two dollars": "$5_$10",
    "no formula": "$10^$",
    "a formula": "$\\frac$",
    "Chinese": "家と猫",
    "Arabic": "مرحبا",
    "lines and controls": "a\nb\tc\x1b[0m\x00",
    "long": "x" * 5000,
    "empty": "",
    "half a pair": "\ud800",
    "TeX": "\\$5$ %_^{}#&~",
}


@pytest.mark.parametrize("kind", LABELS)
def test_every_label_can_be_drawn(kind: str, tmp_path: Path) -> None:
    """In every place of a picture; also where it is only made while the picture is drawn."""
    from matplotlib import pyplot
    from matplotlib.text import Text

    label = LABELS[kind]
    with pyplot.rc_context({"text.usetex": False}):
        figure, (left, right) = pyplot.subplots(1, 2, layout="constrained")
        figure.suptitle(label)
        left.set_title(label)
        left.plot([1, 2], [1, 2], label=label)
        if label:
            left.legend(title=label)
        left.set_xlabel(label)
        left.set_xticks([1, 2], [label, f"{label}{label}"], rotation=45)
        left.annotate(label, (1, 1))
        right.scatter([label, "other"], [1, 2])
        write_figure(figure, tmp_path / "a.png")
    texts = figure.findobj(Text)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert not any(text.get_parse_math() or text.get_usetex() for text in texts)
    assert max(len(text.get_text()) for text in texts) <= 120
    if label.startswith("$"):
        assert label in {text.get_text() for text in left.get_xticklabels()}


def test_a_search_draws_any_choice_and_plain_powers_of_ten(tmp_path: Path) -> None:
    trials = [Trial(k, {"rate": 10.0 ** -(k + 1), "name": ["$a$", "$b^$"][k % 2]}, 1, k / 4) for k in range(4)]
    Results(tmp_path, "accuracy", trials).draw(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_numbers_of_any_unit() -> None:
    shown = [decimal(value) for value in (0.0, 0.8537, -12.0, 80_000.5, 2.5e-9, -3.21e18, float("nan"))]
    assert shown == ["0.000", "0.854", "-12.000", "80000.500", "2.5e-09", "-3.21e+18", "nan"]
    assert [decimal(value, "+") for value in (0.5, -0.5, 1e9)] == ["+0.500", "-0.500", "+1e+09"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.0, "0.00"), (0.25, "0.25"), (-0.004, "-4.0e-03"), (99.994, "99.99"), (99.996, "100.0"), (999.4, "999.4"),
        (999.6, "1k"), (43835.61, "43.8k"), (999_999.0, "1M"), (-1.5e6, "-1.5M"), (3e16, "3.0e+16"),
    ],
)  # fmt: skip
def test_numbers_on_an_axis_are_short(value: float, wanted: str) -> None:
    assert short(value) == wanted
    assert short(value, "+") == (wanted if value < 0 else f"+{wanted}")
    assert len(wanted) <= 8
