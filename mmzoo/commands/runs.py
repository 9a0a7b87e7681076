"""What commands that take runs and read the records that these were trained on have in common."""

from __future__ import annotations

import argparse


def add_data(sub: argparse.ArgumentParser) -> None:
    """Where the records are."""
    sub.add_argument(
        "--data",
        default="",
        metavar="NAME",
        help="read these records in place of those that the run names: a data set, or a table and its label "
        "(photos.csv#species); needed where the run was made in another folder and names a table",
    )
