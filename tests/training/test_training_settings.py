"""What the settings of a run do: precision, schedules, calls into the graph, callbacks."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.fusions import fusions
from mmzoo.inference.running import run_model
from mmzoo.modalities.audio.spectrogram import LogMel
from mmzoo.training.fit import computing_in, in_float32
from mmzoo.training.loss import total_loss
from mmzoo.training.optimizer import Rate
from mmzoo.training.stopping import Interrupted
from mmzoo.training.trainer import FIRST_SCALE, Trainer
from tests.conftest import small_records, small_spec, usual

SPEC = small_spec().subset(["words"])


def train(out: Path, spec: mmzoo.Spec = SPEC, callbacks: Any = (), **settings: Any) -> mmzoo.Run:
    training = mmzoo.Training(**{"epochs": 3, "batch_size": 4, **settings})
    return mmzoo.train(
        spec, small_records(24), small_records(12, 1), training=training, out=out / "run", callbacks=callbacks
    )


def history(run: mmzoo.Run) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]


def weights(run: mmzoo.Run) -> bytes:
    return (run.folder / "model" / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("falls", [True, False])
def test_the_rate_rises_then_falls_as_a_cosine_or_stays(falls: bool) -> None:
    rate = Rate(2.0, 100, falls, tf.constant(0.5))
    steps = np.arange(101)
    peak = 0.5 * 2.0
    rest = 0.5 * (1 + np.cos(np.pi * (steps - 5) / 100)) if falls else np.ones(101)
    expected = peak * np.where(steps < 5, steps / 5, rest)
    found = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_plateau_halves_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmzoo.training import loop

    scores = iter([0.1, 0.9, *[0.5] * 8])
    monkeypatch.setattr(loop.Loop, "validate", lambda _: {"val_accuracy": next(scores)})
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            rates.append(float(trainers[0].factor.numpy()))

    trainers: list[Trainer] = []
    made = Trainer.__init__
    monkeypatch.setattr(Trainer, "__init__", lambda self, *a: (trainers.append(self), made(self, *a))[1])
    train(tmp_path, schedule="plateau", monitor="accuracy", epochs=10, callbacks=[Rates()])
    assert rates == [1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.long
@pytest.mark.parametrize("precision", usual(["bfloat16", "float16"], {"bfloat16"}))
def test_layers_compute_in_16_bits_and_the_saved_model_in_32(precision: str, tmp_path: Path) -> None:
    with computing_in(precision):
        model = mmzoo.build(small_spec())
    layers = model._flatten_layers()
    dense = {layer.compute_dtype for layer in layers if isinstance(layer, keras.layers.Conv2D)}
    assert dense == {precision}
    exact = [layer for layer in layers if isinstance(layer, LogMel) or layer.name.endswith((".gate", ".logits"))]
    assert len(exact) >= 7
    assert {layer.compute_dtype for layer in exact} == {"float32"}
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    same = in_float32(model)
    assert {layer.compute_dtype for layer in same._flatten_layers()} == {"float32"}
    for one, other in zip(model.weights, same.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    inputs = decode(model.spec, small_records(4))
    rounded, exact_outputs = (run_model(each, inputs)["animal"] for each in (model, same))
    assert 0 < np.abs(rounded - exact_outputs).max() < 0.05 * np.abs(exact_outputs).max()
    run = train(tmp_path, precision=precision, epochs=6)
    mmzoo.load(run.folder / "model")  # which checks the answers that it was saved with
    assert history(run)[-1]["loss"] < history(run)[0]["loss"]
    assert run.predict({"words": "the cat number 1"})["animal"].keys() == {"cat", "dog", "bird"}


def test_an_overflow_is_skipped_and_halves_the_loss_scale() -> None:
    with computing_in("float16"):
        model = mmzoo.build(SPEC)
    trainer = Trainer(SPEC, model, mmzoo.Training(precision="float16", batch_size=4), 10)
    inputs = {"words": tf.zeros((4, 32), tf.uint8) + 97, "present": tf.ones((4, 1), bool)}
    batch = (inputs, {"animal": tf.constant([0, 1, 2, 0])})
    before = [v.numpy() for v in trainer.variables]
    trainer.scale[0].assign(1e30)  # the gradient cannot be held in 16 bits
    step = tf.function(trainer._step)
    assert np.isfinite(step(batch)).all()
    for variable, old in zip(trainer.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
    assert float(trainer.scale[0]) == pytest.approx(5e29)
    trainer.scale[0].assign(FIRST_SCALE / 2**10)
    step(batch)  # at a rate of 0, from which it rises
    step(batch)
    assert any((v.numpy() != old).any() for v, old in zip(trainer.variables, before, strict=True))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """Trained a step a call; only to be read."""
    return train(tmp_path_factory.mktemp("one"), steps_per_execution=1)


@pytest.mark.long
def test_many_steps_a_call_give_the_same_bytes(one: mmzoo.Run, tmp_path: Path) -> None:
    many = train(tmp_path / "64", steps_per_execution=64)
    assert weights(one) == weights(many)


def test_callbacks_are_called_and_may_end_the_run(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append(("begin", self.params["epochs"], self.model.spec.input_names))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append((epoch, sorted(set(logs) & {"loss", "val_accuracy"})))
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs: Any = None) -> None:
            seen.append("end")

    run = train(tmp_path, callbacks=[Watch()], epochs=5)
    both = ["loss", "val_accuracy"]
    assert seen == [("begin", 5, ["words"]), (0, both), (1, both), "end"]
    assert [row["epoch"] for row in history(run)] == [1, 2]


def test_the_history_has_the_speed_and_the_share_of_waiting(one: mmzoo.Run) -> None:
    for row in history(one):
        assert 0 <= row["waiting"] <= 1
        assert row["examples_per_second"] * row["seconds"] == pytest.approx(24, rel=0.1)


@pytest.mark.long
def test_tensorboard_has_what_the_history_has(tmp_path: Path) -> None:
    """Read by TensorBoard's own reader, over a run that was stopped and one that went on with it."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train(tmp_path, callbacks=[Stop()], epochs=4)
    run = train(tmp_path, epochs=4)
    found = reader.EventAccumulator(str(run.folder / "tensorboard"))
    found.Reload()
    rows = history(run)
    assert len(rows) == 4
    assert set(found.Tags()["tensors"]) == rows[0].keys() - {"epoch"}
    for name in ("loss", "val_accuracy", "examples_per_second"):
        events = found.Tensors(name)
        assert [event.step for event in events] == [1, 2, 3, 4]
        values = [tf.make_ndarray(event.tensor_proto) for event in events]
        np.testing.assert_allclose(values, [row[name] for row in rows], rtol=1e-6)


class Sleepy:
    """A feed of the same batch again and again, each after a while."""

    count = 100

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def batches(self, steps: range, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        inputs = {"words": tf.zeros((4, 32), tf.uint8) + 97, "present": tf.ones((4, 1), bool)}

        def wait(step: Any) -> Any:
            tf.numpy_function(lambda: time.sleep(self.seconds), [], [])
            return inputs, {"animal": tf.constant([0, 1, 2, 0])}

        # Threads of its own, so that it sleeps beside the step even where TensorFlow was given one thread.
        options = tf.data.Options()
        options.threading.private_threadpool_size = 2
        return tf.data.Dataset.range(steps.start, steps.stop).map(wait).with_options(options)


def test_waiting_is_what_the_feed_takes() -> None:
    trainer = Trainer(SPEC, mmzoo.build(SPEC), mmzoo.Training(batch_size=4), 100)
    waits = []
    for seconds in (0.0, 0.2):
        batches = trainer.batches(Sleepy(seconds), range(12))
        trainer.run(batches, 1)
        waits.append(trainer.run(batches, 5)[1])
    assert waits[1] - waits[0] == pytest.approx(5 * 0.2, rel=0.3)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"precision": "float8"}, "There is no precision 'float8'"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"batch_size": 10, "grad_accum_steps": 3}, "cannot be cut into 3 equal parts"),
    ],
)
def test_bad_settings(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        mmzoo.Training(**setting)


@pytest.mark.parametrize("precision", usual(["bfloat16", "float16"], {"bfloat16"}))
@pytest.mark.parametrize(
    "fusion", usual(fusions.names(), {"cross_attention", "mixture_of_experts", "decision_weighted"})
)
def test_every_fusion_learns_in_16_bits(fusion: str, precision: str) -> None:
    spec = small_spec(fusion)
    with computing_in(precision):
        model = mmzoo.build(spec)
    inputs = decode(spec, small_records(4))
    inputs["present"][0, 1:] = False
    inputs = {name: tf.constant(array) for name, array in inputs.items()}
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        loss = total_loss(spec, outputs, {"animal": tf.constant([0, 1, 2, 0])}, inputs["present"])
    assert {output.dtype for output in outputs.values()} == {tf.float32}
    found = tape.gradient(loss, [v.value for v in model.trainable_variables], unconnected_gradients="zero")
    assert all(np.isfinite(tf.convert_to_tensor(gradient)).all() for gradient in found)
