"""What commands that take one record have in common."""

from __future__ import annotations

import argparse
import pkgutil
from typing import TYPE_CHECKING

import mmzoo
from mmzoo.aliases import Raw
from mmzoo.commands import runs
from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.run import Run

KINDS = [module.name for module in pkgutil.iter_modules([f"{mmzoo.__path__[0]}/modalities"]) if module.ispkg]
"""The kinds of inputs, as folders: what they are is imported only where a model is."""


def add(sub: argparse.ArgumentParser) -> None:
    """A run, and the inputs of one record."""
    runs.add_run(sub)
    add_inputs(sub)


def add_inputs(sub: argparse.ArgumentParser) -> None:
    """The inputs of one record."""
    for kind in KINDS:
        words = f"the {kind} input, if the model has one of this kind: a file, or what it says"
        sub.add_argument(f"--{kind}", metavar="VALUE", help=words)
    sub.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="an input by its name in the spec"
    )


def given(args: argparse.Namespace) -> bool:
    """Does the command line have an input of a record?"""
    return bool(args.input) or any(getattr(args, kind) is not None for kind in KINDS)


def record_of(run: Run, args: argparse.Namespace) -> dict[str, Raw]:
    """The record that was asked for, by the names of the run's inputs."""
    record: dict[str, Raw] = {}
    inputs = {item.name: item for item in run.spec.inputs}
    for kind in KINDS:
        value = getattr(args, kind)
        if value is not None:
            names = [name for name, item in inputs.items() if item.kind == kind]
            require(names, f"The model has no {kind} input; it has: {', '.join(inputs)}.")
            require(len(names) == 1, f"The model has several {kind} inputs; say which: --input {names[0]}=...")
            record[names[0]] = inputs[names[0]].from_argument(value)
    for setting in args.input:
        name, equals, value = setting.partition("=")
        require(equals, f"An input is written NAME=VALUE, not '{setting}'.")
        require(name not in record, f"The input '{name}' is given twice; give it once.")
        record[name] = inputs[name].from_argument(value) if name in inputs else value
    return record
