"""What commands that take runs have in common, and those that read the records that these were trained on."""

from __future__ import annotations

import argparse
from pathlib import Path

RUN = "a run's folder, or a trained model: its folder, its name (mmzoo list models), hf://USER/NAME or kaggle://..."


def add_run(sub: argparse.ArgumentParser) -> None:
    """A run or a model."""
    sub.add_argument("run", help=RUN)


def add_out(sub: argparse.ArgumentParser, what: str) -> None:
    """Where results go."""
    sub.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"where {what} goes (default: the run's folder; of a model, say it)"
    )


def add_data(sub: argparse.ArgumentParser) -> None:
    """Where the records are."""
    sub.add_argument(
        "--data",
        default="",
        metavar="NAME",
        help="read these records in place of those that the run names: a data set, or a table and its label "
        "(photos.csv#species); needed where the run was made in another folder and names a table",
    )
