"""Answer one record, or all records of a table into a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.commands import records, tables
from mmzoo.console import as_json
from mmzoo.errors import require
from mmzoo.words import one_line

if TYPE_CHECKING:
    from mmzoo.run import Run

EXAMPLE = "mmzoo predict runs/mine new.csv --out answers.csv"


def add(sub: argparse.ArgumentParser) -> None:
    records.add(sub)
    sub.add_argument(
        "table", nargs="?", help="answer all of its records: a table, shards or a data set, as in training"
    )
    sub.add_argument(
        "--out", type=Path, metavar="FILE", help="where the answers to a table go: .csv, .jsonl, .npz or .parquet"
    )
    tables.add_written(sub)
    tables.add_faults(sub)
    tables.add(sub, split=False)
    sub.add_argument("--json", action="store_true", help="print the answer to one record as JSON")
    sub.add_argument(
        "--explain",
        action="store_true",
        help="what each input added to the answer too; of one record as JSON, with what counted inside each",
    )


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    if args.table is not None:
        answer_table(run, args)
        return
    require(args.out is None, "--out is for the answers to a table; give one: mmzoo predict RUN TABLE --out FILE.")
    record = records.record_of(run, args)
    answers = run.predict(record)
    if args.explain:
        print(as_json({"predictions": answers, "explanation": run.explain(record).to_json()}))
        return
    if args.json:
        print(as_json(answers))
        return
    for task, answer in answers.items():
        print(f"{task}:")
        if isinstance(answer, list):
            print("  " + "  ".join(f"{number:.4g}" for number in answer))
            continue
        for label, share in sorted(answer.items(), key=lambda pair: -pair[1])[:5]:
            print(f"  {share:6.1%}  {'█' * round(30 * share):<30}  {one_line(label)}")


def answer_table(run: Run, args: argparse.Namespace) -> None:
    """Answer a table into a file."""
    require(args.out is not None, "Say where the answers go: --out answers.csv (or .jsonl, .parquet).")
    require(not records.given(args), "Give one record by its inputs, or a table, not both.")
    named = tables.named(args.table, args)
    if run.thresholds is None:
        print("note: without an evaluation there are no sets or ranges of a promised coverage; mmzoo evaluate RUN.")
    done = run.write_answers(
        named.path,
        args.out,
        options=named.options,
        columns=tables.beside(args),
        explain=args.explain,
        on_error=args.on_error,
        budget=args.budget,
        overwrite=args.overwrite,
    )
    tables.tell(done, "answers")
