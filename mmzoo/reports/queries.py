"""Queries for the page: what an input looks for, and what it finds first."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.retrieval import Direction
from mmzoo.reports.gallery import ShownInput, shown_input

DIRECTIONS = 8
QUERIES = 3  # of each direction
FOUND = 5


def queries(result: TaskEvaluation) -> list[dict[str, object]]:
    """By direction `title` and `queries`: each with what looks (`asked`), its `rank`, and what it `found`.

    Queries are those at even distances between the best found and the worst, as the records fall.
    """
    chosen = [each for each in result.directions if len(each.asked) == 1]
    chosen += [each for each in result.directions if len(each.asked) > 1]
    groups: list[dict[str, object]] = []
    for each in chosen[:DIRECTIONS]:
        order = np.argsort(each.found.ranks, kind="stable")
        places = np.unique(np.linspace(0, len(order) - 1, QUERIES).round().astype(int))
        groups.append(
            {"title": each.name.replace("->", "→"), "queries": [query(result, each, int(order[k])) for k in places]}
        )
    return groups


def finds(data: dict[str, Any]) -> dict[str, list[str]]:
    """By subset of the inputs of a retrieval what it finds, as the mean of which its metrics are told.

    Args:
        data: what metrics.json has of the task; nothing is found of one that is no retrieval.
    """
    found: dict[str, list[str]] = {}
    for each in sorted(data.get("directions", []), key=lambda each: each["key"]):
        found.setdefault("+".join(each["asked"]), []).append(each["key"])
    return found


def query(result: TaskEvaluation, direction: Direction, place: int) -> dict[str, object]:
    """One query, with its inputs as a browser shows them."""
    items = {item.name: item for item in result.spec.inputs}
    row, found = result.nearest(direction, place, FOUND)

    def shown(name: str, record: int) -> ShownInput:
        return shown_input(items[name], result.records.column(name)[record], result.records.ids[record])

    return {
        "asked": [shown(name, row) for name in direction.asked],
        "id": result.records.ids[row],
        "rank": int(direction.found.ranks[place]),
        "candidates": direction.found.candidates,
        "found": [
            {"input": shown(direction.key, record), "score": score, "right": right} for record, score, right in found
        ],
    }
