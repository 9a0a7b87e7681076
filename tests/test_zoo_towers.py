"""Every tower of the registry with every kind of input it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.graph.weights import named_weights
from mmzoo.towers import towers
from mmzoo.towers.sequence import SEQUENCES
from tests.zoo import TASK, batch_of, gradients, idle_variables, make_input, pairs, poisoned, tower_spec

ENCODERS = [name for name in towers.names() if hasattr(towers[name], "encoder")]
# A key's bias shifts all scores of a softmax alike; nothing is missing, so nothing stands in for it.
IDLE = ("/key/bias", "/missing")


@pytest.mark.parametrize(("name", "kind"), pairs())
def test_tower(name: str, kind: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    spec = tower_spec(name, kind)
    model, batch = mmzoo.build(spec), batch_of(spec)
    outputs = model(batch)["animal"]
    assert outputs.shape == (3, 3)
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()
    graph = tf.function(model)({k: tf.constant(v) for k, v in batch.items()})["animal"]
    np.testing.assert_allclose(graph, outputs, atol=2e-5)
    mapped = next(iter(tf.data.Dataset.from_tensors(batch).map(model)))["animal"]
    np.testing.assert_allclose(mapped, outputs, atol=2e-5)
    one = {key: array[:1] for key, array in batch.items()}
    np.testing.assert_allclose(model(one)["animal"], outputs[:1], atol=2e-5)

    absent = np.array([[True], [False], [True]])
    clean = model({**batch, "present": absent})["animal"]
    np.testing.assert_array_equal(clean, model(poisoned(spec, batch, absent))["animal"])
    assert np.isfinite(clean).all()

    assert idle_variables(model, gradients(model, batch), *IDLE) == []

    mmzoo.save(model, tmp_path / "model")
    loaded = mmzoo.load(tmp_path / "model")
    assert loaded.spec == spec
    np.testing.assert_array_equal(loaded(batch)["animal"], model(batch)["animal"])


@pytest.mark.parametrize(("name", "kind"), [p for p in pairs() if not p.marks])
def test_tower_in_bfloat16(name: str, kind: str) -> None:
    """Built under the mixed policy it answers in float32, near what float32 gives."""
    spec = tower_spec(name, kind)
    batch, full = batch_of(spec), mmzoo.build(spec)
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        mixed = mmzoo.build(spec)
    finally:
        keras.config.set_dtype_policy("float32")
    for path, weight in named_weights(mixed).items():
        weight.assign(named_weights(full)[path])
    found = mixed(batch)["animal"]
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, full(batch)["animal"], atol=0.15, rtol=0.1)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(("kind", "changes"), [("text", {"tokens": 9}), ("sensor", {"steps": 20})])
def test_longer_padding_changes_nothing(name: str, kind: str, changes: dict[str, Any]) -> None:
    short = mmzoo.build(tower_spec(name, kind))
    long = mmzoo.build(mmzoo.Spec([make_input(kind, name, **changes)], "concat", [TASK], dim=16))
    kept = named_weights(short)
    for path, weight in named_weights(long).items():
        value = weight.numpy()  # more places than the short one has keep what they have
        value[tuple(slice(n) for n in kept[path].shape)] = kept[path].numpy()
        weight.assign(value)
    found = [model(batch_of(model.spec))["animal"] for model in (short, long)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_every_sequence_tower_serves_every_sequence() -> None:
    for name in ENCODERS:
        assert towers.facts(name)["serves"] == SEQUENCES


@pytest.mark.parametrize("time", ["mean", *ENCODERS])
def test_frames_over_time(time: str) -> None:
    options = {} if time == "mean" else {"time": mmzoo.Tower(time, width=8)}
    tower = mmzoo.Tower("frames", image=mmzoo.Tower("small_cnn", filters=[4]), **options)
    spec = mmzoo.Spec([mmzoo.Video("x", size=16, frames=3, tower=tower)], "concat", [TASK], dim=16)
    model, batch = mmzoo.build(spec), batch_of(spec)
    shuffled = {**batch, "x": batch["x"][:, ::-1]}
    moved = np.abs(np.asarray(model(batch)["animal"]) - np.asarray(model(shuffled)["animal"])).max()
    assert (moved < 1e-5) == (time == "mean"), "the order of the frames matters to all but their mean"


@pytest.mark.parametrize("features", ["log_mel", "mfcc", "given"])
@pytest.mark.parametrize("name", ["spectrogram_cnn", "lstm", "patch_transformer", "spectrogram_image"])
def test_features_of_a_sound(name: str, features: str) -> None:
    changes = {"frames": 40, "bands": 20} if features == "given" else {"features": features, "bands": 32}
    spec = mmzoo.Spec([make_input("audio", name, **changes)], "concat", [TASK], dim=16)
    model = mmzoo.build(spec)
    values = [np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)] * 2
    if features != "given":
        values = [value[:, 0].repeat(100) for value in values]
    record = mmzoo.data.records.Records({"x": values})
    found = model(mmzoo.data.records.decode(spec, record))["animal"]
    assert np.isfinite(found).all()


WRONG = {
    "too small": (lambda: make_input("image", "inception_v3").__class__("x", size=32, tower="inception_v3"), "size=75"),
    "patches do not fit": (lambda: mmzoo.Image("x", size=30, tower="vit"), "give it size=24, or another patch"),
    "too short": (
        lambda: mmzoo.Audio("x", seconds=0.1, sample_rate=1000, tower="waveform_cnn"),
        "at least 256 samples",
    ),
    "nested of another kind": (
        lambda: mmzoo.Video("x", tower=mmzoo.Tower("frames", image="lstm")),
        "'lstm' is none; there are: convnext_tiny",
    ),
    "nested option": (
        lambda: mmzoo.Video("x", tower=mmzoo.Tower("frames", image=mmzoo.Tower("vgg16", weight=None))),
        "Did you mean 'weights'",
    ),
    "over time": (lambda: mmzoo.Video("x", tower=mmzoo.Tower("frames", time="vgg16")), "does not work over time"),
    "own tokenizer": (
        lambda: mmzoo.Text("x", tokenizer="words", vocabulary=["[UNK]"], tower="static_embedding_attention"),
        "brings its own tokenizer",
    ),
    "not fitted": (lambda: mmzoo.Text("x", tokenizer="bpe", tower="lstm"), "not trained yet; call spec = spec.fit"),
    "table not fitted": (lambda: mmzoo.Tabular("x", numbers=["a"]), "call spec = spec.fit"),
    "sensor not fitted": (lambda: mmzoo.Sensor("x"), "call spec = spec.fit"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_towers(case: str) -> None:
    make, words = WRONG[case]
    with pytest.raises(mmzoo.MMZooError, match=words) as caught:
        mmzoo.build(mmzoo.Spec([make()], "concat", [TASK], dim=16))
    assert "'x" in str(caught.value) or case == "nested option"
    assert "\n" not in str(caught.value)
