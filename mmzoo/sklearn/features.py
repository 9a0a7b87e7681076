"""Towers and runs as transformers of scikit-learn: pictures, texts or sounds in, vectors out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mmzoo.aliases import Raw, Untyped
from mmzoo.choice import Tower
from mmzoo.data.records import Records
from mmzoo.data.schema.kinds import inputs as input_kinds
from mmzoo.errors import require, unknown
from mmzoo.graph.build import build
from mmzoo.inference.embed import embed
from mmzoo.names import FUSED
from mmzoo.run import Run
from mmzoo.sklearn import global_draws
from mmzoo.spec import Spec
from mmzoo.tasks.regression import Regression

if TYPE_CHECKING:
    from sklearn.utils import Tags

INPUT = "value"


class TowerFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What a tower makes of values of one kind, the mean over their tokens; nothing is trained.

    >>> pipe = make_pipeline(TowerFeatures("text"), LogisticRegression()).fit(texts, labels)
    >>> make_pipeline(TowerFeatures("image", "efficientnet_lite0", {"resolution": 160}), SVC()).fit(paths, labels)

    A value that is missing or says nothing, such as a silent sound, is a vector of zeros.

    Args:
        modality: "text", "image", "audio", "video" or "sensor".
        tower: its name (`mmzoo list towers`); a pretrained one that is installed, or a small random one, if not given.
        options: of the tower.
        random_state: the seed of weights that are not pretrained.
    """

    def __init__(
        self,
        modality: str = "text",
        tower: str = "",
        options: Mapping[str, object] | None = None,
        *,
        random_state: int = 0,
    ) -> None:
        self.modality = modality
        self.tower = tower
        self.options = options
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string, tags.input_tags.allow_nan = False, True, True
        return tags

    def fit(self, X: Untyped, y: Untyped = None) -> Self:
        """Look at the values, for how long or large they are, and make the tower.

        Args:
            X: N values: paths, bytes, arrays or strings; a list, a Series, or a DataFrame of one column.
        """
        import keras

        values = column(X)
        kinds = input_kinds()
        if self.modality not in kinds:
            raise unknown("modality called", self.modality, kinds)
        there = [value for value in values if value is not None]
        require(there, "There are no values to look at; give some.")
        item = kinds[self.modality].guessed(INPUT, there)
        if self.tower:
            item = replace(item, tower=Tower(self.tower, **(self.options or {})))
        spec = Spec([item], "concat", [Regression("none", means=[0.0], deviations=[1.0])])
        with global_draws.kept():
            keras.utils.set_random_seed(self.random_state)
            self.model_ = build(spec.fit(Records({INPUT: values, "none": [0.0] * len(values)})))
        self._n_features_out = self.transform(X[:1]).shape[1]
        return self

    def transform(self, X: Untyped) -> np.ndarray:
        """Vectors, float32 (N, D)."""
        check_is_fitted(self, "model_")
        values = column(X)
        return np.asarray(np.nan_to_num(embed(self.model_, Records({INPUT: values}), towers=True)[INPUT]))

    def __getstate__(self) -> dict[str, object]:
        """The model as its spec and its weights."""
        state = dict(super().__getstate__())
        if (model := state.pop("model_", None)) is not None:
            # As text: Keras wraps the lists and mappings of a model in some that cannot be pickled.
            state["_kept"] = (json.dumps([model.spec.to_json(), model.assets]), model.get_weights())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("_kept", None)
        super().__setstate__(state)
        if kept is not None:
            spec, assets = json.loads(kept[0])
            self.model_ = build(Spec.from_json(spec), files=assets)
            self.model_.set_weights(kept[1])


class Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What a trained run makes of records, `Run.embed`, as features for another model.

    >>> make_pipeline(Embedder("runs/mine"), SVC()).fit(frame[["image", "text"]], frame["label"])

    Zeros stand for an input that a record lacks.

    Args:
        run: the folder of a run.
        inputs: whose vectors stand side by side; "fused", of all inputs together, if not given.
    """

    def __init__(self, run: str = "", inputs: Sequence[str] = (FUSED,)) -> None:
        self.run = run
        self.inputs = inputs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string, tags.input_tags.allow_nan = False, True, True
        return tags

    def fit(self, X: Untyped, y: Untyped = None) -> Self:
        """Open the run."""
        self.run_ = Run(self.run)
        self._n_features_out = self.transform(X[:1]).shape[1]
        return self

    def transform(self, X: Untyped) -> np.ndarray:
        """Vectors, float32 (N, D) of N records: a DataFrame, a list of mappings, `Records`."""
        check_is_fitted(self, "run_")
        found = self.run_.embed(X, inputs=list(self.inputs))
        return np.asarray(np.nan_to_num(np.concatenate([found[name] for name in self.inputs], axis=1)))

    def __getstate__(self) -> dict[str, object]:
        """Without the model, which is in the run's folder."""
        state = dict(super().__getstate__())
        if "run_" in state:
            state["run_"] = Run(self.run)
        return state


def column(X: Untyped) -> list[Raw]:
    """N values of a list, a Series, an array, or the only column of a DataFrame or of an array (N, 1)."""
    if hasattr(X, "columns"):
        require(X.shape[1] == 1, f"A tower reads one column, not {X.shape[1]}; choose one, as ColumnTransformer does.")
        X = X.iloc[:, 0]
    elif isinstance(X, np.ndarray) and X.dtype.kind in "OUS" and X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    return [None if isinstance(value, float) and np.isnan(value) else value for value in X]
