"""Where the mistakes are: by class against scikit-learn, slices, residuals."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import Records
from mmzoo.evaluation.analyses.by_class import by_class
from mmzoo.evaluation.analyses.confusion import confusion
from mmzoo.evaluation.analyses.residuals import residuals
from mmzoo.evaluation.analyses.slices import grouped, slices
from mmzoo.evaluation.languages import languages
from tests.conftest import small_records, small_spec
from tests.evaluation.test_evaluation import TASKS, every_task

TASK = mmzoo.Classification("group", labels=list("abcd"))


def test_classes_by_hand() -> None:
    random = np.random.default_rng(0)
    labels, answers = random.integers(0, 3, 200), random.random((200, 4)) * [1, 1, 1, 0]
    guesses = answers.argmax(axis=1)
    counts = np.array([[np.sum((labels == a) & (guesses == b)) for b in range(4)] for a in range(4)])
    np.testing.assert_array_equal(confusion(TASK, labels, answers), counts)
    found = {row["label"]: row for row in by_class(TASK, labels, answers)}
    for k, label in enumerate("abc"):
        right, given = counts[k].sum(), counts[:, k].sum()
        shares = {"precision": counts[k, k] / given, "recall": counts[k, k] / right}
        shares["f1"] = 2 / (1 / shares["precision"] + 1 / shares["recall"])
        assert found[label] == pytest.approx({"label": label, "count": right, **shares})
    assert found["d"] == {"label": "d", "precision": None, "recall": None, "f1": None, "count": 0}
    scores = [row["f1"] for row in by_class(TASK, labels, answers)]
    assert scores[:3] == sorted(scores[:3])
    assert scores[3] is None, "a label that does not occur is not the worst"


def test_many_labels_by_hand() -> None:
    task = mmzoo.MultiLabel("tags", labels=list("abc"))
    random = np.random.default_rng(0)
    labels, answers = (random.random((90, 3)) < [0.5, 0.2, 0]).astype(np.float32), random.random((90, 3))
    found = {row["label"]: row for row in by_class(task, labels, answers)}
    for k, label in enumerate("ab"):
        sorted_labels = labels[np.argsort(-answers[:, k]), k]
        precision = np.cumsum(sorted_labels) / np.arange(1, 91)
        assert found[label]["average_precision"] == pytest.approx(precision[sorted_labels > 0].mean())
    assert found["c"]["average_precision"] is None
    assert found["c"]["recall"] is None
    assert found["c"]["precision"] == 0


def test_residuals() -> None:
    errors = np.random.default_rng(0).normal([0.5, -2.0], [0.1, 1.0], (5000, 2))
    found = residuals(np.zeros((5000, 2)), errors)
    assert [each["bias"] for each in found] == pytest.approx([0.5, -2.0], abs=0.05)
    assert found[0]["rmse"] == pytest.approx(np.hypot(0.5, 0.1), rel=0.02)
    assert found[1]["quantiles"]["95"] == pytest.approx(-2 + 1.645, abs=0.1)


def test_groups() -> None:
    assert {k: v.tolist() for k, v in grouped(["x", None, "x", ""]).items()} == {"x": [0, 2], "(missing)": [1, 3]}
    quarters = grouped([float(k) for k in range(100)] + [float("nan")])
    assert {name: len(places) for name, places in quarters.items()} == {
        "0 to 24.75": 25,
        "24.75 to 49.5": 25,
        "49.5 to 74.25": 25,
        "74.25 to 99": 25,
        "(missing)": 1,
    }
    assert grouped([f"a name of its own {k}" for k in range(100)]) == {}
    assert grouped([np.zeros(3), None]) == {}


def test_slices_worst_first() -> None:
    spec, records = small_spec(), small_records(20)
    weather = ["dry", "wet"] * 8 + ["fog"] * 4
    records = Records({**records.columns, "weather": weather, "voice": ["one"] * 20}, records.ids)
    present = np.ones((20, 3), bool)
    present[:6, 2] = False
    known = np.arange(20) != 0
    score = np.where(np.array(weather)[known] == "wet", 0.25, 1.0)
    found = slices(spec, spec.tasks[0], records, present, known, score)
    named = [(row["column"], row["value"], row["count"]) for row in found]
    assert named[0] == ("weather", "wet", 8)
    assert ("weather", "dry", 7) in named
    assert ("modalities", "picture+words", 5) in named
    assert not any(row["value"] in ("fog", "one") or row["column"] in ("animal", "picture") for row in found)
    assert found[0]["score"] == found[0]["low"] == found[0]["high"] == 0.25


TEXTS = {
    "en": ["the cat sat on the mat and looked at me", "this is a sentence about the weather of today"],
    "fr": ["le chat est sur la table de la cuisine", "il fait tr\u00e8s beau aujourd'hui \u00e0 Paris"],
    "ru": [
        "Сегодня утром мы поехали на поезде в Москву, чтобы увидеть друзей",
        "сегодня очень хорошая погода в городе",
    ],
    "ar": ["القطة تجلس على الطاولة في المطبخ", "الطقس جميل جدا اليوم في المدينة"],
    "ja": ["猫は台所のテーブルの上に座っています", "今日は東京の天気がとても良いですね"],
    "(too short to tell)": ["red car", "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂"],
    "(missing)": [None, ""],
}


def test_texts_are_sliced_by_their_language() -> None:
    wanted, texts = zip(*((name, text) for name, several in TEXTS.items() for text in several * 3), strict=True)
    assert languages(texts) == [*wanted]
    assert languages([*TEXTS["en"] * 50, TEXTS["fr"][0]])[-1] == "(others)"
    count = len(texts)
    records = Records({**small_records(count).columns, "words": [*texts]}, [f"r{k}" for k in range(count)])
    spec, score = small_spec(), np.array([float(name != "ru") for name in wanted])
    worst = slices(spec, spec.tasks[0], records, np.ones((count, 3), bool), np.ones(count, bool), score)[0]
    assert (worst["column"], worst["value"], worst["count"], worst["score"]) == ("language of words", "ru", 6, 0)


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_has_classes_or_residuals(kind: str) -> None:
    data = json.loads(json.dumps(every_task().to_json()["tasks"][kind], allow_nan=False))
    assert ("residuals" in data) == (kind == "regression")
    assert ("confusion" in data) == (kind in ("classification", "binary", "ordinal"))
    assert {row["column"] for row in data["slices"]} >= {"weather"}
    if "by_class" in data:
        assert len(data["by_class"]) == len(TASKS[kind].labels)
