"""Boosted trees in the graph against scikit-learn's own answers, and what a stranger's trees can do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import issparse
from threadpoolctl import threadpool_limits

import mmzoo
from mmzoo.artifact import load
from mmzoo.boosting import grow
from mmzoo.boosting.committee import Committee, Shape
from mmzoo.boosting.hiding import SHARE, Hiding
from mmzoo.boosting.linear import Encoding, fit_linear
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.export.tflite.measure import as_tensors
from mmzoo.inference.metrics import metrics
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.streaming import built
from mmzoo.towers.boosted_trees import Forest
from tests.conftest import once


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two would wait for each other after every feature of every tree."""
    with threadpool_limits(1):
        yield


SHAPE = Shape(trees=30, leaves=6, depth=5, rate=0.3, members=3)


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    """Rows of numbers of any size, of few different ones (places of categories), and of gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(30, 80)), draw(st.integers(1, 5))
    found = []
    for _ in range(columns):
        scale = 10.0 ** draw(st.integers(-20, 20))
        column = rng.integers(0, 6, rows) * 1.0 if draw(st.booleans()) else rng.normal(size=rows) * scale
        column[rng.random(rows) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
        found.append(column)
    return np.stack(found, axis=1).astype(np.float32)


def labels_for(matrix: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """Labels that depend on the first column and on chance; numbers, if there are no classes."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(matrix[:, 0])
    if not classes:
        return np.asarray(rng.normal(size=len(matrix)) + np.sign(known))
    return np.where(rng.random(len(matrix)) < 0.5, known > 0, rng.integers(0, classes, len(matrix))).astype(int)


def scores_by_scikit_learn(committee: Committee, kept: int, matrix: np.ndarray) -> np.ndarray:
    """The mean of the members' own answers after so many trees, float (N, K)."""
    found = []
    for member in committee.members:
        staged = member.staged_decision_function if committee.scores else member.staged_predict
        found.append([np.asarray(each) for each in staged(matrix)][kept - 1].reshape(len(matrix), -1))
    return np.asarray(np.mean(found, axis=0))


@settings(max_examples=8, deadline=None)
@given(matrix=tables(), classes=st.sampled_from([0, 2, 3]), seed=st.integers(0, 5))
def test_the_graph_answers_as_scikit_learn_does(matrix: np.ndarray, classes: int, seed: int) -> None:
    labels = labels_for(matrix, classes, seed)
    if classes and np.bincount(labels, minlength=classes).min() < SHAPE.members:
        return  # a member that knows fewer classes has another form, see below
    scores = 0 if not classes else 1 if classes == 2 else classes
    committee = Committee(matrix.astype(np.float64), labels, scores, SHAPE, seed=seed)
    grown = committee.grow(lambda: False, lambda trees, loss: None)
    layer = Forest(len(grown), SHAPE.trees, SHAPE.leaves, SHAPE.depth, SHAPE.rate, SHAPE.members)
    layer.build((None, matrix.shape[1]))
    layer.hold(grown)
    kept = len(grown[0].trees) // SHAPE.members
    wanted = scores_by_scikit_learn(committee, kept, matrix.astype(np.float64))
    np.testing.assert_allclose(np.asarray(layer(matrix)), wanted, atol=1e-5, rtol=1e-5)
    # On a threshold, and next to it.
    some = np.nextafter(matrix, np.float32(np.inf))
    wanted = scores_by_scikit_learn(committee, kept, some.astype(np.float64))
    np.testing.assert_allclose(np.asarray(layer(some)), wanted, atol=1e-5, rtol=1e-5)


def test_records_are_scored_by_those_that_have_not_seen_them() -> None:
    """Labels that are pure chance are known to trees that have seen them, and to no others."""
    rng = np.random.default_rng(0)
    matrix, labels = rng.normal(size=(200, 5)).astype(np.float32), rng.integers(0, 2, 200)
    committee = Committee(matrix.astype(np.float64), labels, 1, SHAPE)
    (grown,) = committee.grow(lambda: False, lambda trees, loss: None)
    kept = len(grown.trees) // SHAPE.members
    seen = scores_by_scikit_learn(committee, kept, matrix.astype(np.float64))[:, 0]
    assert ((seen > 0) == labels).mean() > 0.75
    assert ((grown.left_out > 0) == labels).mean() < 0.6


def test_what_is_a_line_is_linear() -> None:
    """Numbers that are a line in a number and in a category: the graph says what ridge regressions say, on the mean."""
    rng = np.random.default_rng(0)
    matrix = np.stack([rng.normal(2000, 9, 90), rng.integers(0, 4, 90) * 1.0], axis=1).astype(np.float32)
    matrix[::10, 0] = np.nan
    known = np.nan_to_num(matrix[:, 0], nan=2000.0) - 2000.0
    labels = known / 9 + (matrix[:, 1] == 2) + rng.normal(size=90) * 0.05
    encoding = Encoding.of(matrix.astype(np.float64), 1, [4])
    task = mmzoo.Regression("size")
    (grown,) = grow(task, matrix, labels[:, None], SHAPE, encoding)
    assert grown.weights is not None
    assert np.std(grown.left_out - labels) < 0.15
    layer = Forest(1, SHAPE.trees, SHAPE.leaves, SHAPE.depth, SHAPE.rate, SHAPE.members, 1, [4])
    layer.build((None, 2))
    layer.hold([grown], encoding)
    trees = np.asarray(layer.of_trees(matrix))[:, 0]
    wanted = encoding(matrix.astype(np.float64)) @ grown.weights + grown.base
    np.testing.assert_allclose(np.asarray(layer(matrix))[:, 0] - trees, wanted, atol=2e-5)
    assert np.std(np.asarray(layer(matrix))[:, 0] - labels) < 0.1


def test_each_of_many_categories_counts() -> None:
    """The most frequent are not all: rare ones are told apart by the linear part, which is sparse then."""
    rng = np.random.default_rng(0)
    sizes = [402, 3]
    effects = rng.normal(size=402)
    matrix = np.stack([rng.normal(size=3000), rng.integers(2, 402, 3000), rng.integers(0, 3, 3000)], axis=1)
    matrix = matrix.astype(np.float32)
    labels = matrix[:, 0] + effects[matrix[:, 1].astype(int)]
    encoding = Encoding.of(matrix.astype(np.float64), 1, sizes)
    assert issparse(encoding(matrix.astype(np.float64)))
    (grown,) = grow(mmzoo.Regression("size"), matrix, labels[:, None], SHAPE, encoding)
    assert np.std(grown.left_out - labels) < 0.5 * np.std(labels)
    layer = Forest(1, SHAPE.trees, SHAPE.leaves, SHAPE.depth, SHAPE.rate, SHAPE.members, 1, sizes)
    layer.build((None, 3))
    layer.hold([grown], encoding)
    assert grown.weights is not None
    wanted = encoding(matrix.astype(np.float64)) @ grown.weights
    np.testing.assert_allclose(np.asarray(layer.linear(matrix))[:, 0], wanted, atol=2e-5)
    beyond = np.array([[0.0, 9999.0, np.nan], [0.0, -5.0, 2.0]], np.float32)  # of whoever writes his own rows
    assert np.isfinite(np.asarray(layer(beyond))).all()


@pytest.mark.parametrize("labels", [np.zeros(40, int), np.r_[np.zeros(37, int), 1, 1, 2], np.arange(9) % 3])
def test_few_records_and_few_of_a_class(labels: np.ndarray) -> None:
    """Whatever the training records lack, each class has a score, and one that nobody has is not likely."""
    rng = np.random.default_rng(0)
    task = mmzoo.Classification("kind", labels=["a", "b", "c", "d"])
    grown = grow(task, rng.normal(size=(len(labels), 2)).astype(np.float32), labels, SHAPE)
    assert len(grown) == 4
    scores = np.stack([each.left_out for each in grown], axis=1)
    assert scores.shape == (len(labels), 4)
    assert np.isfinite(scores).all()
    assert (scores[:, 3] < scores[:, 0]).all()


TREES = mmzoo.Tower("boosted_trees", trees=40, leaves=4, rate=0.4, members=2)
ROW = mmzoo.Tabular("row", numbers=["a", "b"], categories=["c"], dates=["d"], tower=TREES)
TASKS = [
    mmzoo.Classification("kind", labels=["low", "middle", "high"]),
    mmzoo.Binary("large"),
    mmzoo.Regression("size"),
    mmzoo.MultiLabel("signs", labels=["plus", "wide"]),
    mmzoo.Ordinal("grade", labels=["1", "2", "3"]),
]


def records(count: int, seed: int) -> mmzoo.Records:
    """Rows whose numbers, category and date all say something of every label."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=count), rng.normal(size=count), rng.integers(0, 3, count)
    month = rng.integers(1, 13, count)
    size = 2 * a + b * (c == 1) + (month > 6)
    place = (size > -0.5).astype(int) + (size > 1)
    rows = [
        {"a": None if k % 9 == 0 else float(a[k]), "b": float(b[k]), "c": "xyz"[c[k]], "d": f"2024-{month[k]:02}-05"}
        for k in range(count)
    ]
    return mmzoo.Records(
        {
            "row": rows,
            "words": ["up it goes" if a[k] > 0 else "down it goes" for k in range(count)],
            "kind": [["low", "middle", "high"][k] for k in place],
            "large": [bool(each > 0.5) for each in size],
            "size": (1000 + 100 * size).tolist(),
            "signs": [[name for name, is_so in (("plus", x > 0), ("wide", abs(x) > 1)) if is_so] for x in size],
            "grade": ["123"[k] for k in place],
        }
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of trees for a task of every kind; only to be read."""
    spec = mmzoo.Spec([ROW], "calibrated", TASKS, dim=8)
    training = mmzoo.Training(epochs=50, batch_size=16)
    splits = records(150, 0), records(80, 1)
    return once(tmp_path_factory, "trees", lambda out: mmzoo.train(spec, *splits, training=training, out=out))


def test_a_run_of_trees_is_a_run_like_any_other(fitted: Path) -> None:
    """Nothing trains, so that there are no epochs; every task is answered far better than by chance."""
    assert len((fitted / "history.jsonl").read_text().splitlines()) == 1
    model, test = load(fitted / "model"), records(80, 2)
    assert not model.trainable_weights
    found = metrics(
        model.spec,
        to_predictions(model.spec, run_model(model, decode(model.spec, test))),
        encode_labels(model.spec.tasks, test),
    )
    least = {"kind_accuracy": 0.7, "large_accuracy": 0.8, "size_r2": 0.6, "signs_macro_f1": 0.7, "grade_kappa": 0.7}
    assert {name: found[name] > limit for name, limit in least.items()} == dict.fromkeys(least, True), found
    assert 900 < to_predictions(model.spec, run_model(model, decode(model.spec, test)))["size"].mean() < 1100


def test_trees_of_a_stranger_stay_within_bounds(fitted: Path, tmp_path: Path) -> None:
    """Whatever the indices in a file of weights are, nothing outside of the tree and the row is read, by TFLite too."""
    model = load(fitted / "model")
    batch = decode(model.spec, records(9, 3))  # the first has no number a
    layer, rng = model.parts.of("row").fitted, np.random.default_rng(0)
    for weight in (layer.columns, layer.children, layer.missing):
        weight.assign(rng.integers(-(2**31), 2**31 - 1, weight.shape))
    wanted = to_predictions(model.spec, run_model(model, batch))
    assert all(np.isfinite(each).all() for each in wanted.values())
    Serving(model, batch=1).save(tmp_path / "model", "serve_tensors")
    lite = Interpreter(model_content=converted(str(tmp_path / "model"))).get_signature_runner("serving_default")
    for row in range(len(batch["present"])):
        found = lite(**as_tensors({name: array[row : row + 1] for name, array in batch.items()}))
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name][0], value[row], atol=1e-5, rtol=1e-5, err_msg=f"{name}, row {row}")


def test_a_fusion_adds_to_the_scores_of_a_row_that_is_there() -> None:
    """With a head that says nothing the answer is the trees', and without the row it is nobody's."""
    words = mmzoo.Text("words", tokens=4, tokenizer=mmzoo.Tokenizer("hashed_words", buckets=16), tower="embedding_mean")
    spec = mmzoo.Spec([ROW, words], "concat", [replace(TASKS[0], auxiliary=1.0)], dim=8).fit(records(30, 0))
    model, batch = mmzoo.build(spec), decode(spec, records(8, 1))
    for layer in model.parts.heads["kind"].fused:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    found = run_model(model, batch)
    assert np.ptp(found["kind"]) > 0
    np.testing.assert_allclose(found["kind"], found["kind.row"], atol=1e-6)
    batch["present"][:, 0] = False
    np.testing.assert_array_equal(run_model(model, batch)["kind"], 0.0)


def test_what_cannot_be_fitted_is_refused_in_words(tmp_path: Path) -> None:
    spec = mmzoo.Spec([ROW], "concat", [mmzoo.Reconstruction("again", input="row")], dim=8)
    with pytest.raises(MMZooError, match="Tower 'boosted_trees' of input 'row' is fitted to labels"):
        mmzoo.train(spec, records(30, 0), records(30, 1), out=tmp_path / "run")
    spec = mmzoo.Spec([ROW], "calibrated", TASKS, dim=8).fit(records(30, 0))
    with pytest.raises(MMZooError, match="fitted to all records at once, which a stream does not have"):
        built(spec, mmzoo.Training(), 0)
    spec = mmzoo.Spec([replace(ROW, tower=mmzoo.Tower("boosted_trees", trees=10_000, leaves=256))], "concat", TASKS)
    with pytest.raises(MMZooError, match="nodes, over the limit"):
        mmzoo.build(spec.fit(records(30, 0)))


def test_threads_are_few_from_the_first_fit_on() -> None:
    """In a fresh process: scikit-learn is loaded by what is limited, and a library can only be limited once it is."""
    code = (
        "from mmzoo.boosting import few_threads\n"
        "from threadpoolctl import threadpool_info\n"
        "with few_threads(100):\n"
        "    from sklearn.ensemble import HistGradientBoostingClassifier\n"
        "    found = threadpool_info()\n"
        "    assert any(each['user_api'] == 'openmp' for each in found), found\n"
        "    assert {each['num_threads'] for each in found} == {1}, found\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env={**os.environ, "OMP_NUM_THREADS": "2"})


def test_what_is_hidden_is_a_column_as_a_whole_and_never_was_missing() -> None:
    random = np.random.RandomState(0)
    matrix = random.normal(size=(500, 6))
    matrix[:, 2] = random.randint(1, 5, 500)  # a category
    matrix[::7, 1] = np.nan
    hiding = Hiding(np.array([0, 1, 2, 3, 3, 4]), range(2, 3))
    found, rows = hiding.copy_of(matrix, 3)
    gone = np.isnan(found) | ((found == 0) & (np.arange(6) == 2))
    np.testing.assert_array_equal(found[~gone], matrix[rows][~gone])
    np.testing.assert_array_equal(gone[:, 1], np.isnan(matrix[rows][:, 1]), "it said something where it was missing")
    np.testing.assert_array_equal(gone[:, 3], gone[:, 4])
    assert gone[:, [0, 2, 3, 5]].any(axis=1).all() and len(np.unique(rows)) == len(rows)
    whole = 500 * SHARE
    for column in (0, 2, 3, 5):
        assert abs(gone[:, column].sum() - whole) < 4 * np.sqrt(whole)
    again, _ = hiding.copy_of(matrix, 3)
    np.testing.assert_array_equal(found, again)
    every, none = Hiding(np.zeros(1, int), range(0)).copy_of(np.full((4, 1), np.nan), 0)
    assert not len(every) and not len(none)


@pytest.mark.parametrize("category", [False, True])
def test_a_column_that_is_missing_at_prediction_alone(category: bool) -> None:
    """It says nothing: the best answer is the mean over what it could be, given the others."""
    random = np.random.RandomState(0)
    task = mmzoo.Regression("y")
    first = random.choice(3, 2000, p=[0.6, 0.2, 0.2]) + 2.0 if category else random.exponential(size=2000)
    matrix = np.stack([random.normal(size=2000), first], axis=1)
    truth = matrix[:, 0] + (np.where(first == 4, 4.0, 0.0) if category else first)
    targets = ((truth - truth.mean()) / truth.std())[:, None]
    hiding = Hiding(np.arange(2), range(1, 2) if category else range(0))
    shape, encoding = Shape(200, 16, 8, 0.1, 2), Encoding.of(matrix, 1 if category else 2, [5] if category else [])
    lacking = matrix.copy()
    lacking[:, 1] = 0 if category else np.nan
    errors = []
    for hides in (None, hiding):
        forest = Forest(1, 200, 16, 8, 0.1, 2, encoding.start, encoding.sizes)
        forest.build((None, 2))
        forest.hold(grow(task, matrix, targets, shape, None, 0, hiding=hides))
        said = np.asarray(forest(lacking.astype(np.float32)))[:, 0] * truth.std() + truth.mean()
        best = matrix[:, 0] + (truth - matrix[:, 0]).mean()
        errors.append((abs(said.mean() - best.mean()), np.mean((said - best) ** 2)))
        whole = np.asarray(forest(matrix.astype(np.float32)))[:, 0] * truth.std() + truth.mean()
        assert np.mean((whole - truth) ** 2) < 0.03 * truth.var(), "what is there is read as well"
    assert errors[1][0] < errors[0][0] / 3, f"the commonest side is biased: {errors}"
    assert errors[1][1] < errors[0][1] / 3


@pytest.mark.parametrize("against", [False, True])
def test_the_linear_part_holds_columns_against_one_another_only_where_it_must(against: bool) -> None:
    """Two columns say nearly the same. Without one the answer is that of the other, unless their difference counts."""
    random = np.random.RandomState(1)
    size = random.normal(size=300)
    other = size + random.normal(size=300) * 0.05
    matrix = np.stack([size, other, random.randint(2, 400, 300) * 1.0], axis=1)
    targets = size + random.normal(size=300) * 0.3 + (100 * (size - other) if against else 0)
    encoding = Encoding.of(matrix, 2, [402])  # so many categories that it is sparse
    assert issparse(encoding(matrix))
    lacking = matrix.copy()
    lacking[:, 1] = np.nan
    errors, found = [], []
    for hides in (None, Hiding(np.arange(3), range(2, 3))):
        committee = Committee(matrix, targets, 0, Shape(20, 8, 4, 0.1, 5), encoding, 0, hides)
        found.append(fit_linear(committee, encoding))
        assert found[-1] is not None
        said = [np.asarray(encoding(each) @ found[-1].weights)[:, 0] + found[-1].bias for each in (matrix, lacking)]
        errors.append([float(((each - targets) ** 2).mean() / targets.var()) for each in said])
    if against:
        np.testing.assert_array_equal(found[0].weights, found[1].weights)
    else:
        assert errors[1][1] < errors[0][1]
        assert errors[1][0] < errors[0][0] + 0.05
