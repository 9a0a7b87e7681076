"""Temperatures: fitted as plain SciPy fits them, a part of the graph, and so of all that leaves the house."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.evaluation.analyses.calibration import ece, stated
from mmzoo.export.tflite.conversion import convert
from mmzoo.export.tflite.measure import measure
from mmzoo.graph.temperature import Temperature
from mmzoo.inference.calibrate import calibrate, temperature, temperatures
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.inference.subset_predictions import predict_subsets, temperatures_of
from mmzoo.inference.subsets import presence_of, run_presences, subsets
from mmzoo.labels import encode_labels
from mmzoo.training.model.init_from import init_from
from tests.conftest import LABELS, small_records, small_spec

NAMES = list("abcd")
TASKS = {
    "classification": mmzoo.Classification("kind", labels=NAMES, smoothing=0.1),
    "evidential": mmzoo.Classification("kind", labels=NAMES, objective="evidential"),
    "binary": mmzoo.Binary("kind", labels=NAMES[:2]),
    "multi_label": mmzoo.MultiLabel("kind", labels=NAMES),
    "ordinal": mmzoo.Ordinal("kind", labels=NAMES),
}


def drawn(task: Any, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the probabilities that these stand for."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, task.units)).astype(np.float32)
    shares = np.asarray(task.to_predictions(logits), np.float64)
    if not task.tags.exclusive:
        return (random.random(shares.shape) < shares).astype(np.float32), logits
    shares /= shares.sum(axis=1, keepdims=True)
    return (random.random((count, 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1).astype(np.int32), logits


def plain_fit(groups: dict[int, list[tuple[np.ndarray, np.ndarray]]]) -> dict[int, float]:
    """By place the temperatures of a classification in float64, by their definition."""

    def fitted(sets: list[tuple[np.ndarray, np.ndarray]], centre: float, width: float) -> float:
        def loss(t: np.ndarray) -> float:
            lost = [-log_softmax(z.astype(float) / np.exp(t[0]), axis=1)[np.arange(len(y)), y].sum() for y, z in sets]
            return float(sum(lost) / len(sets) + (t[0] - centre) ** 2 / (2 * width**2))

        return float(minimize(loss, [centre], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10}).x[0])

    shared = fitted([each for group in groups.values() for each in group], 0.0, 1.0)
    return {place: np.exp(fitted(group, shared, 0.25)) for place, group in groups.items()} | {0: np.exp(shared)}


def test_against_scipy() -> None:
    task = TASKS["classification"]
    groups = {}
    for place, (count, scale) in enumerate([(20, 0.5), (300, 2.0), (2000, 4.0)], start=1):
        labels, logits = drawn(task, count, place)
        groups[place] = [(labels, logits * np.float32(scale))]
    groups[2].append((groups[2][0][0], groups[2][0][1] * np.float32(1.5)))
    found = temperatures(task, groups, 5)
    wanted = plain_fit(groups)
    np.testing.assert_allclose(found[:4], [wanted[k] for k in range(4)], rtol=1e-3)
    assert found[4] == found[0], "of a place without records it is that of all"


@pytest.mark.parametrize("kind", TASKS)
def test_claims_that_are_too_sure(kind: str) -> None:
    """At the temperature that is found they are true, and the answers are the same."""
    task = TASKS[kind]
    labels, true = drawn(task, 6000)
    logits = np.asarray(task.tempered(tf.constant(true), tf.constant([[1 / 3]])))
    by = temperature(task, [(labels, logits)])
    before = np.asarray(task.to_predictions(logits))
    after = np.asarray(task.to_predictions(task.tempered(tf.constant(logits), tf.constant([[np.float32(by)]]))))
    assert by == pytest.approx(3, rel=0.06)
    np.testing.assert_allclose(after, np.asarray(task.to_predictions(true)), atol=0.02)
    assert ece(*stated(task, labels, after)) < 0.02 < ece(*stated(task, labels, before))
    if task.tags.exclusive:
        sure = np.sort(before, axis=1)[:, -1] - np.sort(before, axis=1)[:, -2] > 1e-3  # else they are even
        assert (after.argmax(axis=1) == before.argmax(axis=1))[sure].all()
    else:
        assert ((after > 0.5) == (before > 0.5)).all()


@pytest.mark.parametrize("kind", TASKS)
def test_temperature_1_changes_nothing(kind: str) -> None:
    logits = tf.constant(drawn(TASKS[kind], 50)[1])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = TASKS[kind].tempered(logits, tf.ones((1, 1)))
    np.testing.assert_array_equal(found, logits)
    np.testing.assert_array_equal(tape.gradient(found, logits), np.ones_like(logits))


def test_negative_log_likelihoods() -> None:
    for kind in ("classification", "evidential", "ordinal"):
        labels, logits = drawn(TASKS[kind], 200)
        wanted = -np.log(np.asarray(TASKS[kind].to_predictions(logits), float)[np.arange(200), labels])
        np.testing.assert_allclose(TASKS[kind].negative_log_likelihood(labels, logits), wanted, atol=1e-4)
    labels, logits = drawn(TASKS["binary"], 200)
    wanted = -np.log(expit(np.where(labels == 1, logits[:, 0], -logits[:, 0]).astype(float)))
    np.testing.assert_allclose(TASKS["binary"].negative_log_likelihood(labels, logits), wanted, atol=1e-5)


def test_few_records_move_it_little() -> None:
    """All of sixteen answers are right: without a limit the temperature would be as low as it can be."""
    task, labels = TASKS["classification"], np.arange(16, dtype=np.int32) % 4
    right = np.eye(4, dtype=np.float32)[labels] * 3
    assert 0.2 < temperature(task, [(labels, right)]) < 1
    assert temperature(task, [(labels, right)], 1.5, 0.25) > 0.8
    assert temperature(task, []) == 1
    assert temperature(task, [(labels[:0], right[:0])], 1.5) == 1.5


@pytest.mark.parametrize("count", [1, 3, 6, 7, 10])
def test_the_place_of_a_subset(count: int) -> None:
    layer = Temperature()
    present = np.random.default_rng(0).random((40, count)) < 0.5
    layer(tf.constant(present))
    size = layer.temperatures.shape[0]
    assert size == (2**count if count <= 6 else count + 1)
    assert not layer.trainable_variables
    layer.temperatures.assign(np.arange(size) + 1.0)
    wanted = [sum(2**k * int(row[k]) for k in range(count)) if count <= 6 else row.sum() for row in present]
    np.testing.assert_array_equal(layer.place(present), wanted)
    np.testing.assert_array_equal(layer(tf.constant(present))[:, 0], np.array(wanted) + 1.0)


def test_each_example_has_that_of_what_it_really_has() -> None:
    """A silent sound is as absent as none."""
    model = mmzoo.build(small_spec())
    layer = model.parts.heads["animal"].temperature
    assert (np.asarray(layer.temperatures) == 1).all()
    layer.temperatures.assign(np.arange(8) + 1.0)
    records = small_records(4)
    records.columns["sound"][1] = np.zeros(4000, np.float32)
    inputs = decode(model.spec, records)
    presences = [presence_of(model.spec, inputs["present"], each) for each in subsets(model.spec)]
    for presence, found in zip(presences, run_presences(model, inputs, presences), strict=True):
        really = presence & np.array([[True, True, k != 1] for k in range(4)])
        by = 1 + really @ np.array([1, 2, 4])
        np.testing.assert_allclose(found["animal"] * by[:, None], found["fusion.animal.uncalibrated"], atol=1e-5)
    assert temperatures_of(model)["animal"]["picture+sound"] == 6
    assert model.parts.owner_of(layer) == "animal"


@pytest.mark.long
def test_what_calibrate_fits_is_the_best(learned_run: mmzoo.Run) -> None:
    """Of each subset: another temperature is no better. One task is told wrong labels, and one only some."""
    tasks = [mmzoo.Classification("animal", labels=LABELS, auxiliary=0.5), mmzoo.Binary("cat", labels=["no", "yes"])]
    spec = small_spec(tasks=tasks)
    model, records = mmzoo.build(spec), small_records(90)
    before = {weight.path: weight for weight in learned_run.model.weights}
    for weight in model.weights:
        if weight.path in before and "temperature" not in weight.path:
            weight.assign(before[weight.path])
    animals = records.columns["animal"]
    records.columns["cat"] = [None if k % 7 == 0 else name == "cat" for k, name in enumerate(animals)]
    records.columns["animal"] = [animals[k - 1] if k % 5 == 0 else name for k, name in enumerate(animals)]
    calibrate(model, spec, decode(spec, records), encode_labels(spec.tasks, records))
    found = predict_subsets(model, records)
    for task in spec.tasks:
        known, shared = found.known(task), float(np.asarray(model.parts.heads[task.name].temperature.temperatures)[0])
        for subset, by in found.temperatures[task.name].items():
            raw = found.outputs[subset][f"fusion.{task.name}.uncalibrated"][known]
            losses = []
            for factor in (0.95, 1.0, 1.05):
                scaled = task.tempered(tf.constant(raw), tf.constant([[np.float32(by * factor)]]))
                lost = float(np.sum(task.negative_log_likelihood(found.labels[task.name][known], scaled)))
                losses.append(lost + np.log(by * factor / shared) ** 2 / (2 * 0.25**2))
            assert min(losses) == losses[1] or by > 19, "as high as a temperature can be"
    assert max(found.temperatures["animal"].values()) < 19


@pytest.mark.long
def test_tflite_of_every_task(tmp_path: Path) -> None:
    """With every subset of the modalities, each at another temperature, answers and uncertainty are the model's."""
    tasks = [task for task in TASKS.values() if task is not TASKS["classification"]]
    spec = small_spec(tasks=[replace(task, name=name) for name, task in zip("opqr", tasks, strict=True)])
    spec = spec.subset(["picture", "words"])
    model, random = mmzoo.build(spec), np.random.default_rng(0)
    for heads in model.parts.heads.values():
        heads.temperature.temperatures.assign(random.uniform(0.2, 3.0, 4))
    inputs = decode(spec, small_records(3))
    inputs["present"] = np.array([[name in each for name in spec.input_names] for each in subsets(spec)])
    outputs = run_model(model, inputs)
    wanted = to_predictions(spec, outputs) | {"o_uncertainty": np.asarray(spec.tasks[0].uncertainty(outputs["o"]))}
    data = convert(model, ["fp32"])["fp32"]
    assert isinstance(data, bytes)
    (tmp_path / "model.tflite").write_bytes(data)
    found, _ = measure(tmp_path / "model.tflite", inputs)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)


@pytest.mark.long
def test_it_is_in_all_that_leaves(learned: Path, tmp_path: Path) -> None:
    run, spec = mmzoo.Run(shutil.copytree(learned, tmp_path / "learned")), small_spec()
    fitted = temperatures_of(run.model)["animal"]
    assert all(by != 1 for by in fitted.values())
    records = small_records(21, 7)
    for row, missing in enumerate([None, *(each for size in (1, 2) for each in combinations(spec.input_names, size))]):
        for name in missing or ():
            records.columns[name][row] = None
    found = predict_subsets(run.model, records)
    task = run.spec.tasks[0]
    for subset in fitted:
        labels, answers = found.labels_and_predictions(task, subset)
        before = found.uncalibrated(task, subset)
        assert task.metrics(labels, answers)["accuracy"] == task.metrics(labels, before)["accuracy"]
        assert not np.allclose(answers, before)
    whole = {name: records.columns[name][20] for name in spec.input_names}
    raw = found.outputs["picture+words+sound"]["fusion.animal.uncalibrated"][20].astype(float)
    wanted = np.exp(log_softmax(raw / fitted["picture+words+sound"]))
    np.testing.assert_allclose(list(run.predict(whole)["animal"].values()), wanted, atol=1e-5)
    rows = [*run.export("saved_model", records), *run.export("tflite", records, variants=["fp32", "fp16"])]
    assert {"saved_model", "fp32", "fp16"} <= {row["variant"] for row in rows}
    assert all(row["max_abs_diff"] <= 1e-5 for row in rows if row["variant"] != "fp16")

    data = run.evaluate(records, validation=records)["calibration"]
    assert data["temperature"] == pytest.approx(fitted["picture+words+sound"])
    assert data["subsets"]["words"]["temperature"] == pytest.approx(fitted["words"])
    assert data["before"].keys() >= {"ece", "brier", "nll"}
    assert "fitted on the validation records" in (run.folder / "report.html").read_text("utf-8")

    fresh = mmzoo.build(run.spec)
    init_from(fresh, str(learned))
    assert set(temperatures_of(fresh)["animal"].values()) == {1.0}, "who trains on begins at 1"
    answers = to_predictions(run.spec, run_model(fresh, decode(run.spec, records)))["animal"]
    known = found.known(task)
    np.testing.assert_allclose(answers[known], found.uncalibrated(task, "picture+words+sound"), atol=1e-5)
    quick = mmzoo.Training(epochs=1, batch_size=8)
    alone = mmzoo.train(spec, Records(small_records(16).columns), training=quick, out=tmp_path / "run")
    assert set(temperatures_of(alone.model)["animal"].values()) == {1.0}, "there is nothing to fit them on"
