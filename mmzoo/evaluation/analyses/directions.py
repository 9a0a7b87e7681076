"""Which inputs find which."""

from __future__ import annotations

from mmzoo.evaluation.analyses import analyses
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block, Cell, Table, Text
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.evaluation.retrieval import DirectionFigures
from mmzoo.messages.words import decimal
from mmzoo.tasks.metrics.recall import AT


@analyses.register("directions", section="search")
class Directions(Analysis):
    """How often one input, or several together, find another of the same record among those of all records."""

    def applies(self, result: TaskEvaluation) -> bool:
        return result.task.tags.vectors

    def compute(self, result: TaskEvaluation) -> list[DirectionFigures]:
        return [each.to_json() for each in result.directions]

    def draw(self, found: list[DirectionFigures], result: TaskEvaluation) -> list[Block]:
        names = [*(f"recall@{k}" for k in AT), "mrr", "map", "median_rank"]
        best = found[0]["metrics"]["mrr"] if found else 1.0
        rows: list[list[Cell]] = []
        for each in found:
            ((measure, (low, high)),) = each["interval"].items()
            rows.append(
                [
                    f"{' + '.join(each['asked'])} → {each['key']}",
                    *(each["metrics"][name] for name in names),
                    f"{short(measure)} {decimal(low)} to {decimal(high)}",
                    decimal(each["chance"][measure]),
                    f"{each['metrics']['mrr'] / max(best, 1e-9):.0%}",
                    each["queries"],
                    each["candidates"],
                ]
            )
        heads = ["what finds what", *map(short, names), "95 %", "by chance", "of the best", "queries", "candidates"]
        said = (
            "Each record's query is held against what all records have; those that hold the same are one candidate, "
            "right for all of these. The nearest comes first. “Of the best” is by the mean reciprocal rank (mrr)."
        )
        return [Table(heads, rows, "what finds what"), Text(said, soft=True)]


def short(metric: str) -> str:
    """A metric as a narrow column is headed: R@10."""
    return metric.replace("recall", "R").replace("_", " ")
