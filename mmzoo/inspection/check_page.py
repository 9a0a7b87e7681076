"""What `mmzoo data check` found, as one page without scripts that needs no network."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path

from mmzoo.data.schema.kinds import inputs
from mmzoo.data.table import Source
from mmzoo.errors import MMZooError
from mmzoo.files import write_file
from mmzoo.inspection.check import Check
from mmzoo.reports.page import page

SHOWN = 24  # pairs drawn of each kind


def write_page(path: Path, source: Source, found: Check) -> None:
    """Draw the counts, the labels of each split, and pairs of records that hold the same."""
    labels = found.label_counts
    pairs = {"Duplicates": found.duplicates, "Leaks": found.leaks}
    meanings = {
        "Duplicates": "records all of whose inputs are those of an earlier one",
        "Leaks": "records outside the training set with a file or a longer text that is in it too",
    }
    content = page(
        "mmzoo.inspection",
        "check.html.j2",
        found=found,
        count=sum(found.splits.values()),
        labels=labels,
        most=max(labels.values(), default=1),
        pairs=[
            {
                "title": title,
                "meaning": meanings[title],
                "count": len(each),
                "shown": [
                    {"how": how, "sides": [side(source, one), side(source, other)]} for one, other, how in each[:SHOWN]
                ],
            }
            for title, each in pairs.items()
        ],
    )
    write_file(path, content)


def side(source: Source, record: str) -> dict[str, object]:
    """One record of a pair: its name, and its first picture or its first text."""
    part = next(part for part in source.splits.values() if record in part.ids)
    values = part[part.ids.index(record)]
    shown: dict[str, object] = {"id": record, "picture": "", "text": ""}
    kinds = inputs()
    for name, kind in source.inputs.items():
        value = values[name]
        if value is None or kind not in kinds:
            continue
        if kinds[kind].is_text:
            shown["text"] = shown["text"] or str(value)[:160]
        elif not shown["picture"]:
            with suppress(MMZooError):
                shown["picture"] = address(kinds[kind].preview(value))
    return shown


def address(picture: bytes) -> str:
    """A JPEG as a data: address; "" for none."""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" if picture else ""
