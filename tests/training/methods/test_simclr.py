"""Two variants of an example in a batch: the loss in NumPy, the batches, and towers that a later spec takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.graph.weights import named_weights
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.methods.simclr import SimCLR, nt_xent
from mmzoo.training.settings import check_settings

COUNT = 5


def test_the_loss_is_that_of_the_paper() -> None:
    """Equation 1 of Chen et al. 2020, of whom both variants are there, in float64."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(10, 4))
    there = np.array([1, 1, 1, 1, 0, 1, 1, 1, 0, 0], bool)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = np.exp(unit @ unit.T / 0.5)
    losses = []
    for i in (0, 1, 2, 3, 6, 7):
        others = [k for k in range(10) if there[k] and k != i]
        losses.append(-np.log(near[i, i ^ 1] / near[i, others].sum()))
    found = nt_xent(tf.constant(vectors, tf.float32), tf.constant(there), 0.5)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)
    assert float(nt_xent(tf.constant(vectors, tf.float32), tf.zeros(10, tf.bool), 0.5)) == 0.0


def test_each_example_is_there_twice_and_varied_each_time() -> None:
    features = {"present": np.ones((COUNT, 2), bool)}
    varied = Varied(0.5, methods=[SimCLR()])
    feed = Stream(features, {"place": np.arange(COUNT)}, varied, batch_size=4, seed=3)
    assert feed.count == 2 * COUNT
    whole = [*feed.batches(range(10))]
    places = np.concatenate([labels["place"] for _, labels in whole])
    np.testing.assert_array_equal(places[::2], places[1::2])
    for epoch in range(4):
        held = places[2 * COUNT * epoch : 2 * COUNT * (epoch + 1)]
        assert sorted(held) == sorted([*range(COUNT), *range(COUNT)])
    assert feed.examples(3) == whole[3][1]["place"].numpy().tolist()
    kept = np.concatenate([inputs["present"] for inputs, _ in whole])
    assert (kept[::2] != kept[1::2]).any()  # what is left out is drawn for each variant
    assert (kept[: 2 * COUNT] != kept[2 * COUNT : 4 * COUNT]).any()
    halves = [[*feed.batches(range(10), worker, 2)] for worker in (0, 1)]
    for step, (_, labels) in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([half[step][1]["place"] for half in halves]), labels["place"])


def waves(count: int) -> Records:
    random = np.random.default_rng(0)
    time = np.arange(16)[:, None]
    series = [np.sin(time * random.uniform(0.2, 1.5)) + 0.1 * random.normal(size=(16, 1)) for _ in range(count)]
    return Records({"wave": [each.astype(np.float32) for each in series]}, [f"r{k}" for k in range(count)])


def test_towers_learn_it_and_are_taken_by_a_later_spec(tmp_path: Path) -> None:
    tower = mmzoo.Tower("cnn_1d", width=8)
    item = mmzoo.Sensor("wave", steps=16, tower=tower, augmentations=["jitter", "scaling"])
    spec = mmzoo.Spec([item], "concat", [mmzoo.Reconstruction("wave", weight=0.0)], dim=8)
    training = mmzoo.Training(epochs=8, batch_size=16, learning_rate=5e-3, methods=[mmzoo.Method("simclr", dim=8)])
    run = mmzoo.train(spec, waves(48), None, training=training, out=tmp_path / "run")
    rows = [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    theirs = named_weights(run.model)
    assert not [name for name in theirs if "variant" in name]  # thrown away with the training
    item = mmzoo.Sensor("wave", steps=16, tower=mmzoo.Tower("cnn_1d", width=8, weights=f"run:{run.folder}"))
    spec = mmzoo.Spec([item], "concat", [mmzoo.Classification("kind", labels=("a", "b"))], dim=4)
    found = named_weights(mmzoo.build(spec.fit(waves(8))))
    kernels = [name for name in theirs if name.startswith("wave.") and "kernel" in name and ".tokens/" not in name]
    assert kernels
    for name in kernels:
        np.testing.assert_array_equal(found[name], theirs[name])


def test_what_does_not_fit_is_said() -> None:
    spec = mmzoo.Spec([mmzoo.Sensor("wave", means=[0], deviations=[1])], "concat", [mmzoo.Reconstruction("wave")])
    for methods, options, message in (
        (["simclr", "mixup"], {}, "leave out 'mixup'"),
        (["simclr"], {"grad_accum_steps": 2}, "set 'grad_accum_steps' to 1"),
        ([mmzoo.Method("simclr", inputs=["wafe"])], {}, "Did you mean 'wave'"),
    ):
        with pytest.raises(MMZooError, match=message):
            check_settings(spec, mmzoo.Training(methods=methods, **options))  # type: ignore[arg-type]
