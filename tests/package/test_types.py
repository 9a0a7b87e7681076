"""`Any` tells a reader nothing and mypy to look away: it stands where a library gives no better, and gets no commoner.

What is not checked yet is `Raw`, which is `object` to mypy; what a library without types gives is `Tensor`, `Tree` or
`Untyped` (`mmzoo.aliases`); a dict of fixed keys that goes from file to file is a TypedDict.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import mmzoo

HOME = Path(mmzoo.__file__).parent
MOST = {
    "evaluation": 2,
    "data": 5,
    "answers": 2,
    "weights": 2,
    "reports": 4,
    "modalities": 5,
    "training": 2,
    "run": 7,
    "auto": 1,
    "towers": 2,
    "aliases": 4,
    "lite": 1,
    "recipe": 3,
    "datasets": 1,
    "pipelines": 1,
    "sklearn": 3,
    "tasks": 1,
    "commands": 1,
    "few_labels": 1,
    "figures": 2,
    "inference": 1,
    "spec": 1,
    "__init__": 1,
    "errors": 1,
    "fitting": 1,
    "listing": 1,
    "tokenizers": 1,
}
"""How often each room names `Any`; a room that is not here does not. Lower a number when there are fewer."""


def test_any_gets_no_commoner() -> None:
    found: Counter[str] = Counter()
    for path in HOME.rglob("*.py"):
        room = path.relative_to(HOME).parts[0].removesuffix(".py")
        tree = ast.parse(path.read_text("utf-8"))
        found[room] += sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))
    more = {room: f"{count}, not {MOST.get(room, 0)}" for room, count in found.items() if count > MOST.get(room, 0)}
    assert not more, "say what it is: Raw, a TypedDict, a Protocol, or an alias of mmzoo.aliases"
