"""A row as a form that a person fills in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmzoo.modalities.tabular.days import PARTS
from mmzoo.modalities.widgets import Cell

if TYPE_CHECKING:
    from mmzoo.modalities.tabular import Tabular


def form_of(item: Tabular) -> tuple[Cell, ...]:
    """The columns of a fitted row in their order, with what each of them can hold."""
    count, forms, words = len(item.numbers), item.cell_forms, iter(item.vocabularies)
    cells = [
        Cell(column, "number", usual=(min(known), max(known)) if known else None, form=forms[column])
        for column, known in zip(item.numbers, item.quantiles, strict=False)
    ]
    cells += [Cell(column, "choice", next(words)) for column in item.categories]
    for place, column in enumerate(item.dates):
        hours = item.quantiles[count + place * len(PARTS) + PARTS.index("hour")]
        cells.append(Cell(column, "moment" if any(hours) else "date", form=forms[column]))
    for column, delimiter in zip(item.multi_categories, item.delimiters, strict=True):
        cells.append(Cell(column, "choices", next(words), delimiter))
    return tuple(cells)
