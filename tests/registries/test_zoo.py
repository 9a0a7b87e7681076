"""Every fusion of the registry: any subset of the modalities, gradients; and weights from elsewhere."""

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
from mmzoo.graph.cut import split
from mmzoo.names import owner_of
from tests.conftest import LABELS, small_records, small_spec, usual
from tests.zoo import FAMILIES, fused, fusion_spec, gradients, idle_variables, poisoned, tower_spec


def sample(spec: mmzoo.Spec, count: int = 3) -> dict[str, np.ndarray]:
    return decode(spec, small_records(count))


SUBSETS = [np.isin(range(3), chosen) for size in (1, 2, 3) for chosen in combinations(range(3), size)]


@pytest.mark.parametrize("name", fusions.names())
def test_fusion_with_every_subset(name: str) -> None:
    """Each row of a batch has other modalities, so that one batch has all subsets."""
    model = fused(name)
    batch = sample(model.spec, len(SUBSETS))
    present = np.array(SUBSETS)
    outputs, others = model({**batch, "present": present}), model(poisoned(model.spec, batch, present))
    for key, value in outputs.items():
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, others[key])
    everything = model({**batch, "present": np.ones_like(present)})["animal"]
    alone = model({**batch, "present": np.tile(SUBSETS[0], (len(SUBSETS), 1))})["animal"]
    assert np.abs(everything - alone).max() > 1e-6, "the other modalities change nothing"


@pytest.mark.parametrize("name", usual(fusions.names(), FAMILIES))
def test_fusion_gradients_reach_every_variable_and_do_not_see_absent_values(name: str) -> None:
    model = fused(name)
    batch = sample(model.spec)
    present = np.array([[True, False, True], [False, True, True], [True, True, False]])
    clean = gradients(model, {**batch, "present": present})
    dirty = gradients(model, poisoned(model.spec, batch, present))
    # A fusion that leaves absent modalities out has no use for what stands in for them.
    idle = ("/key/bias", *(["/missing"] if fusions.facts(name)["absent"] == "left out" else []))
    assert idle_variables(model, clean, *idle) == [], "every other variable trains"
    assert clean.keys() == dirty.keys()
    for path, value in clean.items():
        assert np.isfinite(dirty[path]).all()
        np.testing.assert_array_equal(value, dirty[path])


@pytest.mark.parametrize("fusion", fusions.names())
def test_every_layer_has_an_owner(fusion: str) -> None:
    """A layer of ours that Keras names could meet an input's; and what has weights must be found by its owner."""
    model = fused(fusion)
    owners = {*model.spec.input_names, "animal", "fusion", "present"}
    assert {owner_of(layer.name) for layer in model.layers} <= owners
    for layer in model.layers:  # what a layer is called and what the model knows of it say the same
        assert model.parts.owner_of(layer) == owner_of(layer.name) or isinstance(layer, keras.layers.InputLayer)
    for operation in model.operations:
        assert isinstance(operation, keras.layers.Layer) or "." not in operation.name


@pytest.mark.parametrize("name", usual(fusions.names(), FAMILIES))
def test_one_modality_is_enough(name: str) -> None:
    model = mmzoo.build(fusion_spec(name).subset(["words"]))
    assert np.isfinite(model(sample(model.spec))["animal"]).all()


def test_empty_text_and_silence_count_as_absent() -> None:
    spec = small_spec()
    model, batch = mmzoo.build(spec), sample(spec)
    silent = {**batch, "words": np.zeros_like(batch["words"]), "sound": np.zeros_like(batch["sound"])}
    absent = {**batch, "present": np.tile([True, False, False], (3, 1))}
    np.testing.assert_array_equal(model(silent)["animal"], model(absent)["animal"])


def test_the_two_halves_are_the_model() -> None:
    inputs = [
        mmzoo.Image("picture", size=32, tower=mmzoo.Tower("efficientnet_lite0", trainable_blocks=2)),
        *small_spec().inputs[1:],
    ]
    spec = small_spec(inputs=inputs)
    model, batch = mmzoo.build(spec), sample(spec)
    part = split(model)
    assert list(part.frozen) == spec.input_names
    features = {
        name: frozen_features({name: batch[name], "present": batch["present"]}, training=False)
        for name, frozen_features in part.frozen.items()
    }
    entry = {**features, "present": tf.constant(batch["present"])}
    np.testing.assert_allclose(part.rest(entry)["animal"], model(batch)["animal"], atol=1e-6)
    assert part.frozen["picture"].variables
    assert not any(frozen_features.trainable_variables for frozen_features in part.frozen.values())


@pytest.mark.parametrize("name", usual(["efficientnet_lite0", "vgg16", "resnet50"], {"efficientnet_lite0", "vgg16"}))
def test_blocks_that_train(name: str, tmp_path: Any) -> None:
    weights = "imagenet"
    if name != "efficientnet_lite0":  # their ImageNet weights need the network: a local file stands in
        weights = str(tmp_path / f"{name}.weights.h5")
        make = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}[name]
        make(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(weights)
    sizes = []
    for blocks in (0, 1, 2):
        tower = mmzoo.Tower(name, weights=weights, trainable_blocks=blocks)
        spec = mmzoo.Spec(
            [mmzoo.Image("picture", size=32, tower=tower)], "concat", tower_spec(name, "image").tasks, dim=16
        )
        model = mmzoo.build(spec)
        sizes.append(len(model.trainable_variables))
        assert np.isfinite(model(sample(spec))["animal"]).all()
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
    with pytest.raises(mmzoo.MMZooError, match="the tower of input 'p': the file has no layer 'block1_conv1'"):
        build(str(tmp_path / "other.weights.h5"))
    start = x = keras.Input((32, 32, 3))
    for block, (count, width) in enumerate([(2, 64), (2, 96)], start=1):  # as VGG16, but for the width of a block
        for number in range(1, count + 1):
            x = keras.layers.Conv2D(width, 3, name=f"block{block}_conv{number}")(x)
    keras.Model(start, x).save_weights(tmp_path / "wide.weights.h5")
    with pytest.raises(mmzoo.MMZooError, match=r"layer 'block2_conv1' has shapes .* in the tower and .* in the file"):
        build(str(tmp_path / "wide.weights.h5"))


def test_a_call_with_the_wrong_inputs_names_them() -> None:
    spec = small_spec()
    model, batch = mmzoo.build(spec), sample(spec)
    wrong: list[tuple[Any, str]] = [
        ({**batch, "smell": batch["sound"]}, "has no input smell; it takes picture, words, sound, present"),
        ({name: batch[name] for name in ("picture", "present")}, "needs sound, words too"),
        (list(batch.values()), "takes a dict with picture, words, sound, present, not list"),
    ]
    for inputs, words in wrong:
        with pytest.raises(mmzoo.MMZooError, match=words):
            model(inputs)
    with pytest.raises(mmzoo.MMZooError, match="has no input smell"):
        model.predict({**batch, "smell": batch["sound"]}, verbose=0)
