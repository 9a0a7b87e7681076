"""A run that has ended: is it one, and the model in its folder."""

from __future__ import annotations

from pathlib import Path

import keras

from mmzoo.artifact import load
from mmzoo.errors import require
from mmzoo.files import is_folder, is_plain


def check_finished(folder: str | Path) -> None:
    """Raise unless the folder holds a run whose training has ended."""
    place = Path(folder)
    require(
        is_plain(place / "spec.json"),
        f"'{folder}' is not a run: it has no spec.json; make one with: mmzoo train RECIPE --out {folder}",
    )
    require(
        is_folder(place / "model") and is_plain(place / "model" / "card.json"),
        f"The run '{folder}' is not finished; go on with the mmzoo train command that began it.",
    )


def load_finished(folder: str | Path) -> keras.Model:
    """The model of a finished run.

    Raises:
        MMZooError: there is none, or see `mmzoo.artifact.load`.
    """
    check_finished(folder)
    return load(Path(folder) / "model")
