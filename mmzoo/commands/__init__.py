"""The commands: one file each, with its help (the docstring), an EXAMPLE, what it takes and what it does.

Nothing heavy is imported before a command is known to need it.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType

# In the order of --help. A name of two words is a command below another.
COMMANDS = (
    "train",
    "tune",
    "prune",
    "evaluate",
    "compare",
    "export",
    "predict",
    "embed",
    "impute",
    "generate",
    "index",
    "search",
    "serve",
    "demo",
    "explain",
    "transcribe",
    "zero-shot",
    "publish",
    "label-next",
    "data check",
    "data show",
    "data shard",
    "data serve",
    "list",
    "show",
    "summary",
)


def command(name: str) -> ModuleType:
    """The module of a command: EXAMPLE, `add(parser)`, `run(args)`."""
    return importlib.import_module(f"mmzoo.commands.{re.sub('[ -]', '_', name)}")
