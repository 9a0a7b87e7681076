"""Tell labels that a run was never taught, by the nearness of their words."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from mmzoo.commands import runs

if TYPE_CHECKING:
    from mmzoo.data.records import Records
    from mmzoo.run import Run

EXAMPLE = 'mmzoo zero-shot runs/mine --labels "a cat,a dog"'


def add(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run", help="a run or a trained model with a retrieval task (mmzoo train TABLE --task retrieval)")
    sub.add_argument("table", nargs="?", help="records to answer, in place of a split of the run's own")
    sub.add_argument("--labels", required=True, metavar="A,B", help='words for each label, such as "a cat,a dog"')
    sub.add_argument(
        "--template",
        action="append",
        metavar="TEXT",
        help="a sentence with {} in the place of a label; may be given several times, and the mean counts",
    )
    sub.add_argument("--truth", default="", metavar="COLUMN", help="the column that says which label is right")
    sub.add_argument("--text", default="", metavar="INPUT", help="the input that reads the words, if there are several")
    sub.add_argument("--split", choices=["train", "validation", "test"], default="test", help="(default test)")
    sub.add_argument("--beside", nargs="+", default=[], metavar="RUN", help="runs whose heads were taught")
    sub.add_argument("--json", action="store_true", help="all answers as JSON")
    runs.add_data(sub)


def run(args: argparse.Namespace) -> None:
    from mmzoo.evaluation.zero_shot import TEMPLATES, zero_shot
    from mmzoo.run import Run
    from mmzoo.run.seen import warn_of_seen

    run = Run(args.run, data=args.data)
    records = run.records(args.split) if args.table is None else records_of(run, args.table)
    if args.table is not None:
        warn_of_seen(run, records)
    found = zero_shot(
        run.model,
        records,
        [label.strip() for label in args.labels.split(",")],
        templates=args.template or TEMPLATES,
        text=args.text,
        truth=args.truth,
        heads=[Run(folder).model for folder in args.beside],
    )
    print(json.dumps(found.to_json(), ensure_ascii=False, indent=1) if args.json else found.text())


def records_of(run: Run, table: str) -> Records:
    """The records of a table, with all its columns: one of them may say what is right."""
    from mmzoo.answers.given import joined
    from mmzoo.answers.pieces import pieces

    parts = list(pieces(table, run.reading(own=("*",))))
    records = joined(parts)
    for column in parts[0].own if parts else ():
        records.columns.setdefault(column, [value for part in parts for value in part.own[column]])
    return records
