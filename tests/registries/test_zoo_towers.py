"""Every tower of the registry with every kind of input it serves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.graph.weights import named_weights
from mmzoo.towers import towers
from mmzoo.towers.sequence import SEQUENCES
from tests.zoo import TASK, batch_of, gradients, idle_variables, kinds, make_input, poisoned, towers_spec

ENCODERS = [name for name in towers.names() if hasattr(towers[name], "encoder")]
# A key's bias shifts all scores of a softmax alike; nothing is missing, so nothing stands in for it.
IDLE = ("/key/bias", "/missing")


def signature(batch: dict[str, np.ndarray]) -> dict[str, tf.TensorSpec]:
    """Of a batch of any size, so that it is traced once for all."""
    return {name: tf.TensorSpec((None, *array.shape[1:]), array.dtype) for name, array in batch.items()}


@pytest.mark.parametrize(("names", "kind"), kinds())
def test_towers(names: list[str], kind: str, tmp_path: Path) -> None:
    """As a call, as a graph, in a tf.data map and one by one; blind to what is absent; saved; each variable trains."""
    keras.utils.set_random_seed(0)
    spec = towers_spec(names, kind)
    model, batch = mmzoo.build(spec), batch_of(spec)
    outputs, call = model(batch), tf.function(model, input_signature=[signature(batch)])
    for value in outputs.values():
        assert value.shape == (3, 3)
        assert value.dtype == tf.float32
        assert np.isfinite(value).all()
    graph = call({k: tf.constant(v) for k, v in batch.items()})
    mapped = next(iter(tf.data.Dataset.from_tensors(batch).map(call)))
    one = call({key: tf.constant(array[:1]) for key, array in batch.items()})
    for key, value in outputs.items():
        np.testing.assert_allclose(graph[key], value, atol=2e-5, err_msg=key)
        np.testing.assert_allclose(mapped[key], value, atol=2e-5, err_msg=key)
        np.testing.assert_allclose(one[key], value[:1], atol=2e-5, err_msg=key)

    for index, name in enumerate(names):
        present = np.ones((3, len(names)), bool)
        present[1, index] = False
        clean, other = (
            call({k: tf.constant(v) for k, v in each.items()})["animal"]
            for each in ({**batch, "present": present}, poisoned(spec, batch, present))
        )
        # Not to the last bit: threads add up a large product in any order.
        np.testing.assert_allclose(clean, other, atol=1e-6, err_msg=name)
        assert np.isfinite(clean).all(), name

    assert idle_variables(model, gradients(model, batch), *IDLE) == []

    mmzoo.save(model, tmp_path / "model")
    loaded = mmzoo.load(tmp_path / "model")
    assert loaded.spec == spec
    changed = model(batch)  # batch statistics have moved
    for key, value in loaded(batch).items():
        np.testing.assert_allclose(value, changed[key], atol=1e-6, err_msg=key)


@pytest.mark.long
@pytest.mark.parametrize(("names", "kind"), [p for p in kinds() if not p.marks])
def test_towers_in_bfloat16(names: list[str], kind: str) -> None:
    """Built under the mixed policy they answer in float32, near what float32 gives."""
    spec = towers_spec(names, kind)
    batch, full = batch_of(spec), mmzoo.build(spec)
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        mixed = mmzoo.build(spec)
    finally:
        keras.config.set_dtype_policy("float32")
    weights = named_weights(full)
    for path, weight in named_weights(mixed).items():
        weight.assign(weights[path])
    wanted = full(batch)
    for key, value in mixed(batch).items():
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, wanted[key], atol=0.15, rtol=0.1, err_msg=key)


@pytest.mark.parametrize(
    ("kind", "changes"), [pytest.param("text", {"tokens": 9}, marks=pytest.mark.long), ("sensor", {"steps": 20})]
)
def test_longer_padding_changes_nothing(kind: str, changes: dict[str, Any]) -> None:
    short, long = (mmzoo.build(towers_spec(ENCODERS, kind, **more)) for more in ({}, changes))
    kept = named_weights(short)
    for path, weight in named_weights(long).items():
        value = weight.numpy()  # more places than the short one has keep what they have
        value[tuple(slice(n) for n in kept[path].shape)] = kept[path].numpy()
        weight.assign(value)
    found = [model(batch_of(model.spec)) for model in (short, long)]
    for key, value in found[0].items():
        np.testing.assert_allclose(value, found[1][key], atol=1e-5, err_msg=key)


def test_every_sequence_tower_serves_every_sequence() -> None:
    for name in ENCODERS:
        assert towers.facts(name)["serves"] == SEQUENCES


def test_frames_over_time() -> None:
    """The order of the frames matters to all but their mean."""
    inputs = []
    for time in ("mean", *ENCODERS):
        options = {} if time == "mean" else {"time": mmzoo.Tower(time, width=8)}
        tower = mmzoo.Tower("frames", image=mmzoo.Tower("small_cnn", filters=[4]), **options)
        inputs.append(mmzoo.Video(time, size=16, frames=3, tower=tower))
    spec = mmzoo.Spec(inputs, "concat", [replace(TASK, auxiliary=0.5)], dim=16)
    model, batch = mmzoo.build(spec), batch_of(spec)
    found, turned = model(batch), model({**batch, **{item.name: batch[item.name][:, ::-1] for item in inputs}})
    for item in inputs:
        moved = np.abs(found[f"animal.{item.name}"] - turned[f"animal.{item.name}"]).max()
        assert (moved < 1e-5) == (item.name == "mean"), item.name


@pytest.mark.parametrize("features", ["log_mel", "mfcc", "given"])
def test_features_of_a_sound(features: str) -> None:
    names = ["spectrogram_cnn", "lstm", "patch_transformer", "spectrogram_image"]
    changes = {"frames": 40, "num_mel_bins": 20} if features == "given" else {"features": features, "num_mel_bins": 32}
    spec = towers_spec(names, "audio", **changes)
    values = [np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32)] * 2
    if features != "given":
        values = [value[:, 0].repeat(100) for value in values]
    for key, found in mmzoo.build(spec)(decode(spec, mmzoo.Records(dict.fromkeys(names, values)))).items():
        assert np.isfinite(found).all(), key


WRONG = {
    "too small": (lambda: make_input("image", "inception_v3").__class__("x", size=32, tower="inception_v3"), "size=75"),
    "patches do not fit": (lambda: mmzoo.Image("x", size=30, tower="vit"), "give it size=24, or another patch"),
    "too short": (
        lambda: mmzoo.Audio("x", seconds=0.1, sample_rate=1000, tower="waveform_cnn"),
        "at least 256 samples",
    ),
    "nested of another kind": (
        lambda: mmzoo.Video("x", tower=mmzoo.Tower("frames", image="lstm")),
        "'lstm' is none; there are: color_histogram, convnext_tiny",
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
