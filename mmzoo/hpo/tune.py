"""The search: one trial after the other, each a run of its own."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import keras

from mmzoo.aliases import Raw
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError, check_number, require, unknown
from mmzoo.files import subfolder, write_file
from mmzoo.files.folders import check_no_link, held
from mmzoo.hpo.results import Results, Trial
from mmzoo.hpo.space import Space, check_space, setting
from mmzoo.hpo.suggestions import METHODS, Suggestion, Suggestions
from mmzoo.inference.metrics import primary
from mmzoo.messages.words import json_bytes, one_line
from mmzoo.recipe import Recipe
from mmzoo.training.run_folder.claim import make_folder
from mmzoo.training.run_folder.notes import read_history, read_object
from mmzoo.training.stopping import Interrupted
from mmzoo.training.train import train

ANOTHER = "choose another --out or remove the folder first"


class Asked(TypedDict):
    """What was asked for, as search.json has it."""

    recipe: dict[str, object]
    space: Space
    method: str
    trials: int
    seed: int


def tune(
    recipe: Recipe,
    space: Raw,
    records: Records,
    validation: Records,
    *,
    out: str | Path,
    method: str = "bayesian",
    trials: int = 20,
    seed: int = 0,
) -> Results:
    """Train a recipe with settings out of a space, and see which are best on the validation records.

    Args:
        space: see `mmzoo.hpo.space`.
        out: the search's folder: `search.json` (what was asked for), `results.json`, `results.png`, and `trials/`
            with a run for each. One that was stopped, or killed, is gone on with: trials that have ended are not
            trained again, the one that had not ended goes on from its checkpoint.
        method: "random", "bayesian" or "hyperband"; see `Suggestions`.
        trials: how many at most.
        seed: of the suggestions, and of each run.

    Raises:
        MMZooError: the space does not fit the recipe, `out` holds another search, or no trial succeeds. One that fails
            is noted, and the search goes on.
        Interrupted: Ctrl-C or SIGTERM.
    """
    if method not in METHODS:
        raise unknown("method of search called", method, METHODS)
    check_number("The number of trials", trials, 1, 100_000, whole=True)
    space = check_space(space, recipe)
    folder = Path(out)
    asked: Asked = {"recipe": recipe.to_json(), "space": space, "method": method, "trials": trials, "seed": seed}
    make_folder(folder)
    with held(folder, "search"):
        return searched(recipe, space, records, validation, folder, asked)


def searched(
    recipe: Recipe, space: Space, records: Records, validation: Records, folder: Path, asked: Asked
) -> Results:
    """What `tune` does in its folder, which is held."""
    method, trials, seed = asked["method"], asked["trials"], asked["seed"]
    results = found_results(folder, asked, recipe)
    ended = list(results.trials)
    results.trials.clear()
    suggestions = Suggestions(method, space, trials, recipe.training.epochs, seed)
    try:
        while suggestion := suggestions.next():
            number = len(results.trials)
            if number < len(ended):
                trial = ended[number]
                require(
                    trial.values == suggestion.values,
                    f"The trials in '{folder}' are not those that this version of KerasTuner suggests; use the version "
                    "that began the search, or choose another --out.",
                )
            else:
                trial = one_trial(recipe, suggestion, records, validation, results, number, seed)
            results.trials.append(trial)
            write_file(folder / "results.json", json_bytes(results.to_json()))
            suggestions.tell(trial.score)
    except Interrupted as stop:
        number = len(results.trials)
        stop.args = (f"Stopped in trial {number}; {number} have ended. Run the same command again to go on.",)
        raise
    finally:
        suggestions.close()
    results.best()
    results.draw(folder / "results.png")
    return results


def found_results(folder: Path, asked: Asked, recipe: Recipe) -> Results:
    """The results that are in the folder, which is made this search's if it is nobody's."""
    asked = json.loads(json.dumps(asked))
    place, past = folder / "search.json", folder / "results.json"
    metric = recipe.training.monitor or primary(recipe.spec)
    if os.path.lexists(place):
        same = read_object(place, ANOTHER) == asked
        require(same, f"'{folder}' holds another search; {ANOTHER}.")
    else:
        require(not any(folder.iterdir()), f"'{folder}' is not empty; choose another --out.")
        write_file(place, json_bytes(asked))
    if not os.path.lexists(past):
        return Results(folder, metric)
    try:
        found = Results.from_json(folder, read_object(past, ANOTHER))
        require(found.metric == metric, f"'{past}' is of another metric; {ANOTHER}.")
        return found
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, MMZooError):
            raise
        raise MMZooError(f"'{past}' is damaged ({one_line(error)}); {ANOTHER}.") from None


def one_trial(
    recipe: Recipe,
    suggestion: Suggestion,
    records: Records,
    validation: Records,
    results: Results,
    number: int,
    seed: int,
) -> Trial:
    """Train with what is suggested; a failure is a result, too."""
    settings = [setting(key, value) for key, value in suggestion.values.items()]
    if suggestion.epochs is not None:
        settings.append(setting("training.epochs", suggestion.epochs))
    print(f"Trial {number}: {', '.join(settings)}")
    keras.backend.clear_session()
    trial = Trial(number, suggestion.values, suggestion.epochs or recipe.training.epochs)
    try:
        changed = recipe.changed(settings)
        trained = train(
            changed.spec,
            records,
            validation,
            training=changed.training,
            seed=seed,
            out=check_no_link(subfolder(results.folder, "trials") / results.run(trial).name),
            data=changed.data,
        )
    except MMZooError as error:
        return replace(trial, error=str(error))
    rows, metric = read_history(trained), f"val_{results.metric}"
    finite = [row for row in rows if row.get(metric) is not None]
    if not finite:
        return replace(trial, error=f"No epoch has a finite {metric}.")
    best = max(finite, key=lambda row: (row[metric], row["epoch"]))
    return replace(
        trial,
        epochs=changed.training.epochs,
        score=best[metric],
        best_epoch=int(best["epoch"] or 0),
        seconds=sum(row["seconds"] or 0.0 for row in rows),
    )
