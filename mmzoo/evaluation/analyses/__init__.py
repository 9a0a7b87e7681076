"""The analyses of an evaluation: one file each.

    @analyses.register("name", section="trust")
    class Name(Analysis):
        def compute(self, result): ...  # plain JSON, the value of "name" in metrics.json
        def draw(self, found, result): ...  # what the report shows of it, of `mmzoo.evaluation.blocks`

`section` is one of `SECTIONS`. Nobody else knows an analysis by its name: `evaluate`, metrics.json, the report and its
pictures ask this registry. The first line of the docstring is what `mmzoo list analyses` says.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmzoo.errors import require, unknown
from mmzoo.evaluation.analyses.base import Analysis
from mmzoo.evaluation.blocks import Block
from mmzoo.evaluation.of_task import TaskEvaluation
from mmzoo.registry import Registry

analyses: Registry[type[Analysis]] = Registry("analysis", __name__)

SECTIONS = {
    "search": "What finds what",
    "baselines": "Beside models of scikit-learn",
    "modalities": "What each modality is worth",
    "noise": "How it bears noise",
    "trust": "How far to trust it",
    "mistakes": "Where the mistakes are",
}
"""Of the report: their names and their titles."""
TAKEN = {
    "reason",
    "tasks",
    "split",
    "examples",
    "metrics",
    "subsets",
    "subsets_in_all",
    "modality_counts",
    "intervals",
    "verdict",
    "gains",
}
"""Keys of metrics.json that are of no analysis."""


def in_order() -> dict[str, Analysis]:
    """All analyses in the order of the report.

    Raises:
        MMZooError: one has a name that metrics.json has already, or is of no section.
    """
    for name in analyses.names():
        require(name not in TAKEN, f"An analysis cannot be called '{name}', which metrics.json has already.")
        section = analyses.facts(name).get("section")
        if section not in SECTIONS:
            raise unknown(f"section of an analysis ({name})", str(section), SECTIONS)
    places = [*SECTIONS]
    order = sorted(analyses.names(), key=lambda name: (places.index(section_of(name)), analyses[name].place, name))
    return {name: analyses[name]() for name in order}


def section_of(name: str) -> str:
    """The section of the report that an analysis is shown in."""
    return str(analyses.facts(name)["section"])


def computed(result: TaskEvaluation) -> dict[str, object]:
    """What the analyses find of one task, by name; nothing of those that do not apply to it."""
    return {name: each.compute(result) for name, each in in_order().items() if each.applies(result)}


def drawn(result: TaskEvaluation, found: Mapping[str, object]) -> dict[str, list[Block]]:
    """What the report shows of one task, by analysis, from what `computed` found."""
    return {name: each.shown(found[name], result) for name, each in in_order().items() if name in found}
