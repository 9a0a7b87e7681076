"""Whose a run's folder is: this run's, another's, or nobody's yet."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from mmzoo.errors import MMZooError, require
from mmzoo.files import read_file, remove_beside, subfolder, write_file
from mmzoo.files.folders import made_in
from mmzoo.messages.words import json_bytes
from mmzoo.spec import Spec
from mmzoo.training.run_folder.checkpoint import checkpoints
from mmzoo.training.run_folder.notes import read_object

FIRST = ("spec.json", "run.json", "machine.txt", "recipe.py", "data_errors.json")
"""What a run's folder holds before its first checkpoint; with one of the first three there, the others are a run's."""
LATER = ("answers.csv", "checkpoints", "history.jsonl", "model", "samples", "splits.csv", "stream.json", "tensorboard")
ASIDE = re.compile(r"checkpoints\.[0-9]+")


def make_folder(folder: Path) -> None:
    """Make the folder of a run, and those that it is in."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be made ({error.strerror}); choose another --out.") from error


def claim(folder: Path, spec: Spec, settings: Mapping[str, object], recipe: Path | None) -> bool:
    """Make `folder`, which is there and held, this run's, or see that it is; True where the run is finished.

    Nothing that was there before is overwritten, but for the notes of a run that has no checkpoint, or none any more.
    Of a run whose notes are gone it cannot be known what its checkpoints are of: they are moved aside.

    Raises:
        MMZooError: it holds another run, or something else; or one of a run's subfolders is a link.
    """
    for name in ("checkpoints", "model"):
        if os.path.lexists(folder / name):
            remove_beside(subfolder(folder, name))
    finished = (folder / "model" / "card.json").exists()
    wanted = {"spec.json": spec.to_json(), "run.json": settings}
    lost = []
    for name, value in wanted.items():
        if not os.path.lexists(folder / name):
            lost.append(name)
        elif finished or checkpoints(folder / "checkpoints"):
            there = read_object(folder / name, f"choose another --out, or remove '{folder}' and train it anew")
            there.pop("made_in", None)
            if "budget" in there and "budget" in value:  # nothing is learnt of it
                there["budget"] = value["budget"]
            if finished and there.get("on_error") == "error" and "on_error" in value:  # it met no bad record
                there["on_error"] = value["on_error"]
            what = "another spec" if name == "spec.json" else "other settings, data or seed"
            require(
                there == json.loads(json.dumps(value)),
                f"'{folder}' holds a run with {what}; choose another --out or remove the folder first.",
            )
    if finished:
        require(
            not lost,
            f"'{folder}' holds a model, but its {' and '.join(lost)} {'are' if lost[1:] else 'is'} gone; "
            "choose another --out or remove the folder first.",
        )
    elif checkpoints(folder / "checkpoints"):
        if lost:
            move_aside(folder, lost)
    else:
        check_empty(folder)
    begun = not finished and not checkpoints(folder / "checkpoints")
    settings = {**settings, "made_in": made_in(folder)}
    if begun:
        from mmzoo.machine import machine

        write_file(folder / "machine.txt", f"{machine()}\n".encode())
        if recipe:
            write_file(folder / "recipe.py", read_file(recipe))
    # An unfinished run that was moved belongs to whoever trains it on.
    if begun or (not finished and read_object(folder / "run.json") != settings):
        write_file(folder / "run.json", json_bytes(settings))
    elif finished and "budget" in settings:
        keep_policy(folder, settings["on_error"], settings["budget"])
    if begun:
        write_file(folder / "spec.json", json_bytes(wanted["spec.json"]))
    return finished


def keep_policy(folder: Path, on_error: object, budget: object) -> None:
    """Let a finished run treat bad records otherwise from here on: it has learnt of none."""
    there = read_object(folder / "run.json")
    if (there.get("on_error"), there.get("budget")) != (on_error, budget):
        write_file(folder / "run.json", json_bytes({**there, "on_error": on_error, "budget": budget}))


def check_empty(folder: Path) -> None:
    """Raise if there is anything in `folder` but what a run that has no checkpoint leaves there."""
    names = [path.name for path in folder.iterdir()]
    ours: tuple[str, ...] = FIRST
    if {*FIRST[:3]} & {*names}:
        ours = (*FIRST, *LATER, *filter(ASIDE.fullmatch, names))
    others = sorted({*names} - {*ours})
    require(not others, f"The folder '{folder}' is not empty and holds no run ({others[:1]}); choose another --out.")


def move_aside(folder: Path, lost: list[str]) -> None:
    """Give the checkpoints of a run whose notes are gone another name."""
    number = 1
    while os.path.lexists(aside := folder / f"checkpoints.{number}"):
        number += 1
    try:
        (folder / "checkpoints").rename(aside)
    except OSError as error:
        raise MMZooError(f"'{folder}' cannot be written ({error.strerror}); choose another --out.") from error
    print(f"The {' and '.join(lost)} of '{folder}' are gone: training begins anew; its checkpoints are in '{aside}'.")


def next_free(folder: Path) -> Path:
    """The first of `folder/1`, `folder/2` ... that does not exist."""
    number = 1
    while os.path.lexists(folder / str(number)):
        number += 1
    return folder / str(number)
