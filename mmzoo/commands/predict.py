"""Answer one record, or all records of a table into a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.commands import records, tables
from mmzoo.console import as_json
from mmzoo.decoding import Greedy, Sample
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
        "--out", type=Path, metavar="FILE", help="where the answers to a table go: .csv, .jsonl or .parquet"
    )
    sub.add_argument("--overwrite", action="store_true", help="replace a file of answers that is there")
    sub.add_argument(
        "--columns", default="", metavar="A,B", help="columns of the table that stand beside the answers, or 'all'"
    )
    tables.add_faults(sub)
    tables.add(sub, split=False)
    sub.add_argument("--stream", action="store_true", help="of an answer that is a text: its words as they come")
    sub.add_argument("--sample", type=int, metavar="SEED", help="draw the text, in place of the likeliest")
    sub.add_argument("--top-p", type=float, default=0.9, metavar="P", help="draw among tokens that likely (0.9)")
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
    if args.stream or args.sample is not None:
        stream(run, record, args)
        return
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
        if isinstance(answer.get("text"), str):
            print(f"  {one_line(answer['text'])}  (log-probability {answer['log_prob']:.2f})")
            continue
        for label, share in sorted(answer.items(), key=lambda pair: -pair[1])[:5]:
            print(f"  {share:6.1%}  {'█' * round(30 * share):<30}  {one_line(label)}")


def stream(run: Run, record: dict[str, Any], args: argparse.Namespace) -> None:
    """Write a text word by word, the likeliest or one that is drawn."""
    how = Greedy() if args.sample is None else Sample(top_p=args.top_p, seed=args.sample)
    shown = ""

    def seen(text: str) -> None:
        nonlocal shown
        line = one_line(text, 10_000)
        if args.stream and line.startswith(shown) and not line.endswith("\ufffd"):  # half a letter
            print(line[len(shown) :], end="", flush=True)
            shown = line

    answer = run.write(record, how=how, seen=seen)
    print(one_line(answer["text"], 10_000)[len(shown) :])
    print(f"(log-probability {answer['log_prob']:.2f})")


def answer_table(run: Run, args: argparse.Namespace) -> None:
    """Answer a table into a file."""
    require(args.out is not None, "Say where the answers go: --out answers.csv (or .jsonl, .parquet).")
    require(not records.given(args), "Give one record by its inputs, or a table, not both.")
    columns = ("*",) if args.columns == "all" else tuple(filter(None, args.columns.split(",")))
    named = tables.named(args.table, args)
    if run.thresholds is None:
        print("note: without an evaluation there are no sets or ranges of a promised coverage; mmzoo evaluate RUN.")
    done = run.write_answers(
        named.path,
        args.out,
        options=named.options,
        columns=columns,
        explain=args.explain,
        on_error=args.on_error,
        budget=args.budget,
        overwrite=args.overwrite,
    )
    if done.table:
        print(done.table)
    if done.apostrophes:
        print(
            f"note: {done.apostrophes:,} texts that a spreadsheet would take for formulas begin with an apostrophe; "
            ".jsonl and .parquet have them as they are."
        )
    again = f" ({done.kept:,} of them were there already)" if done.kept else ""
    print(f"{done.path}: {done.records:,} answers{again} in {done.seconds:.1f} s")
