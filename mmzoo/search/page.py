"""What was found, as one page without scripts that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.errors import MMZooError
from mmzoo.files import write_file
from mmzoo.reports.gallery import shown_input
from mmzoo.reports.page import data_url, page
from mmzoo.search.index import Hit, Index

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality


def write_page(
    path: Path, index: Index, query: Mapping[str, object], weights: Mapping[str, float], hits: Sequence[Hit]
) -> None:
    """Draw a query and what was found by it.

    Args:
        query: what was searched for, by the names of the model's inputs.
    """
    asked = [
        {**shown_input(item, query[item.name], "the query"), "weight": weights.get(item.name, 1.0)}
        for item in index.run.spec.inputs
        if item.name in query
    ]
    content = page(
        "mmzoo.search",
        "results.html.j2",
        index=index,
        asked=asked,
        hits=[{"hit": hit, "inputs": inputs_of(index, hit)} for hit in hits],
    )
    write_file(path, content)


def inputs_of(index: Index, hit: Hit) -> list[dict[str, object]]:
    """What is shown of a record, by input: a picture, a sound, a text, or why there is nothing to show."""
    found = []
    for item in index.run.spec.inputs:
        each: dict[str, object] = {"name": item.name, "alt": f"{item.name} of record {hit.id}"}
        if item.name in hit.texts:
            found.append({**each, "text": hit.texts[item.name]})
        elif data := hit.files.get(item.name):
            kind = "audio/wav" if data.startswith(b"RIFF") else "image/jpeg"
            found.append({**each, "sound" if kind == "audio/wav" else "picture": data_url(data, kind)})
        elif path := hit.paths.get(item.name):
            found.append({**each, "path": path, **of_file(index, hit, item, path)})
    return found


def of_file(index: Index, hit: Hit, item: Modality, path: str) -> dict[str, object]:
    """How a file is shown."""
    if item.name in hit.gone:
        return {"problem": "the file is no longer there"}
    if not index.may_read(path):
        return {"problem": "the file is not read: the index was made elsewhere; say where its files are with --root"}
    try:
        if picture := item.preview(path):
            return {"picture": data_url(picture, "image/jpeg")}
        shown = shown_input(item, path, hit.id)
    except MMZooError as error:
        return {"problem": str(error)}
    return {"sound": shown["sound"], "picture": "" if shown["sound"] else shown["picture"], "text": shown["text"]}
