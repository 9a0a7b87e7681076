"""The figures of an export as JSON, as Markdown, as a page and as a table in a shell."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from mmzoo.aliases import Raw
from mmzoo.errors import require
from mmzoo.export.formats import known_variants
from mmzoo.export.rows import Row
from mmzoo.files import write_file
from mmzoo.files.limits import MAX_JSON, parse_json
from mmzoo.messages.words import markdown
from mmzoo.reports.page import page
from mmzoo.training.run_folder.notes import read_own

FIGURES = (
    "ratio",
    "max_abs_diff",
    "mean_abs_diff",
    "top1_agreement",
    "metric",
    "metric_drop",
    "latency_ms_p50",
    "latency_ms_p95",
    "latency_ms_p50_2_threads",
    "latency_ms_p95_2_threads",
    "memory_mb",
)


def write_report(folder: Path, rows: list[Row]) -> None:
    """Write report.json, report.md and report.html; rows of other exports that are in report.json already stay.

    One row is the best at most: one of `rows`, or else the one that was it before, if it still may be.
    """
    before = known_rows(folder)
    names = {row["variant"] for row in rows}
    if any(row.get("best") for row in rows):
        for row in before:
            row.pop("best", None)
    was = {row["variant"] for row in before if row.get("best")}
    for row in rows:
        if row["variant"] in was and not {"reason", "over"} & row.keys():
            row["best"] = True
    order = list(known_variants())
    found = [row for row in before if row["variant"] not in names] + rows
    found.sort(key=lambda row: order.index(row["variant"]))
    plain = [
        {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
        for row in found
    ]
    write_file(folder / "report.json", json.dumps(plain, indent=1, allow_nan=False).encode())
    write_file(folder / "report.md", report_text(found).encode("utf-8", "replace"))
    measured = [row for row in found if "reason" not in row]
    content = page(
        "mmzoo.export",
        "report.html.j2",
        name=folder.resolve().parent.name,
        heads=[head for head, _ in cells({})],
        rows=[(row, [text for _, text in cells(row)]) for row in measured],
        others=[row for row in found if "reason" in row],
        largest=max((row["bytes"] for row in measured), default=1),
        reason=reason,
        task_lines=task_lines,
        examples=sorted({row["examples"] for row in measured}),
    )
    write_file(folder / "report.html", content)


def known_rows(folder: Path) -> list[Row]:
    """The rows of the report in a folder; none where there is no report.

    Raises:
        MMZooError: it holds something else.
    """
    path, remedy = folder / "report.json", "remove it, and export again"
    if not os.path.lexists(path):
        return []
    found = parse_json(f"'{path}'", read_own(path, MAX_JSON, remedy), remedy)
    require(isinstance(found, list) and all(map(is_row, found)), f"'{path}' is damaged or of another kind; {remedy}.")
    return cast(list[Row], found)


def is_row(row: Raw) -> bool:
    """Does a row have what every row has, and figures where they are shown?"""
    if not isinstance(row, dict) or row.get("variant") not in known_variants():
        return False
    texts, counts = ("reason", "over", "file"), () if "reason" in row else ("bytes", "examples")
    return (
        all(isinstance(row.get(key, ""), str) for key in texts)
        and all(type(row.get(key)) is int and row[key] > 0 for key in counts)
        and all(type(row.get(key)) in (int, float, type(None)) for key in FIGURES)
        and isinstance(row.get("ops", {}), dict)
        and isinstance(row.get("encoders", {}), dict)
        and all(map(is_encoder, row.get("encoders", {}).values()))
    )


def is_encoder(found: Raw) -> bool:
    """Does it say what is shown of an encoder?"""
    return (
        isinstance(found, dict)
        and isinstance(found.get("file"), str)
        and type(found.get("bytes")) is int
        and type(found.get("max_abs_diff", 0.0)) in (int, float)
    )


def reason(row: Row) -> str:
    """Why a row is the best."""
    near = "over" not in row
    why = "the fastest that loses no more than it may" if near else "of those that lose too much this loses least"
    return f"{why}. best{known_variants()[row['variant']].suffix} is a copy of it."


def task_lines(row: Row) -> list[str]:
    """What a row says of each of several tasks, and of the encoders that go with it."""
    lines = []
    for name, found in row.get("tasks", {}).items():
        drop = found.get("metric_drop")
        said = "" if drop is None else f"; {found['metric_name']} {found['metric']:.4f}, {drop:+.4f} lost"
        equal = found["top1_agreement"]
        lines.append(f"{name}: differs by up to {found['max_abs_diff']:.1e}, top-1 equal {equal:.1%}{said}.")
    for name, part in row.get("encoders", {}).items():
        off = f", differs by up to {part['max_abs_diff']:.1e}" if "max_abs_diff" in part else ""
        lines.append(f"{part['file']}: the vector of {name}, {part['bytes'] / 1e6:.2f} MB{off}.")
    return lines


def cells(row: Mapping[str, object]) -> list[tuple[str, str]]:
    """Head and text of each column; a figure that was not taken is a dash."""

    def text(name: str, form: str, factor: float = 1.0) -> str:
        value = row.get(name)
        return form.format(value * factor) if isinstance(value, (int, float)) else "-"

    return [
        ("variant", str(row.get("variant", ""))),
        ("size", text("bytes", "{:.2f} MB", 1e-6)),
        ("ratio", text("ratio", "{:.3f}")),
        ("max diff", text("max_abs_diff", "{:.1e}")),
        ("mean diff", text("mean_abs_diff", "{:.1e}")),
        ("top-1 equal", text("top1_agreement", "{:.1f}%", 100)),
        ("metric", text("metric", "{:.4f}")),
        ("drop", text("metric_drop", "{:+.4f}")),
        ("p50", text("latency_ms_p50", "{:.2f} ms")),
        ("p95", text("latency_ms_p95", "{:.2f} ms")),
        ("p50, 2 threads", text("latency_ms_p50_2_threads", "{:.2f} ms")),
        ("p95, 2 threads", text("latency_ms_p95_2_threads", "{:.2f} ms")),
        ("memory", text("memory_mb", "{:.1f} MB")),
        ("records", str(row.get("examples", "-"))),
    ]


def table(rows: list[Row]) -> str:
    """Columns for a shell; those that no row has a figure for are left out."""
    lines = [cells(row) for row in rows if "reason" not in row]
    heads = [head for head, _ in cells({})]
    kept = [k for k in range(len(heads)) if any(line[k][1] != "-" for line in lines)]
    width = [max(len(heads[k]), *(len(line[k][1]) for line in lines)) if lines else 0 for k in range(len(heads))]
    text = ["  ".join(heads[k].rjust(width[k]) for k in kept)]
    text += ["  ".join(line[k][1].rjust(width[k]) for k in kept) for line in lines]
    text += [f"{row['variant']}: {row['reason']}" for row in rows if "reason" in row]
    text += [f"{row['variant']} {row['over']}; only --allow-loss keeps it." for row in rows if "over" in row]
    text += [f"{row['variant']} is the best: {reason(row)}" for row in rows if row.get("best")]
    return "\n".join(text)


def report_text(rows: list[Row]) -> str:
    """The table, and the operations of each variant, as Markdown."""
    heads = [head for head, _ in cells({})]
    measured = [row for row in rows if "reason" not in row]
    lines = ["# Export", "", f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    lines += [f"| {' | '.join(markdown(text) for _, text in cells(row))} |" for row in measured]
    lines += [f"\n`{row['variant']}`: {markdown(row['reason'])}" for row in rows if "reason" in row]
    over = [row for row in measured if "over" in row]
    lines += [f"\n`{row['variant']}` {markdown(row['over'])}; only --allow-loss keeps it." for row in over]
    lines += [f"\n**`{row['variant']}` is the best**: {reason(row)}" for row in measured if row.get("best")]
    lines += [f"\n`{row['variant']}`, {markdown(text)}" for row in measured for text in task_lines(row)]
    for row in measured:
        if "ops" in row:
            ops = ", ".join(markdown(f"{name} {count}") for name, count in row["ops"].items())
            lines.append(f"\nOperations of `{row['variant']}`: {ops}.")
    return "\n".join(lines) + "\n"
