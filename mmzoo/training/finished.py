"""A run that has ended: is it one, and the model in its folder."""

from __future__ import annotations

from pathlib import Path

import keras

from mmzoo.artifact import load_folder
from mmzoo.errors import require
from mmzoo.files import is_folder, is_plain
from mmzoo.models import find
from mmzoo.weights.card import CARD


def check_finished(folder: str | Path) -> Path:
    """The folder of the model of a run whose training has ended; a model's folder is one itself.

    Raises:
        MMZooError: it is neither.
    """
    place = Path(folder)
    if is_plain(place / CARD):
        return place
    require(
        is_plain(place / "spec.json"),
        f"'{folder}' is not a run: it has no spec.json; make one with: mmzoo train RECIPE --out {folder} (or name a "
        "trained model: mmzoo list models)",
    )
    require(
        is_folder(place / "model") and is_plain(place / "model" / CARD),
        f"The run '{folder}' is not finished; go on with the mmzoo train command that began it.",
    )
    return place / "model"


def load_finished(folder: str | Path) -> keras.Model:
    """The model of a finished run, or one that `mmzoo.load` finds.

    Raises:
        MMZooError: there is none, or see `mmzoo.artifact.load`.
    """
    return load_folder(check_finished(find(folder)))
