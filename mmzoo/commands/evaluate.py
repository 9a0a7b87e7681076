"""Evaluate a run with every subset of its modalities, on its own records or on a table with labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmzoo.commands import runs, tables
from mmzoo.errors import require

EXAMPLE = "mmzoo evaluate runs/mine new.csv"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    sub.add_argument(
        "table", nargs="?", help="a table with labels, all of its records, in place of a split of the run's own"
    )
    sub.add_argument("--split", choices=["train", "validation", "test"], help="of its own records (default test)")
    runs.add_data(sub)
    runs.add_out(sub, "the report")
    sub.add_argument("--noise", action="store_true", help="measure each modality under noise too")
    sub.add_argument(
        "--unimodal", action="store_true", help="train a model of each modality alone too, to compare with"
    )
    sub.add_argument("--baselines", action="store_true", help="fit models of scikit-learn too, to compare with")
    sub.add_argument("--mc-dropout", type=int, default=0, metavar="N", help="draws under dropout: do they disagree?")
    sub.add_argument("--ensemble", nargs="+", default=[], metavar="RUN", help="runs that answer with it")
    sub.add_argument("--ood", metavar="TABLE", help="records unlike those learned: are they told apart?")
    tables.add_faults(sub)
    tables.add(sub, split=False)
    sub.set_defaults(on_error=None, budget=None, split=None)  # as the run was told


def run(args: argparse.Namespace) -> None:
    from mmzoo.data.rereading import table_name
    from mmzoo.run import Run

    run = Run(args.run, data=args.data, out=args.out)
    ensemble = [Run(folder) for folder in args.ensemble]
    uncertainty = {"mc_dropout": args.mc_dropout, "ensemble": ensemble, "ood": args.ood}
    faults = {"on_error": args.on_error, "budget": args.budget}
    wanted = {"noise": args.noise, "unimodal": args.unimodal, "baselines": args.baselines}
    options = {**wanted, **uncertainty, **faults}
    if args.table is None:
        require(not tables.given(args), "How a table is read is said of a table: mmzoo evaluate RUN TABLE.")
        show(run.results, run.evaluate(split=args.split or "test", **options))
        return
    require(args.split is None, "All records of a table are evaluated; leave out --split.")
    named = tables.named(args.table, args)
    name = table_name(named.path)
    show(run.results_of(name), run.evaluate(named.path, split=name, options=named.options, **options))


def show(place: Path, result: dict[str, Any]) -> None:
    from mmzoo.evaluation.evaluate import by_task, verdict_of
    from mmzoo.reports.report import table

    found = by_task(result)
    said = "\n".join(f"{name}: {verdict_of(each)}".removeprefix(": ") for name, each in found.items())
    print(f"\n{table(result)}\n\n{said}\nReport: {place / 'report.html'}")
