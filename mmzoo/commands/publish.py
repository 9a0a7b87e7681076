"""Give a run's model to others: a folder, or a model on Hugging Face's hub or on Kaggle."""

from __future__ import annotations

import argparse
import shlex

from mmzoo.commands import runs

EXAMPLE = "mmzoo publish runs/mine hf://me/species --licence Apache-2.0"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)
    sub.add_argument("where", help="a new folder, hf://USER/NAME or kaggle://OWNER/MODEL/FRAMEWORK/VARIATION")
    sub.add_argument("--summary", default="", metavar="WORDS", help="what the model is, in a sentence")
    sub.add_argument("--licence", default="", metavar="SPDX", help="of the model, such as Apache-2.0")
    sub.add_argument(
        "--packages",
        action="store_true",
        help="name frozen weights that come with a package of pip in place of copying them",
    )
    sub.add_argument("--private", action="store_true", help="on Hugging Face's hub: for nobody else to see")
    sub.add_argument("--overwrite", action="store_true", help="replace the one that is there, or add a version to it")


def run(args: argparse.Namespace) -> None:
    from mmzoo.run.publishing import publish

    options = {key: getattr(args, key) for key in ("summary", "licence", "packages", "private", "overwrite")}
    print(f"Published: {publish(args.run, args.where, **options)}")
    where = shlex.quote(args.where)
    print(f"mmzoo predict {where} asks it, mmzoo show {where} is its card.")
