"""The report of a run: one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import json
from importlib.resources import files
from typing import Any

import numpy as np

from mmzoo.choice import Tower
from mmzoo.data.records import Records
from mmzoo.evaluation.evaluate import Evaluation
from mmzoo.evaluation.metrics import primary
from mmzoo.modalities import Modality
from mmzoo.training.checkpoint import write_file

EXAMPLES = 8


def write_report(run: Any, records: Records, result: Evaluation) -> None:
    """Write `run`'s report.html from an evaluation of `records`."""
    import jinja2

    template = files("mmzoo.evaluation").joinpath("report.html.j2").read_text("utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    history = run.folder / "history.jsonl"
    rows = [json.loads(line) for line in history.read_text("utf-8").splitlines()] if history.exists() else []
    text = page.render(
        name=run.folder.resolve().name,
        spec=result.spec,
        towers={item.name: Tower.of(item.tower).name for item in result.spec.inputs},
        result=result,
        everything=result.everything,
        primary=primary(result.spec),
        curves=curves(rows),
        epochs=len(rows),
        seed=run.settings["seed"],
        matrix=matrix(result),
        examples=examples(records, result),
        count=len(records),
    )
    write_file(run.folder / "report.html", text.encode())


def matrix(result: Evaluation) -> dict[str, Any] | None:
    """The confusion matrix of the first task: rows are true labels, shares of a row from 0 to 1."""
    found = result.classes.get("confusion")
    if found is None:
        return None
    counts = np.array(found["counts"])
    return {**found, "shares": (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).round(3).tolist()}


def curves(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Learning curves as SVG: losses in one picture, each validation metric that is a share in the other."""
    if len(rows) < 2:
        return []
    losses: list[str] = [name for name in ("loss", "val_loss") if name in rows[0]]
    shares = [name for name in rows[0] if name.startswith("val_") and name != "val_loss"]
    groups: list[tuple[str, list[str], tuple[float, float] | None]] = [
        ("Loss", losses, None),
        ("On the validation records", shares, (0.0, 1.0)),
    ]
    return [{"title": title, "svg": chart(rows, names, span)} for title, names, span in groups if names]


def chart(rows: list[dict[str, Any]], names: list[str], span: tuple[float, float] | None) -> str:
    """Lines over epochs, labelled at their ends; a drawing for both light and dark paper."""
    wide, high, left, right, top, bottom = 460, 240, 44, 118, 10, 30
    values = [row[name] for row in rows for name in names if row[name] is not None and np.isfinite(row[name])]
    low, top_value = span or (min(values, default=0.0), max(values, default=1.0))
    if span is None:
        low, top_value = min(low, 0.0 if low < 0.3 * top_value else low * 0.95), top_value * 1.03
    reach = max(top_value - low, 1e-9)

    def at(epoch: float, value: float) -> tuple[float, float]:
        x = left + (wide - left - right) * (epoch / max(len(rows) - 1, 1))
        return round(x, 1), round(top + (high - top - bottom) * (1 - (value - low) / reach), 1)

    parts = [f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{html.escape(", ".join(names))} by epoch">']
    for tick in np.linspace(low, top_value, 5):
        _, y = at(0, tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{wide - right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:.2f}</text>')
    for epoch in sorted({0, (len(rows) - 1) // 2, len(rows) - 1}):
        x, _ = at(epoch, low)
        parts.append(f'<text x="{x}" y="{high - 8}" text-anchor="middle">{epoch + 1}</text>')
    ends = sorted((at(len(rows) - 1, rows[-1][name])[1], name) for name in names)
    spots: dict[str, float] = {}
    for y, name in ends:  # labels keep a line's height between them
        spots[name] = max(y + 4, max(spots.values(), default=-99.0) + 14)
    for index, name in enumerate(names):
        points = " ".join(f"{x},{y}" for x, y in (at(k, row[name]) for k, row in enumerate(rows)))
        parts.append(f'<polyline class="line{index}" points="{points}"/>')
        label = name.removeprefix("val_") if span else {"val_loss": "validation", "loss": "training"}[name]
        parts.append(f'<text class="line{index}" x="{wide - right + 6}" y="{spots[name]}">{html.escape(label)}</text>')
    return "".join([*parts, "</svg>"])


def examples(records: Records, result: Evaluation) -> list[dict[str, Any]]:
    """Up to eight records, half of them answered wrongly where there are so many: what went in and what came out."""
    task = result.spec.tasks[0]
    found, labels = result.predictions[result.everything][task.name], result.labels[task.name]
    rows = np.flatnonzero(np.asarray(task.known(labels)))
    wrong = dict(zip(rows, task.worth(labels[rows], found[rows]) < 1, strict=True)) if task.labels else {}
    order = np.random.default_rng(0).permutation(rows)
    misses = [k for k in order if wrong.get(k)][: EXAMPLES // 2]
    hits = [k for k in order if not wrong.get(k)][: EXAMPLES - len(misses)]
    return [example(records, result, int(k)) for k in hits + misses]


def example(records: Records, result: Evaluation, row: int) -> dict[str, Any]:
    """One record for the page: its inputs as data a browser shows, its label and its answers."""
    task = result.spec.tasks[0]
    inputs: list[dict[str, str]] = []
    for item in result.spec.inputs:
        value = records.column(item.name)[row]
        shown = {"name": item.name, "kind": item.kind}
        if value is None:
            shown["missing"] = "yes"
        elif item.kind == "image":
            shown["source"] = "data:image/png;base64," + encoded(item, value)
        elif item.kind == "audio":
            shown["source"] = "data:audio/wav;base64," + encoded(item, value)
        else:
            shown["text"] = str(value)
        inputs.append(shown)
    answers = result.predictions[result.everything][task.name][row]
    label = result.labels[task.name][row]
    if task.labels:
        top = [(task.labels[k], float(answers[k])) for k in np.argsort(-answers)[:3]]
        right = bool(task.worth(label[None], answers[None])[0] == 1)
        names = (
            [task.labels[label]] if task.exclusive else [n for n, here in zip(task.labels, label, strict=True) if here]
        )
        return {"id": records.ids[row], "inputs": inputs, "label": ", ".join(names), "top": top, "right": right}
    numbers = ", ".join(f"{x:.4g}" for x in answers)
    wanted = ", ".join(f"{x:.4g}" for x in np.atleast_1d(label))
    return {"id": records.ids[row], "inputs": inputs, "label": wanted, "answer": numbers, "right": True}


def encoded(item: Modality, value: Any) -> str:
    """An input as the model got it, as a file in base64."""
    return base64.b64encode(item.to_file(item.decode(value))).decode()
