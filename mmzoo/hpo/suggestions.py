"""What to try next, by KerasTuner's oracles."""

from __future__ import annotations

import tempfile
from typing import NamedTuple

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError
from mmzoo.hpo.space import Space, hyperparameters, plain_values

METHODS = ("random", "bayesian", "hyperband")


class Suggestion(NamedTuple):
    """values: by setting; epochs: so many of training, None for what the recipe says."""

    values: dict[str, object]
    epochs: int | None


class Suggestions:
    """Suggestions that follow from a seed and from the scores of those before: told the same, they are the same.

    So a search that was stopped is told again what its trials gave, and goes on as if it had not been.

    Args:
        method: "random"; "bayesian", a Gaussian process and its upper confidence bound, after three random trials a
            setting (Snoek et al. 2012, arXiv:1206.2944); or "hyperband", many short trials, of which the best third
            is trained anew three times as long, and so on (Li et al. 2018, arXiv:1603.06560).
        epochs: of the longest trial; for "hyperband".

    Raises:
        MMZooError: KerasTuner is not installed.
    """

    def __init__(self, method: str, space: Space, trials: int, epochs: int, seed: int) -> None:
        try:
            import keras_tuner
        except ImportError as error:
            raise MMZooError("A search needs KerasTuner; install it: pip install 'mmzoo[tune]'.") from error

        self.space, self.left = space, trials
        common: dict[str, Untyped] = {
            "objective": keras_tuner.Objective("score", "max"),
            "hyperparameters": hyperparameters(space),
            "seed": seed + 1,  # 0 would be drawn
            "max_consecutive_failed_trials": trials + 1,
        }
        if method == "random":
            self.oracle = keras_tuner.oracles.RandomSearchOracle(max_trials=trials, **common)
        elif method == "bayesian":
            self.oracle = keras_tuner.oracles.BayesianOptimizationOracle(max_trials=trials, **common)
        else:
            self.oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, **common)
        self.oracle.verbose = 0
        self.folder = tempfile.TemporaryDirectory()  # it writes down what is known from the trials
        keras_tuner.engine.base_tuner.BaseTuner(self.oracle, directory=self.folder.name, project_name="search")
        self.trial: Untyped = None

    def next(self) -> Suggestion | None:
        """What to try next; None where nothing is left."""
        if not self.left:
            return None
        self.left -= 1
        self.trial = self.oracle.create_trial("mmzoo")
        if self.trial.status != "RUNNING":
            return None
        suggested = self.trial.hyperparameters.values
        return Suggestion(plain_values(self.space, suggested), suggested.get("tuner/epochs"))

    def tell(self, score: float | None) -> None:
        """What the last suggestion gave: the higher the better; None where it failed."""
        if score is None:
            self.trial.status = "FAILED"
        else:
            self.oracle.update_trial(self.trial.trial_id, {"score": score})
            self.trial.status = "COMPLETED"
        self.oracle.end_trial(self.trial)

    def close(self) -> None:
        """Remove what the oracle wrote."""
        self.folder.cleanup()
