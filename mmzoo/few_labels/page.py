"""The records that are worth a label, as one page without scripts that needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.errors import MMZooError
from mmzoo.few_labels.choosing import Chosen
from mmzoo.files import write_file
from mmzoo.reports.gallery import shown_input
from mmzoo.reports.page import page

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality
    from mmzoo.run import Run

WHY = {
    "entropy": "it is least sure of (the entropy of its answer, in bits)",
    "bald": "its answers under dropout disagree most on (BALD, in bits)",
}
"""By what records are chosen: those that ..."""


def write_page(path: Path, run: Run, chosen: Chosen) -> None:
    """Draw the records with their pictures, texts and players."""
    score = chosen.columns[-2]
    why = f"{WHY[score]}, and which differ most from each other" if chosen.diverse else WHY[score]
    said, sure = chosen.columns[-4:-2]
    cards = [
        {
            "id": row["id"],
            "score": row[score],
            "said": row[said],
            "sure": row[sure],
            "inputs": [shown(item, chosen.records.column(item.name)[k], str(row["id"])) for item in run.spec.inputs],
        }
        for k, row in enumerate(chosen.rows)
    ]
    content = page("mmzoo.few_labels", "next.html.j2", run=run, cards=cards, why=why, looked_at=chosen.looked_at)
    write_file(path, content)


def shown(item: Modality, value: object, record: str) -> Mapping[str, object]:
    """What is shown of an input, or why it cannot be."""
    try:
        return shown_input(item, value, record)
    except MMZooError as error:
        return {"name": item.name, "problem": str(error)}
