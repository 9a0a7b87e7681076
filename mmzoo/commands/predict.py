"""Answer one record, all records of a table into a file, or records as they come on standard input."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mmzoo.aliases import Raw
from mmzoo.commands import records, tables
from mmzoo.errors import MMZooError, require
from mmzoo.messages.console import as_json
from mmzoo.messages.words import one_line

if TYPE_CHECKING:
    from mmzoo.run import Run

EXAMPLE = (
    "mmzoo predict runs/mine new.csv --out answers.csv; of records as they come: "
    "tail -f events.jsonl | mmzoo predict runs/mine --stream"
)


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
    tables.add_runner(sub)
    sub.add_argument("--words", action="store_true", help="of an answer that is a text: its words as they come")
    sub.add_argument("--sample", type=int, metavar="SEED", help="draw the text, in place of the likeliest")
    sub.add_argument("--top-p", type=float, default=0.9, metavar="P", help="draw among tokens that likely (0.9)")
    group = sub.add_argument_group("of a stream")
    group.add_argument(
        "--stream",
        action="store_true",
        help="answer JSON lines of standard input, each with a JSON line in its place; a bad one is answered with its "
        "error. A record has inputs, or columns of the trained table, by name; paths are below --root (default: the "
        "current folder)",
    )
    group.add_argument(
        "--latency",
        type=float,
        default=0.05,
        metavar="S",
        help="seconds that a record waits for others, with which it is computed (default 0.05)",
    )
    group.add_argument("--most", type=int, default=128, metavar="N", help="records computed together (default 128)")
    sub.add_argument("--json", action="store_true", help="print the answer to one record as JSON")
    sub.add_argument(
        "--explain",
        action="store_true",
        help="what each input added to the answer too; of one record as JSON, with what counted inside each",
    )


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
    if args.stream:
        answer_stream(run, args)
        return
    if args.table is not None:
        answer_table(run, args)
        return
    require(not args.runner, "--runner is for the answers to a table; give one: mmzoo predict RUN TABLE --out FILE.")
    require(args.out is None, "--out is for the answers to a table; give one: mmzoo predict RUN TABLE --out FILE.")
    for_tables = {
        "--on-error": args.on_error != "error",
        "--columns": args.columns,
        "--overwrite": args.overwrite,
        "--kind, --root and the like": tables.given(args),
    }
    for option in (name for name, told in for_tables.items() if told):
        raise MMZooError(f"{option} is for the answers to a table; leave it out with one record.")
    record = records.record_of(run, args)
    if args.words or args.sample is not None:
        write_words(run, record, args)
        return
    answers = run.predict(record)
    if args.explain or args.json:
        answers = {name: each.tolist() if hasattr(each, "tolist") else each for name, each in answers.items()}
    if args.explain:
        print(as_json({"predictions": answers, "explanation": run.explain(record).to_json()}))
        return
    if args.json:
        print(as_json(answers))
        return
    rows = [task.name for task in run.spec.tasks if task.tags.rebuilt]
    for task, answer in answers.items():
        print(f"{task}:")
        if isinstance(answer, list):
            print("  " + "  ".join(f"{number:.4g}" for number in answer))
            continue
        if isinstance(answer, str):
            print(f"  {one_line(answer, 10_000)}")
            continue
        if hasattr(answer, "shape"):  # a picture, a spectrogram, a series
            sides = " x ".join(map(str, answer.shape))
            print(f"  {sides} numbers from {answer.min():.4g} to {answer.max():.4g}; --json prints them")
            continue
        if task in rows:
            print("  " + one_line(", ".join(f"{column} {cell}" for column, cell in answer.items()), 10_000))
            continue
        if isinstance(answer.get("text"), str):
            print(f"  {one_line(answer['text'])}  (log-probability {answer['log_prob']:.2f})")
            continue
        for label, share in sorted(answer.items(), key=lambda pair: -pair[1])[:5]:
            print(f"  {share:6.1%}  {'█' * round(30 * share):<30}  {one_line(label)}")


def write_words(run: Run, record: Mapping[str, Raw], args: argparse.Namespace) -> None:
    """Write a text word by word, the likeliest or one that is drawn."""
    from mmzoo.decoding import Greedy, Sample

    how = Greedy() if args.sample is None else Sample(top_p=args.top_p, seed=args.sample)
    shown = ""

    def seen(text: str) -> None:
        nonlocal shown
        line = one_line(text, 10_000)
        if args.words and not args.json and line.startswith(shown) and not line.endswith("\ufffd"):  # half a letter
            print(line[len(shown) :], end="", flush=True)
            shown = line

    answer = run.write(record, how=how, seen=seen)
    if args.json:
        print(as_json(answer))
        return
    print(one_line(answer["text"], 10_000)[len(shown) :])
    print(f"(log-probability {answer['log_prob']:.2f})")


def answer_stream(run: Run, args: argparse.Namespace) -> None:
    """Answer standard input, line for line, until it ends or nobody reads the answers any more."""
    from mmzoo.answers.rows.answered import Answerer
    from mmzoo.answers.stream import answered
    from mmzoo.data.streams.lines import records_in

    alone = args.table is None and args.out is None and not args.columns and not records.given(args)
    require(alone, "--stream answers standard input on standard output; leave out the table, --out and the record.")
    answerer = Answerer(run.model, run.thresholds, args.explain, "mask" if args.on_error == "mask" else "skip")
    reread = run.reading(tables.named("", args).options)
    lines = records_in(standard_input(), "The stream")
    for row in answered(answerer, reread, lines, latency=args.latency, most=args.most):
        print(as_json(row), flush=True)
        if getattr(sys.stdout, "lost", ""):  # nobody reads on, which is said in the end
            return


def standard_input() -> BinaryIO:
    """Standard input, as a file that stays open: Python closes its own at the end, and would wait for who reads it."""
    return open(os.dup(0), "rb")


def answer_table(run: Run, args: argparse.Namespace) -> None:
    """Answer a table into a file."""
    from mmzoo.answers.rows.conformal import has_sets

    require(args.out is not None, "Say where the answers go: --out answers.csv (or .jsonl, .parquet).")
    require(not records.given(args), "Give one record by its inputs, or a table, not both.")
    named = tables.named(args.table, args)
    if run.thresholds is None and any(map(has_sets, run.spec.tasks)):
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
        pipeline=tables.pipeline_of(args),
    )
    tables.tell(done, "answers")
