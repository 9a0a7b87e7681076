"""Answer one record."""

from __future__ import annotations

import argparse

from mmzoo.commands import records
from mmzoo.console import as_json
from mmzoo.words import one_line

EXAMPLE = 'mmzoo predict runs/emoji --image cat.png --text "grinning cat"'


def add(sub: argparse.ArgumentParser) -> None:
    records.add(sub)
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--explain", action="store_true", help="print JSON with what each modality and its parts counted")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run import Run

    run = Run(args.run)
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
