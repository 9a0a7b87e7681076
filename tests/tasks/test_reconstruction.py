"""Inputs rebuilt from what is fused: losses, metrics and masks by NumPy, and a run that learns it, exported."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from scipy.special import log_softmax
from sklearn.metrics import r2_score

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.draws import keys_of
from mmzoo.errors import MMZooError
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.export.tflite.measure import as_tensors
from mmzoo.graph.weights import named_weights
from mmzoo.inference.running import run_model, to_predictions
from mmzoo.labels import encode_labels
from mmzoo.modalities.audio.spectrogram import LogMel
from mmzoo.modalities.audio.vectorizer import log_mel
from mmzoo.training.model.hiding import partly_hidden
from mmzoo.training.settings import check_settings
from mmzoo.training.stopping import Interrupted
from tests.conftest import stop_at
from tests.zoo import INPUTS, SMALL, value

TOWERS = {"image": "small_cnn", "sensor": "cnn_1d", "tabular": "mlp"}
KINDS = ("image", "audio", "sensor", "tabular")


def item_of(kind: str, tower: str | mmzoo.Tower, **changes: Any) -> Any:
    """A small input that is called as its kind is, without augmentations."""
    made, options = INPUTS[kind]
    changes = {**options, "augmentations": [], **changes}
    tower = mmzoo.Tower(tower, **SMALL.get(tower, {})) if isinstance(tower, str) else tower
    return made(kind, tower=tower, **changes)


def spec_of(kinds: Any = TOWERS, **options: Any) -> mmzoo.Spec:
    towers = {**TOWERS, "audio": "spectrogram_cnn"}
    items = [item_of(kind, towers[kind]) for kind in kinds]
    return mmzoo.Spec(items, "concat", [mmzoo.Reconstruction(kind, **options) for kind in kinds], dim=16)


def records_of(count: int, seed: int = 0) -> Records:
    """Three inputs that say the same number, each in its own way."""
    rng = np.random.default_rng(seed)
    levels = rng.random(count)
    return Records(
        {
            "image": [np.full((32, 32, 3), 40 + 170 * x, np.uint8) for x in levels],
            "sensor": [np.full((12, 2), x, np.float32) * [3.0, -2.0] for x in levels],
            "tabular": [{"age": 20 + 40 * x, "colour": "red" if x > 0.5 else "green"} for x in levels],
        },
        [f"{seed}_{k}" for k in range(count)],
    )


@pytest.fixture(scope="module")
def row_task() -> Any:
    """Of a table with numbers, a category, a date and words, fitted."""
    records = Records({"tabular": [value("tabular", k) for k in range(3)]})
    return mmzoo.Spec([item_of("tabular", "mlp")], "concat", [mmzoo.Reconstruction("tabular")]).fit(records).tasks[0]


def test_the_loss_of_a_row_is_squared_errors_and_cross_entropy(row_task: Any) -> None:
    labels = np.stack([row_task.encode(value("tabular", k)) for k in range(3)])
    assert labels[:, 2].tolist()[:2] == [2.0, 0.0]  # red is the second word, after the place of all others
    assert np.isnan(labels[2, 2]) and np.isnan(labels[1, 0])
    logits = np.random.default_rng(0).normal(size=(3, row_task.units)).astype(np.float32)
    means, deviations = np.array(row_task.means), np.array(row_task.deviations)
    assert means[1] == pytest.approx(2.0) and deviations[1] == pytest.approx(0.5)
    wanted = []
    for label, logit in zip(labels, logits, strict=True):
        found = np.concatenate([logit[:2], [0.0], logit[5:]])
        off = (((label - means) / deviations - found) ** 2)[np.arange(len(label)) != 2]
        lost = [*off[np.isfinite(off)]]
        if np.isfinite(label[2]):
            lost.append(-log_softmax(logit[2:5])[int(label[2])])
        wanted.append(np.mean(lost))
    np.testing.assert_allclose(row_task.loss(labels, logits), wanted, rtol=1e-5)
    predictions = np.asarray(row_task.to_predictions(logits))
    np.testing.assert_allclose(predictions[:, 1], logits[:, 1] * 0.5 + 2.0, rtol=1e-5)
    np.testing.assert_allclose(predictions[:, 2:5].sum(axis=1), 1, rtol=1e-5)
    shifted = logits.copy()
    shifted[:, 2:5] = log_softmax(logits[:, 2:5], axis=1)
    np.testing.assert_allclose(row_task.to_logits(predictions), shifted, atol=1e-4)
    assert row_task.answer_names[:5] == ("age", "size", "colour: (another)", "colour: green", "colour: red")


def test_a_row_is_read_as_its_columns(row_task: Any) -> None:
    right = row_task.cells.right(row_task.encode(value("tabular", 0))[None])[0]
    assert row_task.readable(right) == {
        "age": 30.0,
        "size": 1.5,
        "colour": "red",
        "born": "2001-05-31T14:30",
        "likes": ["sun", "rain"],
    }
    labels = np.stack([row_task.encode(value("tabular", k)) for k in range(3)])
    found = row_task.metrics(labels, np.nan_to_num(row_task.cells.right(labels)))
    assert found == {"r2": 1.0, "nmse": 0.0, "accuracy": 1.0}


def test_the_metrics_of_pictures() -> None:
    task: Any = spec_of(["image"]).tasks[0]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 256, (5, 32 * 32 * 3)).astype(np.float16)
    answers = np.clip(labels.astype(np.float32) + rng.normal(scale=20, size=labels.shape), 0, 255)
    found = task.metrics(labels, answers)
    assert found["r2"] == pytest.approx(r2_score(labels, answers, multioutput="variance_weighted"), abs=1e-5)
    squared = ((answers - labels.astype(np.float64)) ** 2).mean(axis=1)
    assert found["psnr"] == pytest.approx((10 * np.log10(255**2 / squared)).mean(), abs=1e-4)
    assert found["nmse"] == pytest.approx(squared.mean(), rel=1e-4)
    assert task.metrics(labels, labels)["psnr"] == 100


@pytest.mark.parametrize("kind", ["image", "sensor", "tabular"])
def test_the_graph_makes_the_same_target(kind: str) -> None:
    item = item_of(kind, "")
    made = item.rebuilding()
    wanted = np.stack([made.target(value(kind, k)).reshape(-1) for k in range(3)])
    found = made.target_of(tf.constant(np.stack([item.decode(value(kind, k)) for k in range(3)])))
    np.testing.assert_array_equal(found, wanted)


def test_a_sound_is_its_spectrogram() -> None:
    """As towers read it, at mean 0 and deviation 1; of a long one two frames are a step, what is no sound is NaN."""
    item = item_of("audio", "", seconds=1.8)
    wave = np.random.default_rng(0).normal(size=9000).astype(np.float32) * 0.1
    made = item.rebuilding()
    found = made.target(wave).reshape(made.shape)
    frames = log_mel(wave, 8000, 40)
    assert found.shape == (89, 40)
    ends = np.isnan(found).any(axis=1).argmax()
    assert abs(2 * ends - len(frames)) <= 4 and np.isnan(found[ends:]).all()
    frames = (frames - frames.mean()) / frames.std()
    pairs = frames[:100].reshape(50, 2, 40).mean(axis=1)
    # Frames that reach past the end are real too, which changes the mean and the deviation a little.
    assert np.corrcoef(found[:50].ravel(), pairs.ravel())[0, 1] > 0.9999
    np.testing.assert_allclose(found[:50].std(), pairs.std(), rtol=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_hidden_and_the_rest_is_not(kind: str) -> None:
    item = item_of(kind, "")
    made = item.rebuilding()
    batch = tf.constant(np.stack([item.decode(value(kind, k)) for k in range(3)]))
    keys = keys_of(0, tf.range(3, dtype=tf.int64), tf.zeros(3, tf.int64))
    changed, hidden = (each.numpy() for each in made.hide(batch, keys, 0.6))
    again, same = (each.numpy() for each in made.hide(batch[1:], keys[1:], 0.6))
    np.testing.assert_array_equal(hidden[1:], same)  # whatever batch an example is in
    if kind != "audio":
        np.testing.assert_array_equal(changed[1:], again)
    assert (hidden[0] != hidden[1]).any() and (np.abs(hidden.mean(axis=1) - 0.6) < 0.2).all()
    if kind == "audio":
        mel = LogMel(8000, num_mel_bins=40)
        before, after = (np.asarray(mel.log_mel(x))[:1].reshape(1, -1) for x in (batch, changed))
        lost = before - after
        assert np.median(lost[hidden[:1]]) > 3 and np.median(np.abs(lost[~hidden[:1]])) < 0.3
        assert (changed[1][3500:] == 0).all()  # zeros at the end are no sound, and stay none
        return
    same_place = hidden.reshape(3, *made.shape)
    before = batch.numpy()
    np.testing.assert_array_equal(changed[~same_place], before[~same_place])
    nothing = {"image": 127, "sensor": np.nan, "tabular": item.absent if kind == "tabular" else None}[kind]
    np.testing.assert_array_equal(changed[same_place], np.broadcast_to(nothing, changed.shape)[same_place])


def test_only_what_is_hidden_is_asked_for() -> None:
    task: Any = spec_of(["sensor"], masked=0.5).tasks[0]
    item = task.item
    batch = np.stack([item.decode(value("sensor", k)) for k in range(3)])
    labels = np.stack([task.encode(value("sensor", 0)), task.encode(value("sensor", 1)), task.missing_label])
    keys = keys_of(0, tf.range(3, dtype=tf.int64), tf.zeros(3, tf.int64))
    changed, asked = (each.numpy() for each in task.hidden(tf.constant(batch), tf.constant(labels), keys))
    asked = asked.reshape(batch.shape)
    measured = np.isfinite(batch[:2])
    np.testing.assert_array_equal(np.isfinite(asked[:2]), measured & np.isnan(changed[:2]))
    np.testing.assert_array_equal(asked[:2][np.isfinite(asked[:2])], batch[:2][np.isfinite(asked[:2])])
    assert np.isnan(asked[2]).all()  # it has no such input


TRAINING = mmzoo.Training(epochs=20, batch_size=16, learning_rate=5e-3, modality_dropout=0.3)


def test_an_epoch_is_chosen_by_what_was_hidden() -> None:
    """The same parts each time, of the inputs that are asked for alone; without masks nothing is changed."""
    spec = spec_of(["tabular", "sensor"], masked=0.5)
    records = records_of(300)
    inputs, labels = decode(spec, records), encode_labels(spec.tasks, records)
    found, wanted = partly_hidden(spec, inputs, labels)
    again, _ = partly_hidden(spec, inputs, labels)
    for task in spec.tasks:
        np.testing.assert_array_equal(found[task.hides], again[task.hides])
        assert not np.array_equal(found[task.hides], inputs[task.hides], equal_nan=True)
        there, left = np.isfinite(labels[task.name]), np.isfinite(wanted[task.name])
        assert 0.3 < left.sum() / there.sum() < 0.7
        np.testing.assert_array_equal(wanted[task.name][left], labels[task.name][left])
    assert found["present"] is inputs["present"]
    plain = spec_of(["tabular", "sensor"])
    assert partly_hidden(plain, inputs, labels)[0] is inputs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """One that has learned; only to be read. Of some records what is to be rebuilt is not there."""
    records = records_of(96)
    records.columns["image"][5] = None
    out = tmp_path_factory.mktemp("run") / "run"
    return mmzoo.train(spec_of(), records, records_of(32, 1), training=TRAINING, out=out)


@pytest.mark.slow
def test_one_input_is_rebuilt_of_another(run: mmzoo.Run) -> None:
    """Each says the same number, so that each is known from any of them."""
    for level in (0.2, 0.8):
        found = run.predict({"tabular": {"age": 20 + 40 * level, "colour": "red" if level > 0.5 else "green"}})
        assert found["image_rebuilt"].shape == (32, 32, 3) and found["image_rebuilt"].dtype == np.uint8
        assert found["image_rebuilt"].mean() == pytest.approx(40 + 170 * level, abs=35)
        assert found["sensor_rebuilt"].mean(axis=0) == pytest.approx([3 * level, -2 * level], abs=0.6)
        seen = run.predict({"image": np.full((32, 32, 3), 40 + 170 * level, np.uint8)})["tabular_rebuilt"]
        assert seen["age"] == pytest.approx(20 + 40 * level, abs=8)
        assert seen["colour"] == ("red" if level > 0.5 else "green")


@pytest.mark.slow
def test_the_report_shows_both(run: mmzoo.Run) -> None:
    records = records_of(20, 2)
    records.columns["image"][3] = None
    data = run.evaluate(records)
    found = data["tasks"]["image_rebuilt"]
    assert data["metrics"]["image_rebuilt_r2"] > 0.5 and data["metrics"]["tabular_rebuilt_accuracy"] > 0.8
    errors = [each["nmse"] for each in found["rebuilt"]]
    assert len(errors) == 19 and errors == sorted(errors, reverse=True)
    assert not found.keys() & {"calibration", "confusion", "conformal", "residuals"}
    page = (run.folder / "report.html").read_text("utf-8")
    assert "Image as it is and rebuilt, the worst first" in page
    assert page.count('class="beside"') == 3 and page.count('alt="rebuilt, record 2_') == 19
    rows = json.loads((run.folder / "metrics.json").read_text())["subsets"]
    assert {"image", "sensor+tabular"} <= rows.keys()


@pytest.mark.slow
def test_it_is_exported_with_builtins(run: mmzoo.Run, tmp_path: Path) -> None:
    batch = decode(run.spec, records_of(2, 3))
    batch["present"][1] = [False, True, False]
    wanted = to_predictions(run.spec, run_model(run.model, batch))
    Serving(run.model, batch=1).save(tmp_path / "model", "serve_tensors")
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    lite = Interpreter(model_content=converted(str(tmp_path / "model"))).get_signature_runner("serving_default")
    for row in range(2):
        example = as_tensors({name: each[row : row + 1] for name, each in batch.items()})
        answers, small = served(**{name: tf.constant(each) for name, each in example.items()}), lite(**example)
        for task in run.spec.tasks:
            for found in (answers, small):
                off = task.difference(np.asarray(found[task.name]), wanted[task.name][row : row + 1])
                assert off.max() < 1e-4


@pytest.mark.slow
def test_a_later_spec_takes_the_towers(run: mmzoo.Run, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever else it has; of a tower that has become wider what did not fit is listed."""
    inputs = [
        item_of("sensor", mmzoo.Tower("cnn_1d", width=8, weights=f"run:{run.folder}")),
        item_of("image", mmzoo.Tower("small_cnn", filters=[4, 12], weights=f"run:{run.folder}")),
    ]
    with caplog.at_level(logging.INFO, "mmzoo"):
        model = mmzoo.build(mmzoo.Spec(inputs, "gated", [mmzoo.Regression("age")], dim=24))
    found, theirs = named_weights(model), named_weights(run.model)
    kernels = [name for name in theirs if name.startswith("sensor.") and "kernel" in name and ".tokens/" not in name]
    assert kernels
    for name in kernels:
        np.testing.assert_array_equal(found[name], theirs[name])
    np.testing.assert_array_equal(found["image.conv0/kernel"], theirs["image.conv0/kernel"])
    assert "stay as they are: conv1/kernel (3, 3, 4, 12)" in caplog.text


@pytest.mark.long
def test_masked_training_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is hidden is drawn from each example's own key, so that a run that was stopped hides the same."""
    spec = mmzoo.Spec(
        [item_of("sensor", "cnn_1d"), item_of("tabular", "mlp")],
        "concat",
        [mmzoo.Reconstruction("sensor", masked=0.5), mmzoo.Retrieval("match", 8, weight=0.5)],
        dim=16,
    )
    records, others = records_of(24), records_of(8, 1)
    training = mmzoo.Training(epochs=2, batch_size=8)
    whole = mmzoo.train(spec, records, others, training=training, out=tmp_path / "whole")
    stop_at(monkeypatch, 4)
    with pytest.raises(Interrupted, match="Stopped at step 4 of 6"):
        mmzoo.train(spec, records, others, training=training, out=tmp_path / "cut")
    resumed = mmzoo.train(spec, records, others, training=training, out=tmp_path / "cut")
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    history = [json.loads(line) for line in (whole.folder / "history.jsonl").read_text().splitlines()]
    assert {"loss_sensor_rebuilt", "loss_match"} <= history[0].keys()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: spec_of(["image"], masked=1.1), "must be a number from 0 to 1"),
        (lambda: spec_of(["image"], masked=-0.1), "must be a number from 0 to 1"),
        (lambda: replace(spec_of(["image"]), tasks=[mmzoo.Reconstruction("smell")]), "no input for task"),
        (lambda: mmzoo.Spec([mmzoo.Text("words")], "concat", [mmzoo.Reconstruction("words")]), "inside of the model"),
        (
            lambda: mmzoo.Spec([mmzoo.Sensor("s", steps=16384, channels=8)], "concat", [mmzoo.Reconstruction("s")]),
            "large",
        ),
        (lambda: mmzoo.build(replace(spec_of(["sensor"]), fusion="decision_mean")), "this fusion joins answers"),
        (lambda: mmzoo.Reconstruction("image", auxiliary=0.5), "leave out 'auxiliary'"),
        (lambda: mmzoo.Reconstruction("image").rebuilding, "is in no spec"),
    ],
)
def test_what_cannot_be_rebuilt(make: Any, message: str) -> None:
    with pytest.raises(MMZooError, match=message):
        make()


def test_examples_are_not_mixed_and_hidden() -> None:
    check_settings(spec_of(["image"]), mmzoo.Training(methods=["mixup"]))
    with pytest.raises(MMZooError, match="'mixup' changes examples of which task 'image_rebuilt' hides parts"):
        check_settings(spec_of(["image"], masked=0.5), mmzoo.Training(methods=["mixup"]))


def test_records_without_the_input_have_no_label() -> None:
    spec = spec_of(["image", "sensor"])
    records = Records({"image": [None, value("image", 0)], "sensor": [value("sensor", 0), None]})
    labels = encode_labels(spec.tasks, records)
    assert np.asarray(spec.tasks[0].known(labels["image_rebuilt"])).tolist() == [False, True]
    assert spec.subset(["sensor"]).tasks == spec.tasks[1:]
