"""Show the card of a trained model: what it takes and answers, its figures, data, licence and limits."""

from __future__ import annotations

import argparse

from mmzoo.commands import runs

EXAMPLE = "mmzoo show emoji"


def add(sub: argparse.ArgumentParser) -> None:
    runs.add_run(sub)


def run(args: argparse.Namespace) -> None:
    from mmzoo.models import model_of
    from mmzoo.models.card import page

    print(page(args.run, model_of(args.run)))
