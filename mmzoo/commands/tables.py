"""What commands that take a table have in common: how it is read."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any


def add(sub: argparse.ArgumentParser) -> None:
    """How a table is read, where that cannot be seen from it."""
    group = sub.add_argument_group("of a table")
    group.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="COLUMN=KIND",
        help="what a column is: image, audio, video, sensor, text, number, category or ignore",
    )
    group.add_argument("--task", default="", metavar="TASK", help="what the label asks: classification, regression ...")
    group.add_argument("--delimiter", default="", metavar="TEXT", help="between several labels in one cell")
    group.add_argument("--root", default="", metavar="DIR", help="the folder of its files (default: the table's own)")
    group.add_argument("--allow-outside", action="store_true", help="its files may lie, or links lead, outside of that")
    group.add_argument("--encoding", default="", metavar="NAME", help="of its text, such as cp1252 (default UTF-8)")


def add_faults(sub: argparse.ArgumentParser) -> None:
    """What is done about records that cannot be used: `on_error` and `budget` of `mmzoo.data.faults.Faults`."""
    sub.add_argument(
        "--on-error",
        choices=["error", "skip", "mask"],
        default="error",
        help="a record that cannot be used: stop, leave it out, or take what is bad in it for missing (default error)",
    )
    sub.add_argument("--budget", type=float, default=0.01, help="the share that may be bad (default 0.01)")


def named(name: str, args: argparse.Namespace, label: str | None = None) -> Any:
    """The name of a table with what the command line says of it, as a `TableName`."""
    from mmzoo.data.options import Options, TableName, told_kinds

    keys = ("root", "allow_outside", "encoding", "task", "delimiter")
    told = Options(told_kinds(args.kind), **{key: getattr(args, key) for key in keys})
    found = TableName.parse(name)
    return replace(found, label=label or found.label, options=found.options.updated(told))


def source_of(args: argparse.Namespace) -> str:
    """The source that a command line names, with what it says of it."""
    return str(named(args.source, args)) if given(args) else str(args.source)


def given(args: argparse.Namespace) -> bool:
    """Does the command line say how a table is read?"""
    return any((args.kind, args.task, args.delimiter, args.root, args.allow_outside, args.encoding))
