"""What evaluation says: the subsets' figures, the verdict, and its tests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import keras
import numpy as np
import pytest
from scipy.stats import binomtest, norm

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.evaluation.evaluate import Evaluation, evaluate
from mmzoo.evaluation.statistics import interval, paired_test
from mmzoo.evaluation.verdict import gain, sentence
from mmzoo.fusions import fusions
from mmzoo.graph.cut import fusing
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.inference.subset_predictions import predict_subsets
from mmzoo.inference.subsets import presence_of, subsets
from mmzoo.tasks.base import Task
from tests.conftest import LABELS, small_records, small_spec, usual

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


def labelled(records: Records, task: str) -> Records:
    """Those that have a label of one task."""
    return records.select([row for row, label in enumerate(records.column(task)) if label is not None])


@cache
def every_task() -> Evaluation:
    """One evaluation of a model of all tasks, each called as its kind is, and of a second regression."""
    keras.utils.set_random_seed(0)
    tasks = [replace(task, name=kind) for kind, task in TASKS.items()]
    model = mmzoo.build(small_spec(tasks=[*tasks, mmzoo.Regression("age")]))
    splits = []
    for seed in (0, 1):
        found = records_for("classification", 24, seed)
        labels = {kind: records_for(kind, 24, seed).column("animal") for kind in TASKS}
        splits.append(Records({**found.columns, **labels}, found.ids))
    return evaluate(model, splits[0], validation=splits[1])


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


def test_paired_tests_by_hand() -> None:
    random = np.random.default_rng(0)
    first, second = random.random(200) < 0.8, random.random(200) < 0.7
    better, worse = int((first & ~second).sum()), int((second & ~first).sum())
    name, p = paired_test(first.astype(float) - second)
    assert name == "mcnemar"
    assert p == pytest.approx(binomtest(better, better + worse).pvalue)
    assert paired_test(np.zeros(5)) == ("mcnemar", 1.0)
    differences = random.normal(0.2, 1.0, 40)
    name, p = paired_test(differences)
    flipped = (random.integers(0, 2, (20_000, 40)) * 2 - 1) * differences
    assert name == "sign_flip"
    assert p == pytest.approx((abs(flipped.mean(axis=1)) >= abs(differences.mean())).mean(), abs=0.02)


@pytest.mark.parametrize("name", usual(fusions.names(), {"cross_attention", "hard_vote"}))
def test_the_halves_are_the_model(name: str) -> None:
    """Any subset, from towers that ran once, is what the whole model says."""
    model = mmzoo.build(small_spec(name))
    records = small_records(5)
    found = predict_subsets(model, records)
    inputs = decode(model.spec, records)
    for chosen in subsets(model.spec):
        present = presence_of(model.spec, inputs["present"], chosen)
        wanted = to_predictions(model.spec, run_model(model, {**inputs, "present": present}))["animal"]
        np.testing.assert_allclose(found.predictions["+".join(chosen)]["animal"], wanted, atol=1e-6)
    assert fusing(model) is fusing(model)


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_has_a_verdict(kind: str) -> None:
    result = every_task()
    found, data = result.tasks[kind], result.to_json()
    data = {**data, **data["tasks"][kind]}
    assert data["verdict"].startswith("Fusion")
    assert [len(each["over"].split("+")) for each in data["gains"]] == [1, 2]
    for each in data["gains"]:
        assert each["low"] <= each["gain"] <= each["high"]
        assert 0 < each["p"] <= 1
    for subset, spans in data["intervals"].items():
        for metric, (low, high) in spans.items():
            assert low - 1e-6 <= data["subsets"][subset][metric] <= high + 1e-6
    assert len(found.scores[found.everything]) == 22, "the two records without a label do not count"


def test_what_the_verdict_says() -> None:
    random = np.random.default_rng(0)
    single, fused = (random.random(400) < 0.6).astype(float), (random.random(400) < 0.8).astype(float)
    task = TASKS["classification"]
    helps, hurts = gain(task, "name", fused, single), gain(task, "name", single, fused)
    same, close_by = gain(task, "a+b", fused, fused), gain(task, "a+b", fused, np.r_[fused[1:], fused[0]])
    assert sentence(task, helps, None).startswith("Fusion helps: it gains ")
    assert sentence(task, hurts, None).startswith("Fusion hurts here: it loses ")
    no_difference = "Fusion makes no difference here: a+b alone is as good, within 1.0 points of accuracy (95 %"
    assert sentence(task, same, None).startswith(no_difference)
    assert "; the pair a + b is as good as all of them, within 1.0 points" in sentence(task, helps, same)
    assert close_by.gain == 0 and not close_by.equivalent, "an interval of several points on 400 records"
    assert sentence(task, close_by, None).startswith("Fusion is not shown to be better than a+b alone here (difference")
    assert "; all of them are not shown to be better than the pair a + b (diff" in sentence(task, helps, close_by)
    points = [sentence(task, helps, each) for each in (helps, hurts)]
    assert "points of accuracy over the best pair" in points[0]
    assert "does better, by" in points[1]
    assert "mean absolute error" in sentence(TASKS["regression"], helps, None)


def test_equal_means_within_a_margin() -> None:
    """Against the two one-sided tests by the normal distribution (Schuirmann 1987)."""
    random = np.random.default_rng(0)
    for task, unit in ((TASKS["classification"], 1.0), (TASKS["regression"], 1e6)):
        for count, shift in ((30, 0.0), (1500, 0.0), (1500, 0.02)):
            others = -np.abs(random.normal(1, 0.1, count)) * unit
            scores = others + unit * random.normal(shift, 0.05, count)
            found = gain(task, "name", scores, others)
            margin = 0.01 if unit == 1 else 0.01 * np.abs(others).mean()
            off, error = (scores - others).mean(), (scores - others).std() / np.sqrt(count)
            p = max(norm.sf((off + margin) / error), norm.cdf((off - margin) / error))
            assert found.margin == pytest.approx(margin)
            assert found.equivalent == (p < 0.025) == (count == 1500 and shift == 0)


def test_a_modality_that_no_record_has_is_not_the_best_one() -> None:
    records = small_records(12)
    records.columns["picture"] = [None] * 12
    found = evaluate(mmzoo.build(small_spec()), records)
    assert found.counts == {"picture": 0, "words": 12, "sound": 12}
    assert found.tasks["animal"].best(1) in ("words", "sound")
    assert found.tasks["animal"].best(2) == "words+sound"


def test_one_modality_one_class_one_record() -> None:
    model = mmzoo.build(small_spec().subset(["words"]))
    found = evaluate(model, small_records(6))
    assert "reads one input, words: accuracy 0." in found.tasks["animal"].verdict
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
    """Whichever it is: its metrics are left out, and it says why; the other's stay."""
    model = mmzoo.build(small_spec(tasks=[TASKS["classification"], mmzoo.Regression("age")]))
    records = records_for("classification", 12)
    for lacking, other in (("age", "animal"), ("animal", "age")):
        some = Records({**records.columns, lacking: [None] * 12}, records.ids).select([0, 2, 3, 5, 6])
        data = evaluate(model, some, noise=True).to_json()
        assert {name.partition("_")[0] for name in data["metrics"]} == {other}
        assert data["tasks"][lacking] == {"reason": f"None of these records has a label of task '{lacking}'."}
        assert data["tasks"][other]["verdict"].startswith("Fusion")
        assert data["tasks"][other]["noise"].keys() == {"picture", "words", "sound"}
    unknown = Records({**records.columns, "animal": [None] * 12, "age": [None] * 12}, records.ids)
    with pytest.raises(MMZooError, match="'record-0' has no label for animal, age"):
        evaluate(model, unknown)


def test_each_task_is_judged_as_if_it_were_the_only_one() -> None:
    """What is said of a task does not depend on the others, nor on their order; one alone stands without a name."""
    keras.utils.set_random_seed(0)
    names = ["picture", "words"]
    both = mmzoo.build(small_spec(tasks=[TASKS["classification"], mmzoo.Regression("age")]).subset(names))
    records, others = records_for("classification"), records_for("classification", 24, 1)
    data = evaluate(both, records, validation=others, noise=True).to_json()
    assert {*data} == {"split", "examples", "metrics", "subsets", "modality_counts", "tasks"}
    for task in both.spec.tasks:
        single = mmzoo.build(small_spec(tasks=[task]).subset(names))
        wanted = {weight.path: weight for weight in both.weights}
        for weight in single.weights:
            weight.assign(wanted[weight.path])
        given, theirs = labelled(records, task.name), labelled(others, task.name)
        alone = evaluate(single, given, validation=theirs, noise=True).to_json()
        found = evaluate(both, given, validation=theirs, noise=True).to_json()
        for name, value in alone["metrics"].items():
            assert found["metrics"][f"{task.name}_{name}"] == pytest.approx(value, abs=1e-5)
        same = found["tasks"][task.name]
        assert alone.keys() - data.keys() == same.keys() == data["tasks"][task.name].keys()
        assert same["verdict"] == alone["verdict"] == data["tasks"][task.name]["verdict"]
        close(same["gains"], alone["gains"])
        close(same["shapley_values"], alone["shapley_values"])
        close(same["conflict"], alone["conflict"])
        close(same["conformal"], alone["conformal"])
        close(same["noise"], alone["noise"])


def close(found: object, wanted: object) -> None:
    """Two trees are the same, their numbers nearly."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict) and found.keys() == wanted.keys()
        for key, value in wanted.items():
            close(found[key], value)
    elif isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            close(one, other)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=1e-4)
    else:
        assert found == wanted


def test_subsets_come_small_ones_first() -> None:
    sizes = [len(chosen) for chosen in subsets(small_spec())]
    assert all(a <= b for a, b in pairwise(sizes))
    assert len(sizes) == 7
