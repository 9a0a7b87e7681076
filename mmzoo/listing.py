"""What there is: for `mmzoo.list`, for `mmzoo list` and for the tables of the documentation."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.errors import unknown

if TYPE_CHECKING:
    from mmzoo.registry import Registry

LISTS = (
    "towers",
    "fusions",
    "weights",
    "tasks",
    "modalities",
    "tokenizers",
    "augmentations",
    "tuning",
    "objectives",
    "methods",
    "readers",
    "formats",
    "analyses",
    "baselines",
    "datasets",
    "models",
    "recipes",
)
HOMES = {
    "analyses": "evaluation.analyses",
    "formats": "export.formats",
    "methods": "training.methods",
    "readers": "data.readers",
}
"""Of the registries that are not in a package of the same name."""
HEADS = {
    "towers": "reads",
    "fusions": "level",
    "weights": "of tower",
    "tokenizers": "where",
    "augmentations": "of",
    "objectives": "reads",
    "formats": "needs",
    "analyses": "section",
    "datasets": "inputs",
    "models": "takes and answers",
}
FACTS = ("serves", "level", "where", "reads", "install", "inputs", "section")
"""What an entry may be registered with that is shown beside its name; each has one of them at most."""


def registry_of(what: str) -> Registry[Any]:
    """The registry of one of `LISTS` but the weights, the models and the recipes, which are no classes."""
    return getattr(importlib.import_module(f"mmzoo.{HOMES.get(what, what)}"), what)  # type: ignore[no-any-return]


def names(what: str) -> list[str]:
    """The names of one of `LISTS`, sorted: `mmzoo.list("towers")`.

    Raises:
        MMZooError: there is no such list.
    """
    if what not in LISTS:
        raise unknown("list called", what, LISTS)
    return sorted({name for name, _, _ in rows(what)})


def rows(what: str) -> list[tuple[str, str, str]]:
    """The entries of one list: name, its main fact (a tower's inputs, a fusion's level ...), summary."""
    if what == "recipes":
        from mmzoo.recipe import recipe_files

        return [(name, "", summary_of(path)) for name, path in sorted(recipe_files().items())]
    if what == "models":
        from mmzoo.models.card import rows as model_rows

        return model_rows()
    if what == "weights":
        return weight_rows()
    registry = registry_of(what)
    found = []
    for name in registry.names():
        facts = registry.facts(name)
        fact = next((facts[key] for key in FACTS if facts.get(key)), "")
        found.append((name, ", ".join(fact) if isinstance(fact, tuple) else fact, str(facts["summary"])))
    return sorted(found, key=lambda row: (row[1], row[0])) if what in ("towers", "fusions", "augmentations") else found


def weight_rows(*, here: bool = False) -> list[tuple[str, str, str]]:
    """The pretrained weights: name, towers, and what they are and how they are had.

    Args:
        here: say of those that are installed only that they are, as it is on this machine.
    """
    from mmzoo.weights import is_installed, weights

    found = []
    for each in weights.of():
        had = "installed" if here and is_installed(each) else each.install
        facts = f"{each.megabytes:.3g} MB, {each.parameters / 1e6:.3g} M parameters, {each.licence}"
        package = f"{each.package}: " if each.package else ""
        found.append((each.name, ", ".join(each.towers), f"{facts}. {package}{had}. {each.note}".rstrip()))
    return found


def summary_of(path: Path) -> str:
    """The first line of a recipe's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


def text(what: str) -> str:
    """One list in columns."""
    found = weight_rows(here=True) if what == "weights" else rows(what)
    widths = [max((len(row[k]) for row in found), default=0) for k in (0, 1)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in found)


def markdown(what: str) -> str:
    """One list as a table."""
    head = HEADS.get(what, "")
    lines = [f"| {what.removesuffix('s')} | {head} | |", "|---|---|---|"] if head else [f"| {what} | |", "|---|---|"]
    for name, fact, summary in rows(what):
        lines.append(f"| `{name}` | {fact} | {summary} |" if head else f"| `{name}` | {summary} |")
    return "\n".join(lines)
