"""Multimodal models as classifiers and regressors of scikit-learn."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_X_y, column_or_1d, validate_data

from mmzoo.aliases import Raw, Untyped
from mmzoo.answers.given import joined
from mmzoo.auto.defaults import training_for, with_auxiliary
from mmzoo.data.guess import table_spec
from mmzoo.data.records import Records, decode
from mmzoo.data.rereading import Reread
from mmzoo.data.schema.layout import Layout
from mmzoo.data.schema.options import Options
from mmzoo.data.sources import read_table
from mmzoo.errors import require
from mmzoo.files import read_file, write_file
from mmzoo.fitting import train_within
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.modalities.tabular import Tabular
from mmzoo.run import Run
from mmzoo.run.training import train
from mmzoo.sklearn import global_draws
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.tasks.classification import Classification
from mmzoo.tasks.regression import Regression
from mmzoo.training.settings import Training

if TYPE_CHECKING:
    from sklearn.utils import Tags

TARGET = "target"
HELD_OUT = 0.15
"""The share of the records that choose the best epoch, or the best candidate."""
FEWEST = 40
"""Records; of fewer all are learnt from, and the last epoch is kept."""
AT_ONCE = 1024


class Multimodal(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor have in common.

    Args:
        minutes: if given, several candidates are compared within that time, as `mmzoo.fit` does; else one is trained.
        quality: of that search: "fast", "good" or "best".
        epochs: in place of those of `training`.
        spec: inputs, fusion and width of the model, whose inputs are columns of X; its tasks do not count. Guessed from
            the columns if not given.
        training: the settings; such as suit the number of records, if not given.
        kinds: what columns are, where the guess is wrong: `{"zip": "category"}`.
        root: the folder that paths in X are relative to; this one, if not given.
        out: the run's folder, which must be new to each fit; if not given a temporary one that goes with the estimator.
        random_state: the seed, a whole number.
        verbose: is what training prints shown?
    """

    def __init__(
        self,
        *,
        minutes: float | None = None,
        quality: str = "good",
        epochs: int | None = None,
        spec: Spec | None = None,
        training: Training | None = None,
        kinds: dict[str, str] | None = None,
        root: str = "",
        out: str | None = None,
        random_state: int = 0,
        verbose: bool = False,
    ) -> None:
        self.minutes = minutes
        self.quality = quality
        self.epochs = epochs
        self.spec = spec
        self.training = training
        self.kinds = kinds
        self.root = root
        self.out = out
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _fit(self, X: Untyped, cells: list[Raw], task: Task) -> None:
        """Train on records whose labels, as the task takes them, are `cells`."""
        taken = self.out is not None and os.path.lexists(self.out)
        require(not taken, f"'{self.out}' is there already; every fit needs an 'out' of its own, or none.")
        spec, records = self._records(X, cells, task)
        chosen = held_out(cells, self.random_state, task.tags.exclusive)
        kept, validation = (records.select(np.flatnonzero(rows).tolist()) for rows in (~chosen, chosen))
        settings = self.training or training_for(spec, len(kept))
        settings = settings if self.epochs is None else replace(settings, epochs=self.epochs)
        out = Path(self.out) if self.out is not None else self._home() / "run"
        how: dict[str, Any] = {"training": settings, "out": out, "seed": self.random_state}
        with global_draws.kept(), nullcontext() if self.verbose else redirect_stdout(io.StringIO()):
            if self.minutes is None:
                self.run_ = train(spec, kept, validation if len(validation) else None, **how)
            else:
                splits = (kept, validation, validation)
                self.run_, _ = train_within(spec, splits, seconds=60 * self.minutes, quality=self.quality, **how)

    def _records(self, X: Untyped, cells: list[Raw], task: Task) -> tuple[Spec, Records]:
        """The spec, and the records under its names with their labels."""
        if not is_frame(X):
            names = columns_of(X)
            spec = self.spec or Spec([Tabular("row", numbers=names)], "concat", [task])
            spec = replace(spec, tasks=[task], task_weights="fixed")
            records = joined(Reread(spec, Layout.of(spec.inputs, [])).pieces(frame_of(X), AT_ONCE))
            return spec, Records({**records.columns, TARGET: cells}, records.ids, layout=Layout.of(spec.inputs, [task]))
        if self.spec is not None:
            spec = replace(self.spec, tasks=[task], task_weights="fixed")
            layout = Layout.of(spec.inputs, [task])
            records = joined(Reread(spec, layout, Options(root=self.root)).pieces(X, AT_ONCE))
            return spec, Records({**records.columns, TARGET: cells}, records.ids, layout=layout)
        require(TARGET not in X.columns, f"The label is called '{TARGET}' beside the columns of X; rename that column.")
        table = read_table(X.assign(**{TARGET: cells}), root=self.root or None, kinds=dict(self.kinds or {}))
        spec, records = table_spec(table, TARGET, task=task.kind)
        columns = {**records.columns, TARGET: cells}
        spec = with_auxiliary(replace(spec, tasks=[task]))
        return spec, Records(columns, records.ids, layout=records.layout)

    def _answers(self, X: Untyped) -> np.ndarray:
        """The model's answers, (N, K)."""
        check_is_fitted(self, "run_")
        X = self._checked(X)
        found = [
            to_predictions(self.run_.spec, run_model(self.run_.model, decode(self.run_.spec, piece.records)))[TARGET]
            for piece in self.run_.reading(Options(root=self.root)).pieces(X if is_frame(X) else frame_of(X), AT_ONCE)
        ]
        return np.concatenate(found)

    def _home(self) -> Path:
        """A new folder that goes when this estimator does."""
        folder = Path(tempfile.mkdtemp(prefix="mmzoo-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _checked(self, X: Untyped) -> Untyped:
        if is_frame(X):
            validate_data(self, X, skip_check_array=True, reset=False)
            return X
        return validate_data(self, X, reset=False, dtype="numeric", ensure_all_finite="allow-nan")

    def _checked_both(self, X: Untyped, y: Untyped, numeric: bool) -> tuple[Untyped, np.ndarray]:
        """X and y, with what they are remembered by."""
        if is_frame(X):
            validate_data(self, X, skip_check_array=True)
            _, y = check_X_y(np.zeros((len(X), 1)), y, y_numeric=numeric)
            return X, y
        X, y = validate_data(self, X, y, dtype="numeric", y_numeric=numeric, ensure_all_finite="allow-nan")
        return X, column_or_1d(y)

    def __getstate__(self) -> dict[str, object]:
        """The files of the run's model in place of the run, so that a pickle is whole by itself."""
        state = dict(super().__getstate__())
        if isinstance(run := state.pop("run_", None), Run):
            state["_files"] = {name: read_file(run.folder / name) for name in files_of(run.folder)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop("_files", None)
        super().__setstate__(state)
        if files is not None:
            folder = self._home() / "run"
            (folder / "model").mkdir(parents=True)
            for name, data in files.items():
                write_file(folder / name, data)
            self.run_ = Run(folder)


class MultimodalClassifier(ClassifierMixin, Multimodal):  # type: ignore[misc]
    """One label of several, from a DataFrame with columns of texts, paths of pictures and sounds, numbers, categories.

    >>> from mmzoo.sklearn import MultimodalClassifier
    >>> model = MultimodalClassifier(minutes=5).fit(frame[["text", "price"]], frame["label"])
    >>> cross_val_score(MultimodalClassifier(epochs=10), frame[["text", "price"]], frame["label"])

    An array (N, D) is D columns of numbers, NaN where one is missing. See `Multimodal` for the arguments.
    """

    def fit(self, X: Untyped, y: Untyped) -> Self:
        """Train.

        Args:
            X: a DataFrame of pandas, or an array (N, D) of numbers.
            y: (N,), a label each.
        """
        X, y = self._checked_both(X, y, numeric=False)
        check_classification_targets(y)
        self.classes_, places = np.unique(y, return_inverse=True)
        said = f"There is only one class, '{self.classes_[0]}'; give records of two or more."
        require(len(self.classes_) > 1, said)
        require(
            2 * len(self.classes_) <= len(y),
            f"y has {len(self.classes_)} different labels in {len(y)} records, such as '{self.classes_[0]}'; give more "
            "records of each.",
        )
        labels = [f"class {k}" for k in range(len(self.classes_))]
        self._fit(X, [labels[k] for k in places.tolist()], Classification(TARGET, labels=tuple(labels)))
        return self

    def predict_proba(self, X: Untyped) -> np.ndarray:
        """The probabilities (N, K) of `classes_`."""
        shares = self._answers(X).astype(np.float64)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict(self, X: Untyped) -> np.ndarray:
        """The likeliest label of each record, (N,)."""
        places = self._answers(X).argmax(axis=1)
        return np.asarray(self.classes_[places])


class MultimodalRegressor(RegressorMixin, Multimodal):  # type: ignore[misc]
    """A number, from what `MultimodalClassifier` takes."""

    def fit(self, X: Untyped, y: Untyped) -> Self:
        """Train on numbers y (N,)."""
        X, y = self._checked_both(X, y, numeric=True)
        self._fit(X, y.astype(float).tolist(), Regression(TARGET))
        return self

    def predict(self, X: Untyped) -> np.ndarray:
        """The numbers, (N,)."""
        return np.asarray(self._answers(X)[:, 0].astype(np.float64))


def is_frame(X: Untyped) -> bool:
    """Is it a DataFrame of pandas?"""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def columns_of(X: np.ndarray) -> list[str]:
    """The names of an array's columns."""
    return [f"x{k}" for k in range(X.shape[1])]


def frame_of(X: np.ndarray) -> dict[str, list[Raw]]:
    """An array as a table; None where a number is missing."""
    cells = X.astype(np.float64)
    return {
        name: [None if np.isnan(value) else value for value in column.tolist()]
        for name, column in zip(columns_of(X), cells.T, strict=True)
    }


def held_out(cells: list[Raw], seed: int, classes: bool) -> np.ndarray:
    """Which records choose the best epoch, bool (N,): a share of each class, or of all."""
    found = np.zeros(len(cells), bool)
    if len(cells) < FEWEST:
        return found
    random = np.random.default_rng(seed)
    groups = np.unique(np.asarray(cells), return_inverse=True)[1] if classes else np.zeros(len(cells), int)
    for group in np.unique(groups):
        rows = random.permutation(np.flatnonzero(groups == group))
        found[rows[: round(HELD_OUT * len(rows))]] = True
    return found


def files_of(folder: Path) -> Iterator[str]:
    """The files of a run that answer needs."""
    yield from ("spec.json", "run.json")
    yield from (f"model/{path.name}" for path in sorted((folder / "model").iterdir()) if path.is_file())
