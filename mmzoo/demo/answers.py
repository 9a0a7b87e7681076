"""Answers as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mmzoo.answers.rows.answered import Row
from mmzoo.messages.words import one_line
from mmzoo.tasks.base import Task

SHOWN = 8
"""Labels, of many the likeliest."""


def label_of(task: Task, row: Row) -> dict[str, object]:
    """What a `gradio.Label` holds: the likeliest labels with their probabilities, or what is answered, in words."""
    if not task.tags.probabilistic:
        return {"label": in_words(task, row), "confidences": None}
    shares = {name: row[f"{task.name}_p_{name}"] or 0.0 for name in task.answer_names}
    likeliest = sorted(shares.items(), key=lambda pair: -pair[1])[:SHOWN]
    said = row[f"{task.name}_prediction"]
    label = ", ".join(said) or "none" if isinstance(said, list) else said
    return {
        "label": one_line(label),
        "confidences": [{"label": one_line(name), "confidence": share} for name, share in likeliest],
    }


def in_words(task: Task, row: Row) -> str:
    """The numbers of an answer that are no probabilities."""
    if task.tags.numeric:
        return ", ".join(said(row[f"{name}_prediction"]) for name in numbers_of(task))
    if task.tags.texts:
        return one_line(row[f"{task.name}_prediction"])
    if task.tags.rebuilt:
        own = {name: value for name, value in row.items() if name.startswith(f"{task.name}_")}
        return one_line(", ".join(f"{name.removeprefix(f'{task.name}_')} {value}" for name, value in own.items()))
    named = {name: row[f"{task.name}_{name.replace(' ', '_')}"] for name in task.answer_names[:SHOWN]}
    return ", ".join(f"{one_line(name)} {said(value)}" for name, value in named.items())


def details_of(task: Task, row: Row, inputs: Sequence[str], promise: float) -> str:
    """What else is known of an answer, as HTML: how sure it is, and what each input added where that was asked.

    Args:
        promise: the share of the answers whose truth is in their sets and ranges.
    """
    lines = []
    if task.tags.numeric and f"{numbers_of(task)[0]}_low" in row:
        ranges = [f"{said(row[f'{name}_low'])} to {said(row[f'{name}_high'])}" for name in numbers_of(task)]
        if row[f"{numbers_of(task)[0]}_low"] is not None:
            lines.append(f"In {promise:.0%} of such answers the truth is from {', '.join(ranges)}.")
    elif labels := row.get(f"{task.name}_set"):
        shown = ", ".join(one_line(label) for label in labels[:SHOWN]) + (" ..." if len(labels) > SHOWN else "")
        lines.append(f"In {promise:.0%} of such answers the truth is one of: {escape(shown)}.")
    if task.tags.evidential:
        lines.append(f"Uncertainty: {said(row[task.uncertainty_name])}.")
    shares = {name: row.get(f"{task.name}_share_{name}") for name in inputs}
    bars = shares_of(task, {name: share for name, share in shares.items() if share is not None})
    return "".join(f"<p>{line}</p>" for line in lines) + bars


def shares_of(task: Task, shares: dict[str, float]) -> str:
    """What each input added to the answer, as bars."""
    if not shares:
        return ""
    widest = max(map(abs, shares.values())) or 1.0
    rows = []
    for name, share in shares.items():
        width, color = 100 * abs(share) / widest, "#4e79a7" if share >= 0 else "#d9822b"
        number = f"{100 * share:+.1f} points" if task.tags.probabilistic else f"{share:+.4g}"
        bar = f'<div style="width:{width:.1f}%;height:1em;background:{color};border-radius:2px"></div>'
        rows.append(f"<tr><th>{escape(name)}</th><td>{bar}</td><td>{number}</td></tr>")
    what = "probability of the answer" if task.tags.probabilistic else "answer"
    words = f"What each input added to the {what} (blue) or took from it (orange):"
    return f'<p>{words}</p><table class="shares">{"".join(rows)}</table>'


def numbers_of(task: Task) -> list[str]:
    """What the columns of a task's numbers begin with."""
    return [f"{task.name}_{k + 1}" for k in range(task.units)] if task.units > 1 else [task.name]


def said(number: float | None) -> str:
    """A number as people read it."""
    if number is None:
        return "unknown"
    return f"{number:,.0f}" if 1e4 <= abs(number) < 1e15 else f"{number:.4g}"
