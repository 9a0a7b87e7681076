"""What evaluation says: the subsets' figures, the verdict, and its tests."""

from __future__ import annotations

from itertools import pairwise

import keras
import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.evaluation.evaluate import Evaluation, evaluate
from mmzoo.evaluation.statistics import interval, paired_test
from mmzoo.evaluation.verdict import gain, sentence
from mmzoo.fusions import fusions
from mmzoo.graph.cut import fusing
from mmzoo.inference.answers import answer
from mmzoo.inference.running import finish, run_model
from mmzoo.inference.subsets import presence_of, subsets
from mmzoo.tasks import Task
from tests.conftest import LABELS, small_records, small_spec, usual
from tests.zoo import FAMILIES

TASKS: dict[str, Task] = {
    "classification": mmzoo.Classification("animal", labels=LABELS),
    "binary": mmzoo.Binary("animal", labels=("cat", "dog")),
    "multi_label": mmzoo.MultiLabel("animal", labels=LABELS),
    "ordinal": mmzoo.Ordinal("animal", labels=LABELS),
    "regression": mmzoo.Regression("animal"),
}


def records_for(kind: str, count: int = 24, seed: int = 0) -> Records:
    """Small records whose label suits a task of this kind; two labels are missing."""
    records = small_records(count, seed)
    names = records.columns["animal"]
    made = {
        "binary": [("cat", "dog")[LABELS.index(name) % 2] for name in names],
        "multi_label": [[name, "cat"] if k % 3 else [] for k, name in enumerate(names)],
        "regression": [float(LABELS.index(name)) for name in names],
    }
    labels = list(made.get(kind, names))
    labels[1] = labels[4] = None
    more = {"animal": labels, "age": [float(k) for k in range(count)], "weather": ["dry", "wet"] * (count // 2)}
    return Records({**records.columns, **more}, records.ids)


def found_for(kind: str, count: int = 24) -> Evaluation:
    keras.utils.set_random_seed(0)
    model = mmzoo.build(small_spec(tasks=[TASKS[kind], mmzoo.Regression("age")]))
    return evaluate(model, records_for(kind, count), validation=records_for(kind, count, 1))


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(2.0, 3.0, 400)
    low, high = interval(values)
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)
    assert interval(values) == (low, high)


def test_the_interval_covers_what_it_promises() -> None:
    """Over 300 samples of 60 examples, the true mean is inside in about 95 of 100."""
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        low, high = interval(random.random(60) < 0.7, draws=500)
        inside += low <= 0.7 <= high
    assert 0.91 <= inside / 300 <= 0.98


def test_paired_tests_against_scipy() -> None:
    random = np.random.default_rng(0)
    first, second = random.random(200) < 0.8, random.random(200) < 0.7
    better, worse = int((first & ~second).sum()), int((second & ~first).sum())
    name, p = paired_test(first.astype(float) - second)
    assert name == "mcnemar"
    assert p == pytest.approx(binomtest(better, better + worse).pvalue)
    assert paired_test(np.zeros(5)) == ("mcnemar", 1.0)
    differences = random.normal(0.2, 1.0, 40)
    name, p = paired_test(differences)
    wanted = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=random)
    assert name == "sign_flip"
    assert p == pytest.approx(wanted.pvalue, abs=0.02)


@pytest.mark.parametrize("name", usual(fusions.names(), FAMILIES))
def test_the_halves_are_the_model(name: str) -> None:
    """Any subset, from towers that ran once, is what the whole model says."""
    model = mmzoo.build(small_spec(name))
    records = small_records(5)
    found = answer(model, records)
    inputs = decode(model.spec, records)
    for chosen in subsets(model.spec):
        present = presence_of(model.spec, inputs["present"], chosen)
        wanted = finish(model.spec, run_model(model, {**inputs, "present": present}))["animal"]
        np.testing.assert_allclose(found.predictions["+".join(chosen)]["animal"], wanted, atol=1e-6)
    assert fusing(model) is fusing(model)


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_has_a_verdict(kind: str) -> None:
    found = found_for(kind)
    data = found.to_json()
    assert data["verdict"].startswith("Fusion")
    assert [len(each["over"].split("+")) for each in data["gains"]] == [1, 2]
    for each in data["gains"]:
        assert each["low"] <= each["gain"] <= each["high"]
        assert 0 < each["p"] <= 1
    for subset, spans in data["intervals"].items():
        for metric, (low, high) in spans.items():
            assert low - 1e-6 <= data["subsets"][subset][metric] <= high + 1e-6
    assert len(found.worths[found.everything]) == 22, "the two records without a label do not count"


def test_what_the_verdict_says() -> None:
    random = np.random.default_rng(0)
    single, fused = (random.random(400) < 0.6).astype(float), (random.random(400) < 0.8).astype(float)
    task = TASKS["classification"]
    helps, hurts, same = gain("name", fused, single), gain("name", single, fused), gain("a+b", fused, fused)
    assert sentence(task, helps, None).startswith("Fusion helps: it gains ")
    assert sentence(task, hurts, None).startswith("Fusion hurts here: it loses ")
    assert sentence(task, same, None).startswith("Fusion does not clearly help here: a+b alone is about as good")
    assert sentence(task, helps, same).endswith("; the pair a + b is about as good as all of them.")
    points = [sentence(task, helps, each) for each in (helps, hurts)]
    assert "points of accuracy over the best pair" in points[0]
    assert "does better, by" in points[1]
    assert "mean absolute error" in sentence(TASKS["regression"], helps, None)


def test_a_modality_that_no_record_has_is_not_the_best_one() -> None:
    records = small_records(12)
    records.columns["picture"] = [None] * 12
    found = evaluate(mmzoo.build(small_spec()), records)
    assert found.counts == {"picture": 0, "words": 12, "sound": 12}
    assert found.best(1) in ("words", "sound")
    assert found.best(2) == "words+sound"


def test_one_modality_one_class_one_record() -> None:
    model = mmzoo.build(small_spec().subset(["words"]))
    found = evaluate(model, small_records(6))
    assert "nothing to fuse" in found.verdict
    records = small_records(30)
    cats = records.select([k for k, name in enumerate(records.columns["animal"]) if name == "cat"])
    for some in (cats, cats.take(1)):
        data = evaluate(mmzoo.build(small_spec()), some).to_json()
        assert "roc_auc" not in data["metrics"]
        assert data["verdict"].startswith("Fusion")


def test_what_cannot_be_evaluated_is_said() -> None:
    model = mmzoo.build(small_spec())
    with pytest.raises(MMZooError, match="test split has no records"):
        evaluate(model, small_records(3).take(0))
    head = next(layer for layer in model.layers if layer.name == "animal.head")
    head.weights[-1].assign(np.full(3, np.nan))
    with pytest.raises(MMZooError, match="answers to 3 of 3 records are not finite numbers, the first of them 'record"):
        evaluate(model, small_records(3))


def test_a_task_without_labels() -> None:
    """The first task needs some; of another one the metrics are left out, and it says why there is no calibration."""
    model = mmzoo.build(small_spec(tasks=[TASKS["classification"], mmzoo.Regression("age")]))
    records = records_for("classification", 12)
    unasked = Records({**records.columns, "age": [None] * 12}, records.ids).select([0, 2, 3, 5, 6])
    data = evaluate(model, unasked).to_json()
    assert "animal_accuracy" in data["metrics"]
    assert not any(name.startswith("age") for name in data["metrics"])
    assert data["other_tasks"]["age"]["calibration"]["why_not"] == "None of these records has a label of task 'age'."
    unknown = Records({**records.columns, "animal": [None] * 12}, records.ids)
    with pytest.raises(MMZooError, match="No record of the test split has a label of task 'animal'"):
        evaluate(model, unknown)


def test_subsets_come_small_ones_first() -> None:
    sizes = [len(chosen) for chosen in subsets(small_spec())]
    assert all(a <= b for a, b in pairwise(sizes))
    assert len(sizes) == 7
