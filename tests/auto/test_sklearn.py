"""mmzoo in scikit-learn: its own checks, a pipeline, a cross-validation with a column of texts, pickles."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.sklearn import Embedder, MultimodalClassifier, MultimodalRegressor, TowerFeatures
from tests.conftest import LABELS, small_records

pandas = pytest.importorskip("pandas")
TINY = mmzoo.Training(epochs=2, batch_size=32, learning_rate=1e-2, ema_decay=0.0)
ENOUGH = mmzoo.Training(epochs=40, batch_size=16, learning_rate=1e-2, ema_decay=0.0)

QUICK = {  # those that fit nothing, or once
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
}
ROUNDED = "float32: an answer differs in its seventh digit with the records that are computed beside it"
LEARNS = {"check_classifiers_train", "check_classifiers_classes", "check_regressors_train"}
"""Those that ask how good the answers are."""
EXPECTED = {
    "check_methods_subset_invariance": ROUNDED,
    "check_methods_sample_order_invariance": ROUNDED,
}


def checks(long: bool) -> list[Any]:
    """scikit-learn's own checks as parameters of a test."""
    found = []
    for estimator in (
        made(training=training) for made in (MultimodalClassifier, MultimodalRegressor) for training in (TINY, ENOUGH)
    ):
        for each, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            if (name not in QUICK) == long and (name in LEARNS) == (estimator.training is ENOUGH):
                reason = EXPECTED.get(name)
                marks = [pytest.mark.xfail(reason=reason, strict=False)] if reason else []
                found.append(pytest.param(each, check, marks=marks, id=f"{type(estimator).__name__}-{name}"))
    return found


@pytest.mark.parametrize(("estimator", "check"), checks(long=False))
def test_what_scikit_learn_asks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.long
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("estimator", "check"), checks(long=True))
def test_all_that_scikit_learn_asks(estimator: Any, check: Any) -> None:
    check(estimator)


def frame_of(count: int, seed: int = 0) -> Any:
    """Words, a number and a label."""
    records = small_records(count, seed)
    labels = records.column("animal")
    random = np.random.default_rng(seed)
    weight = [LABELS.index(label) + 0.1 * random.normal() for label in labels]
    return pandas.DataFrame({"words": records.column("words"), "weight": weight, "animal": labels})


@pytest.mark.long
def test_a_table_with_texts_in_a_cross_validation() -> None:
    frame = frame_of(60)
    words = mmzoo.Text("words", max_bytes=32, tokens=6, tower=mmzoo.Tower("embedding_mean"))
    row = mmzoo.Tabular("row", numbers=["weight"], tower=mmzoo.Tower("mlp", width=16))
    spec = mmzoo.Spec([words, row], "concat", [mmzoo.Classification("any", labels=["x", "y"])], dim=16)
    model = MultimodalClassifier(spec=spec, training=ENOUGH, epochs=15)
    assert clone(model).get_params()["epochs"] == 15
    scores = cross_val_score(model, frame[["words", "weight"]], frame["animal"], cv=2)
    assert scores.min() > 0.8, scores


def test_a_guessed_table_and_a_pickle(tmp_path: Path) -> None:
    frame = frame_of(80)
    frame.loc[3, "weight"] = np.nan
    model = MultimodalClassifier(epochs=3, kinds={"words": "ignore"}, out=str(tmp_path / "run"))
    asked = frame[["words", "weight"]]
    model.fit(asked, frame["animal"])
    shares = model.predict_proba(asked)
    assert (model.classes_.tolist(), shares.shape, model.n_features_in_) == (sorted(LABELS), (80, 3), 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict_proba(asked), shares, atol=1e-6)
    assert again.run_.folder != model.run_.folder
    with pytest.raises(MMZooError, match="is there already; every fit needs"):
        MultimodalClassifier(epochs=4, out=str(tmp_path / "run")).fit(asked, frame["animal"])
    with pytest.raises(MMZooError, match="There is only one class, 'cat'"):
        MultimodalClassifier().fit(asked, ["cat"] * 80)
    with pytest.raises(MMZooError, match="y has 2 different labels in 3 records, such as 'cat'; give more records"):
        MultimodalClassifier().fit(asked[:3], ["cat", "dog", "cat"])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(asked.rename(columns={"weight": "mass"}))


@pytest.mark.long
def test_numbers_and_an_array() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 3))
    y = 100 + 10 * x[:, 0] - 5 * x[:, 1]
    x[5, 2] = np.nan
    model = MultimodalRegressor(training=ENOUGH).fit(x, y)
    assert model.score(x, y) > 0.7
    assert (model.predict(x).dtype, model.predict(x).shape) == (np.float64, (120,))


@pytest.mark.long
def test_towers_and_runs_in_a_pipeline(learned: Path) -> None:
    records = small_records(40, 5)
    words, labels = records.column("words"), records.column("animal")
    for features, values in (
        (TowerFeatures("text", "embedding_bag", {"width": 64}), words),
        (TowerFeatures("image", "small_cnn", {"filters": [4, 8]}), records.column("picture")),
    ):
        pipe = make_pipeline(features, StandardScaler(), LogisticRegression(max_iter=500)).fit(values, labels)
        assert pipe.score(values, labels) > 0.8
        again = pickle.loads(pickle.dumps(pipe))
        np.testing.assert_allclose(again.predict_proba(values), pipe.predict_proba(values), atol=1e-5)
        made = clone(features).fit(values)
        np.testing.assert_allclose(made.transform(values), pipe[0].transform(values), atol=1e-5)
        assert len(made.get_feature_names_out()) == made.transform(values).shape[1]
    assert not made.transform([None]).any()
    run = Embedder(str(learned), inputs=["fused", "words"])
    rows = [{"words": each} for each in words]
    pipe = make_pipeline(run, LogisticRegression()).fit(rows, labels)
    assert pipe.score(rows, labels) > 0.8
    with pytest.raises(MMZooError, match="modality called 'picture'"):
        TowerFeatures("picture").fit(words)
    with pytest.raises(MMZooError, match="A tower reads one column, not 2"):
        TowerFeatures().fit(pandas.DataFrame({"a": ["x"], "b": ["y"]}))


@pytest.mark.long
def test_the_best_of_several_within_a_time() -> None:
    frame = frame_of(120)
    model = MultimodalClassifier(minutes=0.5, quality="fast").fit(frame[["words", "weight"]], frame["animal"])
    assert model.score(frame[["words", "weight"]], frame["animal"]) > 0.9
