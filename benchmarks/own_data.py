"""A table of one's own: what the defaults are worth beside scikit-learn, on the same records of real data sets.

    python benchmarks/own_data.py                      # all of benchmarks/data_sets.py
    python benchmarks/own_data.py --only movies emoji --minutes 10 --quick 1500

Each data set is written into a folder as a stranger would have it, a CSV and its files. The default (`mmzoo.fit`) and
the baselines (`mmzoo.baselines`) learn from the same training records, choose by the same validation records, and
answer the same test records once. The best baseline is the best on the validation records; the interval is that of the
difference on the test records, 95 % of paired bootstrap samples (Efron 1979).

Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from data_sets import DATA, Wheels, write_table

import mmzoo
from mmzoo.baselines import best_of, fit_baselines
from mmzoo.baselines.fit import labels_of
from mmzoo.data.guess import load_table
from mmzoo.data.records import Records, decode
from mmzoo.data.schema.options import TableName
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.tasks.base import Task

CACHE = Path.home() / ".cache" / "mmzoo-benchmarks"
DRAWS = 1000
HEADS = [
    "data",
    "what",
    "records",
    "measure",
    "default",
    "best baseline",
    "which",
    "difference, 95 %",
    "seconds of each",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(DATA), default=list(DATA), help="these data sets")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, and of the baselines, for each")
    parser.add_argument("--quick", type=int, nargs="?", const=1500, default=0, metavar="N", help="N records of each")
    parser.add_argument("--quality", choices=["fast", "good", "best"], default="good", help="of the default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wheels", type=Path, default=CACHE / "wheels", help="where the packages are or shall be")
    parser.add_argument("--data", type=Path, default=CACHE / "data", help="where the folders are or shall be")
    parser.add_argument("--without-default", action="store_true", help="the baselines alone")
    parser.add_argument("--every", action="store_true", help="list every baseline")
    args = parser.parse_args()
    lines = []
    for name in args.only:
        lines.append(line_of(name, args))
        print("\n".join(["", row(HEADS), row(["---"] * len(HEADS)), *lines]), flush=True)


def line_of(name: str, args: argparse.Namespace) -> str:
    """The row of one data set."""
    data = DATA[name]
    table = write_table(data, args.data, Wheels(args.wheels), quick=args.quick)
    spec, (train, validation, test) = load_table(table)
    print(f"{name}: {', '.join(f'{item.name} ({item.kind})' for item in spec.inputs)} -> {spec.tasks[0].kind}")
    (task,) = spec.tasks
    answers = labels_of(task, test)
    began = time.monotonic()
    found = fit_baselines(spec, train, validation, seconds=60 * args.minutes, seed=args.seed)
    fitted = time.monotonic() - began
    if args.every:
        for each in found:
            theirs = primary(task, answers.encoded, each.predict(answers.records))
            print(f"  {each.name:<40} validation {each.score:.3f}  test {theirs:.3f}  {each.seconds:.0f} s", flush=True)
    best = best_of(found, task.name)
    assert best is not None
    other = best.predict(answers.records)
    own, trained = None, 0.0
    if not args.without_default:
        began = time.monotonic()
        own = default(table, answers.records, args)
        trained = time.monotonic() - began
    cells = [name, data.about, f"{len(train):,} / {len(validation):,} / {len(test):,}", task.primary_metric]
    cells += ["-" if own is None else f"{primary(task, answers.encoded, own):.3f}"]
    cells += [f"{primary(task, answers.encoded, other):.3f}", best.name]
    cells += ["-" if own is None else difference(task, answers.encoded, own, other), f"{trained:.0f} / {fitted:.0f}"]
    return row(cells)


def default(table: str, test: Records, args: argparse.Namespace) -> np.ndarray:
    """What the default says to the test records."""
    named = TableName.parse(table)
    with tempfile.TemporaryDirectory() as folder:
        out, task = Path(folder) / "run", named.options.task
        run = mmzoo.fit(
            named.path, named.label, minutes=args.minutes, quality=args.quality, out=out, task=task, seed=args.seed
        )
        outputs = run_model(run.model, decode(run.spec, test))
        return to_predictions(run.spec, outputs)[run.spec.tasks[0].name]


def primary(task: Task, labels: np.ndarray, predictions: np.ndarray) -> float:
    """The task's primary metric."""
    return task.metrics(labels, predictions)[task.primary_metric]


def difference(task: Task, labels: np.ndarray, own: np.ndarray, other: np.ndarray) -> str:
    """Own minus other, and the interval of it over resampled test records."""
    random, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = random.integers(0, len(labels), len(labels))
        found.append(primary(task, labels[rows], own[rows]) - primary(task, labels[rows], other[rows]))
    low, high = np.percentile(found, [2.5, 97.5])
    return f"{primary(task, labels, own) - primary(task, labels, other):+.3f} ({low:+.3f} to {high:+.3f})"


def row(cells: list[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
