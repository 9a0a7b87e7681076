"""A run in a notebook: its verdict, what each subset of the modalities is worth, and its charts."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.evaluation.evaluate import by_task, verdict_of
from mmzoo.files import is_folder, read_file
from mmzoo.messages.words import one_line
from mmzoo.reports.page import page
from mmzoo.training.run_folder.notes import read_object

if TYPE_CHECKING:
    from mmzoo.run import Run

PICTURES = 6
LARGEST = 2**20  # bytes of one of them
PNG = b"\x89PNG\r\n\x1a\n"


def text_of(run: Run) -> str:
    """A run in two lines: its folder, and what was found of it."""
    said = [f"Run('{one_line(run.folder)}')"]
    for name, found in verdicts(evaluated(run)):
        said.append(f"{name}: {found}" if name else found)
    return "\n".join(said if len(said) > 1 else [*said, "not evaluated yet: run.evaluate()"])


def html_of(run: Run) -> str:
    """The same with a table of the metrics and the charts, as a piece of a page without scripts; all is escaped."""
    data = evaluated(run)
    content = page(
        "mmzoo.reports",
        "notebook.html.j2",
        folder=one_line(run.folder),
        verdicts=verdicts(data),
        metrics=list(data.get("metrics", {})),
        subsets={name.replace("+", " + "): numbers(found) for name, found in data.get("subsets", {}).items()},
        split=data.get("split", ""),
        count=data.get("examples", 0),
        pictures=list(pictures(run.folder / "pictures")),
    )
    return content.decode()


def evaluated(run: Run) -> dict[str, Any]:
    """What metrics.json says; nothing where there is none that can be read."""
    try:
        found = read_object(run.folder / "metrics.json") if os.path.lexists(run.folder / "metrics.json") else {}
        subsets = found.get("subsets", {})
        shapes = [found.get("tasks", {}), found.get("metrics", {}), subsets]
        shapes += subsets.values() if isinstance(subsets, dict) else ()
        return found if all(isinstance(each, dict) for each in shapes) else {}
    except MMZooError:
        return {}


def numbers(found: Mapping[str, Raw]) -> dict[str, float]:
    """Those of some values that are numbers."""
    return {name: value for name, value in found.items() if type(value) is int or type(value) is float}


def verdicts(data: Mapping[str, Raw]) -> list[tuple[str, str]]:
    """By task, what is said of it; of a single task without its name."""
    found = by_task(data) if data else {}
    return [(name, verdict_of(each)) for name, each in found.items()]


def pictures(folder: Path) -> Iterator[tuple[str, str]]:
    """The charts of the last evaluation: names and data URLs; no links are followed."""
    if not is_folder(folder):
        return
    for path in sorted(folder.glob("*.png"))[:PICTURES]:
        try:
            data = read_file(path, links=False, limit=LARGEST)
        except OSError:
            continue
        if data.startswith(PNG):
            yield path.stem, f"data:image/png;base64,{base64.b64encode(data).decode()}"
