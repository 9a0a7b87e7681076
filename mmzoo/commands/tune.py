"""Search a recipe's space for the settings that are best on the validation records."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.commands import recipes
from mmzoo.errors import require

EXAMPLE = "mmzoo tune emoji --out runs/search --trials 20"


def add(sub: argparse.ArgumentParser) -> None:
    recipes.add(sub)
    sub.add_argument(
        "--out", type=Path, required=True, help="the search's folder; an unfinished search in it is gone on with"
    )
    sub.add_argument(
        "--method",
        choices=["random", "bayesian", "hyperband"],
        default="bayesian",
        help="how trials are chosen (default bayesian)",
    )
    sub.add_argument("--trials", type=int, default=20, metavar="N", help="at most so many (default 20)")
    sub.add_argument("--seed", type=int, default=0, help="of the trials and of each run (default 0)")
    sub.add_argument("--limit", type=int, metavar="N", help="use only the first N records of each split, for a try")


def run(args: argparse.Namespace) -> None:
    from mmzoo import datasets
    from mmzoo.hpo.tune import tune
    from mmzoo.recipe import load_space

    require(args.label is None, "A search needs a recipe whose file defines SPACE, and a table with --label is none.")
    recipe = recipes.recipe_of(args)
    records, validation, _ = datasets.load(recipe.data)  # what is chosen has not seen the test records
    if args.limit is not None:
        require(args.limit >= 1, f"--limit must be at least 1, not {args.limit}.")
        records, validation = records.take(args.limit), validation.take(args.limit)
    found = tune(
        recipe,
        load_space(args.recipe),
        records,
        validation,
        out=args.out,
        method=args.method,
        trials=args.trials,
        seed=args.seed,
    )
    print(f"\n{found.text()}\nPicture: {args.out / 'results.png'}")
