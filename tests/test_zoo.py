"""Every tower and every fusion of the registries: shapes, gradients, missing modalities, one graph everywhere."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.fusions import fusions
from mmzoo.towers import towers
from mmzoo.training.features import split
from mmzoo.training.loss import total_loss
from tests.conftest import LABELS, small_records, small_spec

# Small versions of the towers; one that is not here is built as it comes.
SMALL: dict[str, dict[str, Any]] = {
    "small_cnn": {"filters": [4, 8]},
    "efficientnet_lite0": {"weights": None},
    "embedding_attention": {"width": 8, "buckets": 64, "tokens": 6, "heads": 2},
    "static_embedding_attention": {"width": 8, "tokens": 6, "heads": 2},
    "spectrogram_cnn": {"filters": [4, 4, 4, 4]},
}
INPUTS = {"image": mmzoo.Image, "text": mmzoo.Text, "audio": mmzoo.Audio}
FACTS: dict[str, dict[str, Any]] = {
    "image": {"size": 32},
    "text": {"max_bytes": 32},
    "audio": {"sample_rate": 8000, "seconds": 0.5},
}
SUBSETS = [np.isin(range(3), chosen) for size in (1, 2, 3) for chosen in combinations(range(3), size)]


def batch_of(spec: mmzoo.Spec, count: int = 3) -> dict[str, np.ndarray]:
    return decode(spec, small_records(count))


def poisoned(spec: mmzoo.Spec, batch: dict[str, np.ndarray], present: np.ndarray) -> dict[str, np.ndarray]:
    """The batch with garbage, NaN where there can be, in every absent modality."""
    changed = {**batch, "present": present}
    for index, item in enumerate(spec.inputs):
        garbage = np.nan if item.dtype == "float32" else 201
        changed[item.name] = batch[item.name].copy()
        changed[item.name][~present[:, index]] = garbage
    return changed


def gradients(model: keras.Model, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    labels = {"animal": tf.constant([0, 1, 2])}
    keras.utils.set_random_seed(0)
    for layer in model._flatten_layers():
        for seeds in getattr(layer, "_seed_generators", []):
            seeds.state.assign(np.array([1, 2]))
    with tf.GradientTape() as tape:
        outputs = model({name: tf.constant(value) for name, value in batch.items()}, training=True)
        loss = total_loss(model.spec, outputs, labels, tf.constant(batch["present"]))
    variables = model.trainable_variables
    found = tape.gradient(loss, [v.value for v in variables])
    return {v.path: tf.convert_to_tensor(g).numpy() for v, g in zip(variables, found, strict=True) if g is not None}


def tower_spec(name: str) -> mmzoo.Spec:
    kind = towers.facts(name)["serves"]
    column = {"image": "picture", "text": "words", "audio": "sound"}[kind]
    item = INPUTS[kind](column, tower=mmzoo.Tower(name, **SMALL.get(name, {})), **FACTS[kind])
    return mmzoo.Spec([item], "concat", [mmzoo.Classification("animal", labels=LABELS)], dim=16)


@pytest.mark.parametrize("name", towers.names())
def test_tower(name: str) -> None:
    spec = tower_spec(name)
    model, batch = mmzoo.build(spec), batch_of(spec)
    outputs = model(batch)["animal"]
    assert outputs.shape == (3, 3)
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()
    graph = tf.function(model)({k: tf.constant(v) for k, v in batch.items()})["animal"]
    np.testing.assert_allclose(graph, outputs, atol=1e-5)
    one = {key: value[:1] for key, value in batch.items()}
    np.testing.assert_allclose(model(one)["animal"], outputs[:1], atol=1e-5)
    found = gradients(model, batch)
    # A key's bias shifts all scores of a softmax alike; nothing is missing, so nothing stands in for it.
    idle = ("/key/bias", "/missing")
    for variable in model.trainable_variables:
        if not variable.path.endswith(idle):
            assert variable.path in found, f"{variable.path} gets no gradient"
            assert np.abs(found[variable.path]).max() > 0, f"the gradient of {variable.path} is zero"


@pytest.mark.parametrize("name", towers.names(serves="text"))
def test_longer_padding_changes_nothing(name: str) -> None:
    answers = []
    for length in (32, 48):
        spec = tower_spec(name)
        item = mmzoo.Text("words", tower=spec.inputs[0].tower, max_bytes=length)
        keras.utils.set_random_seed(0)
        model = mmzoo.build(mmzoo.Spec([item], "concat", spec.tasks, dim=16))
        answers.append(np.asarray(model(batch_of(model.spec))["animal"]))
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)


@pytest.mark.parametrize("name", fusions.names())
def test_fusion_with_every_subset(name: str) -> None:
    spec = small_spec(name)
    model, batch = mmzoo.build(spec), batch_of(spec)
    for chosen in SUBSETS:
        present = np.tile(chosen, (3, 1))
        clean = {**batch, "present": present}
        outputs, others = model(clean), model(poisoned(spec, batch, present))
        for key, value in outputs.items():
            assert np.isfinite(value).all()
            np.testing.assert_array_equal(value, others[key])
    everything = model({**batch, "present": np.ones((3, 3), bool)})["animal"]
    alone = model({**batch, "present": np.tile(SUBSETS[0], (3, 1))})["animal"]
    assert np.abs(everything - alone).max() > 1e-6, "the other modalities change nothing"


@pytest.mark.parametrize("name", fusions.names())
def test_fusion_gradients_do_not_see_absent_values(name: str) -> None:
    spec = small_spec(name)
    model, batch = mmzoo.build(spec), batch_of(spec)
    present = np.array([[True, False, True], [False, True, True], [True, True, False]])
    clean, dirty = gradients(model, {**batch, "present": present}), gradients(model, poisoned(spec, batch, present))
    assert clean.keys() == dirty.keys()
    for path, value in clean.items():
        assert np.isfinite(dirty[path]).all()
        np.testing.assert_array_equal(value, dirty[path])


@pytest.mark.parametrize("name", fusions.names())
def test_every_variable_of_a_fused_model_trains(name: str) -> None:
    spec = small_spec(name)
    model, batch = mmzoo.build(spec), batch_of(spec)
    present = np.array([[True, False, True], [False, True, True], [True, True, False]])
    found = gradients(model, {**batch, "present": present})
    # A fusion that leaves absent modalities out has no use for what stands in for them.
    idle = ("/key/bias", *(["/missing"] if fusions.facts(name)["absent"] == "left out" else []))
    for variable in model.trainable_variables:
        if not variable.path.endswith(idle):
            assert np.abs(found.get(variable.path, 0)).max() > 0, f"{variable.path} does not train"


@pytest.mark.parametrize("name", fusions.names())
def test_one_modality_is_enough(name: str) -> None:
    model = mmzoo.build(small_spec(name).subset(["words"]))
    assert np.isfinite(model(batch_of(model.spec))["animal"]).all()


def test_empty_text_and_silence_count_as_absent() -> None:
    spec = small_spec()
    model, batch = mmzoo.build(spec), batch_of(spec)
    silent = {**batch, "words": np.zeros_like(batch["words"]), "sound": np.zeros_like(batch["sound"])}
    absent = {**batch, "present": np.tile([True, False, False], (3, 1))}
    np.testing.assert_array_equal(model(silent)["animal"], model(absent)["animal"])


def test_the_two_halves_are_the_model() -> None:
    inputs = [
        mmzoo.Image("picture", size=32, tower=mmzoo.Tower("efficientnet_lite0", trainable_blocks=2)),
        *small_spec().inputs[1:],
    ]
    spec = small_spec(inputs=inputs)
    model, batch = mmzoo.build(spec), batch_of(spec)
    part = split(model)
    features = part.trunk(batch, training=False)
    entry = {**features, "present": tf.constant(batch["present"])}
    np.testing.assert_allclose(part.rest(entry)["animal"], model(batch)["animal"], atol=1e-6)
    frozen = {v.path for v in part.trunk.variables}
    assert frozen
    assert not part.trunk.trainable_variables


@pytest.mark.parametrize("name", ["efficientnet_lite0", "vgg16", "resnet50"])
def test_blocks_that_train(name: str, tmp_path: Any) -> None:
    weights = "imagenet"
    if name != "efficientnet_lite0":  # their ImageNet weights need the network: a local file stands in
        weights = str(tmp_path / f"{name}.weights.h5")
        make = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}[name]
        make(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(weights)
    sizes = []
    for blocks in (0, 1, 2):
        tower = mmzoo.Tower(name, weights=weights, trainable_blocks=blocks)
        spec = mmzoo.Spec([mmzoo.Image("picture", size=32, tower=tower)], "concat", tower_spec(name).tasks, dim=16)
        model = mmzoo.build(spec)
        sizes.append(len(model.trainable_variables))
        assert np.isfinite(model(batch_of(spec))["animal"]).all()
    assert sizes[0] < sizes[1] < sizes[2]


def test_weights_that_do_not_fit_or_cannot_be_had(tmp_path: Any) -> None:
    task = [mmzoo.Classification("animal", labels=LABELS)]

    def build(weights: str) -> None:
        mmzoo.build(
            mmzoo.Spec([mmzoo.Image("p", size=32, tower=mmzoo.Tower("vgg16", weights=weights))], "concat", task)
        )

    with pytest.raises(mmzoo.MMZooError, match=r"'nowhere.weights.h5' of input 'p' does not exist"):
        build("nowhere.weights.h5")
    small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    small.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(mmzoo.MMZooError, match="does not fit the tower of input 'p'"):
        build(str(tmp_path / "other.weights.h5"))
