"""What commands that take a table have in common: how it is read."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.errors import require

if TYPE_CHECKING:
    from mmzoo.answers.written.table import Written
    from mmzoo.data.schema.options import TableName
    from mmzoo.pipelines.beam import Pipeline


def add(sub: argparse.ArgumentParser, *, split: bool = True) -> None:
    """How a table is read, where that cannot be seen from it.

    Args:
        split: is it split into parts for training, validation and test?
    """
    group = sub.add_argument_group("of a table")
    group.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="COLUMN=KIND",
        help="what a column is: image, audio, video, sensor, text, number, category, multi_category, date or ignore; "
        "with how it is written where that is not seen: number:, (decimal comma), date:DMY, multi_category:;",
    )
    group.add_argument(
        "--task",
        default="",
        metavar="TASK",
        help="what the label asks: classification, regression ...; or retrieval, without one",
    )
    group.add_argument("--delimiter", default="", metavar="TEXT", help="between several labels in one cell")
    group.add_argument("--root", default="", metavar="DIR", help="the folder of its files (default: the table's own)")
    group.add_argument("--allow-outside", action="store_true", help="its files may lie, or links lead, outside of that")
    group.add_argument("--encoding", default="", metavar="NAME", help="of its text, such as cp1252 (default: found)")
    group.add_argument("--sheet", default="", metavar="NAME", help="of a workbook (default: the first with any cells)")
    sub.set_defaults(group="", stratify=True, split_seed=0)
    if not split:
        return
    group.add_argument(
        "--group", default="", metavar="COLUMN", help="whose records stay on one side of the split, such as a person's"
    )
    group.add_argument(
        "--stratify",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="each part of the split has each class, as far as there are enough records (default)",
    )
    group.add_argument("--split-seed", type=int, default=0, metavar="N", help="another one splits in another way")


def add_faults(sub: argparse.ArgumentParser) -> None:
    """What is done about records that cannot be used: `on_error` and `budget` of `mmzoo.data.faults.Faults`."""
    sub.add_argument(
        "--on-error",
        choices=["error", "skip", "mask"],
        default="error",
        help="a record that cannot be used: stop, leave it out, or take what is bad in it for missing (default error)",
    )
    sub.add_argument(
        "--budget", type=float, default=0.01, help="the share that may be bad, of few records one (default 0.01)"
    )


def add_table(sub: argparse.ArgumentParser) -> None:
    """The table that a run is asked about."""
    sub.add_argument("table", help="the records: a table, shards or a data set, as in training")


def add_runner(sub: argparse.ArgumentParser) -> None:
    """Where the records are computed."""
    group = sub.add_argument_group("on many machines (extra beam)")
    group.add_argument(
        "--runner",
        default="",
        metavar="NAME",
        help="of Apache Beam: DirectRunner (this machine), FlinkRunner, SparkRunner, DataflowRunner ...; the same "
        "command goes on after whatever ended it",
    )
    group.add_argument(
        "--runner-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of that runner, as Beam calls it: direct_num_workers=4, flink_master=HOST:8081 ...",
    )


def pipeline_of(args: argparse.Namespace) -> Pipeline | None:
    """The pipeline of Beam that is asked for."""
    from mmzoo.pipelines.beam import Pipeline

    require(args.runner or not args.runner_option, "--runner-option is of a --runner; name it, such as DirectRunner.")
    return Pipeline(args.runner, tuple(args.runner_option)) if args.runner else None


def add_overwrite(sub: argparse.ArgumentParser) -> None:
    """May a file that is there be replaced?"""
    sub.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def check_ending(path: Path | None, ending: str, option: str) -> None:
    """Raise where a page or a picture is to be written under a name that says it is something else."""
    require(
        path is None or path.suffix.lower() == ending,
        f"{option} writes a {ending} file, not '{path}'; call it so.",
    )


def add_written(sub: argparse.ArgumentParser) -> None:
    """What is written of a table, beside what a model says of it."""
    add_overwrite(sub)
    sub.add_argument(
        "--columns", default="", metavar="A,B", help="columns of the table that stand beside, such as labels, or 'all'"
    )


def beside(args: argparse.Namespace) -> tuple[str, ...]:
    """The columns of the table that are wanted beside; ("*",) for all."""
    return ("*",) if args.columns == "all" else tuple(filter(None, args.columns.split(",")))


def tell(done: Written, what: str) -> None:
    """Say what was written.

    Args:
        what: the rows are.
    """
    if done.table:
        print(done.table)
    if done.apostrophes:
        print(
            f"note: {done.apostrophes:,} texts that a spreadsheet would take for formulas begin with an apostrophe; "
            ".jsonl and .parquet have them as they are."
        )
    again = f" ({done.kept:,} of them were there already)" if done.kept else ""
    print(f"{done.path}: {done.records:,} {what}{again} in {done.seconds:.1f} s")


def named(name: str, args: argparse.Namespace, label: str | None = None) -> TableName:
    """The name of a table with what the command line says of it, as a `TableName`."""
    from mmzoo.data.schema.options import Options, TableName, told_kinds

    keys = ("root", "allow_outside", "encoding", "sheet", "task", "delimiter", "group", "stratify", "split_seed")
    require(args.split_seed >= 0, f"The seed of a split is a whole number from 0 on, not {args.split_seed}.")
    told = Options(told_kinds(args.kind), **{key: getattr(args, key) for key in keys})
    found = TableName.parse(name)
    return replace(found, label=label or found.label, options=found.options.updated(told))


def source_of(args: argparse.Namespace) -> str:
    """The source that a command line names, with what it says of it."""
    return str(named(args.source, args)) if given(args) else str(args.source)


def given(args: argparse.Namespace) -> bool:
    """Does the command line say how a table is read?"""
    told = (args.kind, args.task, args.delimiter, args.root, args.allow_outside, args.encoding, args.sheet)
    return any(told) or bool(args.group or args.split_seed or not args.stratify)
