"""The search: the same suggestions for the same results, failures that are results, nothing lost by a kill."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.hpo import tune as home
from mmzoo.hpo.results import Results
from mmzoo.hpo.space import check_space
from mmzoo.hpo.suggestions import METHODS, Suggestions
from mmzoo.hpo.tune import tune
from mmzoo.training.stopping import Interrupted
from tests.conftest import small_records, small_spec, usual

pytest.importorskip("keras_tuner")

ROOT = Path(__file__).parents[2]
SPACE = {
    "training.learning_rate": (1e-4, 1e-1, "log"),
    "dim": (8, 32),
    "fusion": ["concat", {"name": "gated"}],
}
RECIPE = mmzoo.Recipe(small_spec().subset(["words"]), "emoji", mmzoo.Training(epochs=9, batch_size=4))


def score_of(values: dict[str, Any]) -> float:
    """Highest at a rate of 1e-2, and with the gated fusion."""
    return -abs(float(np.log10(values["training.learning_rate"])) + 2) + (values["fusion"] != "concat")


def suggested(method: str, seed: int = 0, trials: int = 15, fails: int = 0) -> list[Any]:
    """What is suggested if the scores are `score_of`, and one trial fails."""
    suggestions, found = Suggestions(method, check_space(SPACE, RECIPE), trials, 9, seed), []
    while suggestion := suggestions.next():
        found.append(suggestion)
        suggestions.tell(None if len(found) == fails else score_of(suggestion.values))
    suggestions.close()
    return found


@pytest.mark.parametrize("method", usual(METHODS, set(METHODS) - {"bayesian"}))
def test_suggestions_follow_from_the_seed_and_the_scores(method: str) -> None:
    trials = 12
    found = suggested(method, trials=trials, fails=3)
    assert len(found) == trials
    assert found == suggested(method, trials=trials, fails=3)
    assert found != suggested(method, seed=1, trials=trials, fails=3)
    for values, _ in found:
        assert list(values) == list(SPACE)
        assert 1e-4 <= values["training.learning_rate"] <= 1e-1
        assert type(values["dim"]) is int
        assert 8 <= values["dim"] <= 32
        assert values["fusion"] in SPACE["fusion"]


def test_hyperband_trains_the_best_third_three_times_as_long() -> None:
    found = suggested("hyperband", trials=100)
    short = [values for values, epochs in found[:9] if epochs == 1]
    assert len(short) == 9
    best = sorted(short, key=score_of)[-3:]
    assert sorted(str(values) for values, epochs in found[9:12] if epochs == 3) == sorted(map(str, best))
    assert {epochs for _, epochs in found} == {1, 3, 9}


@pytest.mark.long
def test_bayesian_search_comes_closer_than_chance() -> None:
    def best(method: str) -> float:
        return float(np.mean([max(score_of(values) for values, _ in suggested(method, seed)) for seed in (0, 1)]))

    assert best("bayesian") > best("random")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """No training: a run whose first epoch is its best. What was asked for is in the list."""
    asked: list[Any] = []

    def train(spec: mmzoo.Spec, train: Any, validation: Any, **options: Any) -> Any:
        asked.append(options["out"])
        fusion = spec.fusion.to_json()
        rate = options["training"].learning_rate
        if rate > 5e-2:
            raise MMZooError("The rate is too high.")
        score = score_of({"training.learning_rate": rate, "fusion": "concat" if fusion["name"] == "concat" else fusion})
        options["out"].mkdir(parents=True)
        rows = [{"epoch": k, "val_accuracy": score - k, "seconds": 2.0} for k in (1, 2)]
        (options["out"] / "history.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return options["out"]

    monkeypatch.setattr(home, "train", train)
    return asked


def run(out: Path, **options: Any) -> Results:
    records = small_records(4)
    return tune(RECIPE, SPACE, records, records, **{"out": out, "method": "random", "trials": 10, **options})


@pytest.mark.long
def test_the_best_on_the_validation_records_is_named(quick: list[Any], tmp_path: Path) -> None:
    found = run(tmp_path / "s")
    failed = [trial for trial in found.trials if trial.values["training.learning_rate"] > 5e-2]
    assert 0 < len(failed) < 10
    assert all(trial.score is None and trial.error == "The rate is too high." for trial in failed)
    best = found.best()
    assert best.score == max(score_of(trial.values) - 1 for trial in found.trials if trial not in failed)
    assert (best.best_epoch, best.seconds, best.epochs) == (1, 4.0, 9)
    table = found.text()
    assert f"Its run: {tmp_path / 's' / 'trials' / f'{best.number:03d}'}" in table
    assert table.splitlines()[1].startswith(str(best.number))
    assert Results.from_json(tmp_path / "s", json.loads((tmp_path / "s" / "results.json").read_text())) == found
    assert (tmp_path / "s" / "results.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.long
def test_what_has_ended_is_not_trained_again(quick: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path / "whole")
    real, count = home.train, 0
    quick.clear()

    def stopping(*records: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == 5:
            raise Interrupted("Stopped at step 7 of 9; run the same command again to go on.", signal.SIGINT)
        return real(*records, **options)

    monkeypatch.setattr(home, "train", stopping)
    with pytest.raises(Interrupted, match="Stopped in trial 4; 4 have ended") as stop:
        run(tmp_path / "parts")
    assert stop.value.code == 130
    assert len(json.loads((tmp_path / "parts" / "results.json").read_text())["trials"]) == 4
    assert run(tmp_path / "parts").trials == whole.trials
    assert [folder.name for folder in quick] == [f"{k:03d}" for k in range(10)], "each once"


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (None, "must define SPACE"),
        ({"dim": []}, "'dim' of the space has no choices"),
        ({"dim": (8,)}, r"a list of choices, \(low, high\)"),
        ({"dim": (32, 8)}, r"a list of choices, \(low, high\)"),
        ({"training.learning_rate": (0, 1, "log")}, "with low above 0"),
        ({"training.learnin_rate": (1e-3, 1e-2)}, "The space tries training.learnin_rate=0.001: There is no training"),
        ({"words.tower": ["transformer", "resnet50"]}, 'tries words.tower="resnet50": Tower .* reads image'),
        ({"dim": (2, 8)}, "tries dim=2: The dim of a spec must be"),
    ],
)
def test_a_space_that_does_not_fit(space: Any, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        check_space(space, RECIPE)


@pytest.mark.long
def test_another_search_is_not_mixed_in(quick: list[Any], tmp_path: Path) -> None:
    run(tmp_path / "s", trials=2)
    with pytest.raises(MMZooError, match="holds another search"):
        run(tmp_path / "s", trials=3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(MMZooError, match="is not empty"):
        run(tmp_path / "full")
    with pytest.raises(MMZooError, match="Did you mean 'random'"):
        run(tmp_path / "other", method="randon")
    with pytest.raises(MMZooError, match=r"No trial of .* succeeded; the first failed so: The rate is too high"):
        tune(RECIPE, {"training.learning_rate": (0.1, 0.2)}, small_records(4), small_records(4), out=tmp_path / "f")


SEARCH = """
import sys
import mmzoo
from mmzoo.hpo.tune import tune
from tests.conftest import small_records, small_spec
recipe = mmzoo.Recipe(small_spec().subset(["words"]), "emoji", mmzoo.Training(epochs=3, batch_size=4))
space = {"training.learning_rate": (1e-3, 1e-2, "log"), "dim": [8, 16]}
found = tune(recipe, space, small_records(16), small_records(8, 1), out=sys.argv[1], method="random", trials=3)
print(found.text())
"""


@pytest.mark.long
def test_a_search_that_is_killed_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the second trial: the first is kept, and all end as those of a search that was not killed."""

    def start(folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "ignore", "-c", SEARCH, str(folder)]
        return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def outcome(folder: Path) -> list[Any]:
        trials = json.loads((folder / "results.json").read_text())["trials"]
        weights = [path.read_bytes() for path in sorted(folder.glob("trials/*/model/weights.safetensors"))]
        return [[{**trial, "seconds": 0.0} for trial in trials], weights]

    process = start(tmp_path / "killed")
    second = tmp_path / "killed" / "trials" / "001" / "history.jsonl"
    while not second.exists() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(json.loads((tmp_path / "killed" / "results.json").read_text())["trials"]) == 1
    again = start(tmp_path / "killed")
    said = again.communicate()[0]
    assert again.returncode == 0
    assert re.findall(r"Trial (\d):", said) == ["1", "2"]
    assert start(tmp_path / "whole").communicate()[0].count("Trial ") >= 3
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
