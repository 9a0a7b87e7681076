"""Trained models: those that come with mmzoo, which have a name; folders; and those of a hub.

A model that comes with mmzoo is a model's folder here (`mmzoo.artifact`) that bears the name of its recipe. To add one
is to put its folder here, which `python benchmarks/models.py NAME` makes: what there is to say of it is in its card.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from mmzoo.errors import MMZooError, unknown
from mmzoo.weights.card import CARD

HOME = Path(__file__).parent
HUBS = ("hf://", "kaggle://")
FIELDS = ("summary", "recipe", "command", "data", "licence of the data", "licence", "limits")
"""What the card of a model says of it under "about"."""


def names() -> list[str]:
    """The models that come with mmzoo, sorted."""
    return sorted(path.parent.name for path in HOME.glob(f"*/{CARD}"))


def find(where: str | Path) -> Path:
    """The folder of a run or a model: a path, the name of a model that comes with mmzoo, or an address of a hub.

    A folder of that name wins, if it holds a run or a model; `./NAME` is always a folder.

    Args:
        where: "runs/mine", "emoji", "hf://USER/NAME", "kaggle://OWNER/MODEL/FRAMEWORK/VARIATION".

    Raises:
        MMZooError: a model of a hub cannot be had.
    """
    if isinstance(where, str) and where.startswith(HUBS):
        from mmzoo.models.hub import download

        return download(where)
    folder, named = Path(where), str(where).isidentifier() and (HOME / str(where) / CARD).is_file()
    here = any(os.path.lexists(folder / name) for name in ("spec.json", CARD))
    if named and here:
        logging.getLogger("mmzoo").warning(
            f"The folder '{where}' is taken, not the model of that name that comes with mmzoo."
        )
    return HOME / str(where) if named and not here else folder


def model_of(where: str | Path) -> Path:
    """The folder of the model that is meant: of a run it is the one within.

    Raises:
        MMZooError: there is no such folder, and the name is none of a model.
    """
    folder = find(where)
    if not os.path.lexists(folder / CARD) and os.path.lexists(folder / "model" / CARD):
        return folder / "model"
    if not folder.exists() and str(where).isidentifier():
        raise unknown("folder, or model that comes with mmzoo, called", where, names())
    return folder


def is_address(where: str) -> bool:
    """Is it a model of a hub?"""
    return where.startswith(HUBS)


def check_address(where: str, kaggle_parts: tuple[int, ...] = (4, 5)) -> tuple[str, str, str]:
    """What an address of a hub says: the hub, the name there, and its revision, "" for the newest.

    Raises:
        MMZooError: it is of another form.
    """
    hub, _, rest = where.partition("://")
    name, _, revision = rest.partition("@")
    parts = name.split("/")
    fits = len(parts) == 2 if hub == "hf" else len(parts) in kaggle_parts and not revision
    if not fits or not all(part and not part.startswith(".") for part in parts) or where.endswith("@"):
        raise MMZooError(
            f"'{where}' is not of the form hf://USER/NAME, hf://USER/NAME@REVISION or "
            "kaggle://OWNER/MODEL/FRAMEWORK/VARIATION."
        )
    return hub, name, revision
