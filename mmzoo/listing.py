"""What there is, as rows: for `mmzoo list` and for the tables of the README.

python -m mmzoo.listing README.md      write the tables of a file anew
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path

LISTS = (
    "towers",
    "fusions",
    "tasks",
    "modalities",
    "tokenizers",
    "augmentations",
    "tuning",
    "objectives",
    "datasets",
    "recipes",
)
HEADS = {
    "towers": "reads",
    "fusions": "level",
    "tokenizers": "where",
    "augmentations": "of",
    "objectives": "reads",
    "datasets": "inputs",
}
FACTS = ("serves", "level", "where", "reads", "inputs")  # the main fact of an entry is the first that it has


def rows(what: str) -> list[tuple[str, str, str]]:
    """The entries of one list: name, its main fact (a tower's inputs, a fusion's level ...), summary."""
    if what == "recipes":
        from mmzoo.recipe import recipe_files

        return [(name, "", summary_of(path)) for name, path in sorted(recipe_files().items())]
    registry = getattr(importlib.import_module(f"mmzoo.{what}"), what)
    found = []
    for name in registry.names():
        facts = registry.facts(name)
        fact = next((facts[key] for key in FACTS if facts.get(key)), "")
        found.append((name, ", ".join(fact) if isinstance(fact, tuple) else fact, facts["summary"]))
    return sorted(found, key=lambda row: (row[1], row[0])) if what in ("towers", "fusions", "augmentations") else found


def summary_of(path: Path) -> str:
    """The first line of a recipe's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]


def text(what: str) -> str:
    """One list in columns."""
    found = rows(what)
    widths = [max((len(row[k]) for row in found), default=0) for k in (0, 1)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in found)


def markdown(what: str) -> str:
    """One list as a table."""
    head = HEADS.get(what, "")
    lines = [f"| {what.removesuffix('s')} | {head} | |", "|---|---|---|"] if head else [f"| {what} | |", "|---|---|"]
    for name, fact, summary in rows(what):
        lines.append(f"| `{name}` | {fact} | {summary} |" if head else f"| `{name}` | {summary} |")
    return "\n".join(lines)


def written(page: str) -> str:
    """`page` with every table between `<!-- list: WHAT -->` and `<!-- end -->` made anew."""

    def table(match: re.Match[str]) -> str:
        return f"<!-- list: {match[1]} -->\n{markdown(match[1])}\n<!-- end -->"

    return re.sub(r"<!-- list: (\w+) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(written(Path(name).read_text("utf-8")), "utf-8")
