"""The best of several candidates within a time, as a run in a folder of its own."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

from mmzoo.auto.candidates import candidates
from mmzoo.auto.search import DISTILLED, Search, longer
from mmzoo.auto.tried import Trials
from mmzoo.baselines import Baseline
from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records
from mmzoo.data.sharing import sharing
from mmzoo.errors import check_number, require, unknown
from mmzoo.files import is_folder, read_file, write_file
from mmzoo.files.folders import check_no_link, discard, held, made_in
from mmzoo.inference.metrics import primary
from mmzoo.messages.words import json_bytes
from mmzoo.spec import Spec
from mmzoo.training.run_folder.claim import keep_policy, make_folder
from mmzoo.training.run_folder.notes import read_settings
from mmzoo.training.settings import Training, check_settings
from mmzoo.training.stopping import stop_requests

MOVED = ("spec.json", "machine.txt", "history.jsonl", "tensorboard", "checkpoints", "model")
"""What makes a candidate's folder a run; the model last, which says that it is whole."""


def train_within(
    spec: Spec,
    train: Records,
    validation: Records,
    *,
    seconds: float,
    gone: float = 0.0,
    later: int = 0,
    training: Training,
    out: str | Path,
    quality: str = "good",
    seed: int = 0,
    data: str = "",
    recipe: Path | None = None,
    on_error: str = "error",
    budget: float = 0.01,
) -> list[Baseline]:
    """Try several candidates for a spec, and keep the best on the validation records as the run in a folder.

    `out` is then an ordinary run, whose candidates.json says what was tried; the others are in `candidates/`, runs too.
    Ctrl-C ends the candidate that is at work and keeps the best so far. After a kill the same call goes on: what has
    ended is not trained again, and its time counts.

    Args:
        seconds: that all of it may take. The first candidate keeps what it has learned by then, be it half an epoch.
        gone: seconds of these that have gone by already.
        later: how many records will be evaluated after it, for which some of the time is left.
        training: the settings of all; an epoch less where they do not fit.
        quality: "fast", "good" or "best", see `mmzoo.auto.candidates`.
        data, recipe, on_error, budget: as `mmzoo.train` has them.

    Returns:
        The baselines that were fitted, to be evaluated too; none where that was done by an earlier call.

    Raises:
        MMZooError: no candidate can be trained, or `out` holds something else.
    """
    check_number("The time in seconds", seconds, 1e-9, 1e9)
    check_settings(spec, training)
    found = candidates(spec, training, quality)
    folder = Path(out)
    make_folder(folder)
    settings = {"data": data, "seed": seed, "on_error": on_error, "budget": budget}
    asked = {
        "spec": spec.to_json(), "training": training.to_json(), "quality": quality, "seconds": seconds, **settings
    }  # fmt: skip
    fitted: list[Baseline] = []
    with held(folder, "training"), sharing(), stop_requests(signal.SIGINT) as stop:
        trials = Trials.read(folder)
        if trials is None:
            others = sorted(path.name for path in folder.iterdir())
            require(not others, f"The folder '{folder}' is not empty ({others[:1]}); choose another --out.")
        if trials is None or trials.ended_at_once(asked):
            trials = Trials(json.loads(json.dumps(asked)), primary(spec), spec.tasks[0].name, seconds)
            trials.write(folder)
        trials.check_asked(asked, folder)
        if not trials.chosen:
            faults = Faults(on_error, budget)
            train, validation = usable(spec, train, faults, "train"), usable(spec, validation, faults, "validation")
            if on_error != "error":
                write_file(folder / "data_errors.json", json_bytes(faults.to_json()))
                print(faults.table())
            parts = train, validation
            search = Search(folder, trials, *parts, stop, gone=gone, later=later, seed=seed, data=data, quality=quality)
            search.run(found, spec.fit(train))
            fitted = [*search.baselines]
        elif (folder / "model" / "card.json").exists():
            print(f"'{folder}' is trained already.")
            keep_policy(folder, on_error, budget)
        names = [name for each in found for name in (each.name, longer(each.name))] + [DISTILLED]
        if trials.chosen not in names:
            raise unknown("candidate called", trials.chosen, names)
        adopt(folder, trials.chosen, settings, training)
        if recipe and not (folder / "recipe.py").exists():
            write_file(folder / "recipe.py", read_file(recipe))
    return fitted


def adopt(folder: Path, name: str, settings: dict[str, object], training: Training) -> None:
    """Make a candidate's run that of the folder; whatever of it is there already is left."""
    place = check_no_link(folder / "candidates" / name)
    if is_folder(place):
        if (place / "run.json").exists():
            theirs = read_settings(place)
            # What it began with is a candidate's: whoever trains another spec with these settings has none.
            theirs["training"]["init_from"] = training.init_from
            write_file(folder / "run.json", json_bytes({**theirs, **settings, "made_in": made_in(folder)}))
        for each in MOVED:
            if (place / each).exists():
                (place / each).rename(check_absent(folder / each))
        shutil.rmtree(place)
    for other in sorted((folder / "candidates").glob("*/checkpoints/*.checkpoint")):
        discard(other)


def check_absent(path: Path) -> Path:
    """The path; raise if there is anything."""
    require(not path.exists() and not path.is_symlink(), f"'{path}' is in the way; remove it first.")
    return path
