"""Towers that begin with the weights of a trained one."""

from __future__ import annotations

import inspect
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.graph.weights import named_weights
from mmzoo.towers import towers
from tests.conftest import small_spec
from tests.zoo import TASK, batch_of

OTHER = mmzoo.Regression("weight")
FILTERS = [4, 8]


def picture(name: str = "photo", tower: Any = "small_cnn", **options: Any) -> mmzoo.Spec:
    options = {"filters": FILTERS, **options} if tower == "small_cnn" else options
    return mmzoo.Spec([mmzoo.Image(name, size=32, tower=mmzoo.Tower(tower, **options))], "concat", [OTHER], dim=8)


def shaken(spec: mmzoo.Spec) -> keras.Model:
    """A model none of whose weights is as they all begin."""
    model = mmzoo.build(spec)
    for number, weight in enumerate(model.weights):
        if str(weight.dtype) == "float32":
            weight.assign(np.random.default_rng(number).uniform(0.5, 1.0, weight.shape))
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """A model of three inputs, as it lies in the folder of a run."""
    run = tmp_path_factory.mktemp("run")
    spec = small_spec()
    first = replace(spec.inputs[0], tower=mmzoo.Tower("small_cnn", filters=FILTERS))
    model = shaken(replace(spec, inputs=[first, *spec.inputs[1:]]))
    mmzoo.save(model, run / "model")
    return model, run


@pytest.mark.parametrize("place", ["", "model", "#picture"])
def test_by_the_tower_when_no_input_is_called_the_same(
    saved: tuple[keras.Model, Path], place: str, caplog: pytest.LogCaptureFixture
) -> None:
    source, run = saved
    weights = f"run:{run}{place}" if place.startswith("#") else f"run:{run / place}"
    with caplog.at_level(logging.INFO, "mmzoo"):
        found = named_weights(mmzoo.build(picture(weights=weights)))
    theirs = {key: value for key, value in named_weights(source).items() if key.startswith("picture.")}
    for key in ("conv0/kernel", "norm1/moving_variance", "norm0/gamma"):
        np.testing.assert_array_equal(found[f"photo.{key}"], theirs[f"picture.{key}"])
    assert "begins with 10 of 10 weights of input 'picture'" in caplog.text


def test_what_does_not_fit_stays_and_is_said(saved: tuple[keras.Model, Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mmzoo"):
        model = mmzoo.build(picture(weights=f"run:{saved[1]}", filters=[4, 12]))
    assert "begins with 5 of 10" in caplog.text
    assert (
        "stay as they are: conv1/kernel (3, 3, 4, 12), norm1/gamma (12,), norm1/beta (12,) and 2 more." in caplog.text
    )
    assert np.all(np.asarray(named_weights(model)["photo.norm1/gamma"]) == 1)


def test_a_tower_within_a_tower(saved: tuple[keras.Model, Path]) -> None:
    image = mmzoo.Tower("small_cnn", filters=FILTERS, weights=f"run:{saved[1]}#picture")
    film = mmzoo.Video("film", size=32, frames=2, tower=mmzoo.Tower("frames", image=image))
    found = named_weights(mmzoo.build(mmzoo.Spec([film], "concat", [OTHER], dim=8)))
    theirs = named_weights(saved[0])["picture.conv1/kernel"]
    np.testing.assert_array_equal(found["film.frame.conv1/kernel"], theirs)


def test_a_tower_within_a_tower_begins_with_its_like(tmp_path: Path) -> None:
    def films(name: str, **options: Any) -> mmzoo.Spec:
        image = mmzoo.Tower("small_cnn", filters=FILTERS, **options)
        film = mmzoo.Video(name, size=32, frames=2, tower=mmzoo.Tower("frames", image=image))
        return mmzoo.Spec([film], "concat", [OTHER], dim=8)

    source = shaken(films("film"))
    mmzoo.save(source, tmp_path / "model")
    found = named_weights(mmzoo.build(films("clip", weights=f"run:{tmp_path}")))
    theirs = named_weights(source)["film.frame.conv1/kernel"]
    np.testing.assert_array_equal(found["clip.frame.conv1/kernel"], theirs)


@pytest.mark.long
def test_blocks_that_trained_can_be_frozen(tmp_path: Path) -> None:
    """The layers that hold the blocks are others, and the features are the same."""
    source = mmzoo.build(picture(tower="efficientnet_lite0", weights=None))
    mmzoo.save(source, tmp_path / "model")
    model = mmzoo.build(picture(tower="efficientnet_lite0", weights=f"run:{tmp_path}", trainable_blocks=2))
    assert {"photo.frozen_features", "photo.pretrained"} <= {layer.name for layer in model.layers}
    batch = batch_of(source.spec)
    outputs = [
        np.asarray(keras.Model(each.input, keras.tree.flatten(each.get_layer("photo.tokens").input)[0])(batch))
        for each in (source, model)
    ]
    np.testing.assert_allclose(*outputs, atol=1e-5)


def test_a_saved_model_needs_no_run(saved: tuple[keras.Model, Path], tmp_path: Path) -> None:
    shutil.copytree(saved[1], tmp_path / "run")
    model = shaken(picture(weights=f"run:{tmp_path / 'run'}"))
    mmzoo.save(model, tmp_path / "mine")
    shutil.rmtree(tmp_path / "run")
    batch = batch_of(model.spec)
    np.testing.assert_array_equal(mmzoo.load(tmp_path / "mine")(batch)["weight"], model(batch)["weight"])


WAVE = mmzoo.Sensor("wave", means=[0], deviations=[1], tower=mmzoo.Tower("cnn_1d", weights="run:{}"))
SERIES = mmzoo.Spec([WAVE], "concat", [OTHER], dim=8)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (picture(weights="run:{}#smell"), "No input of the model in .* is called 'smell'; name one of picture"),
        (picture(weights="run:{}/nowhere"), r"nowhere' is not a model: it has no card\.json"),
        (picture(weights="run:{}#words"), "No weight of the tower of input 'words' in .* fits that of input 'photo'"),
        (picture(tower="mobilenet_v3_small", weights="run:{}"), "is called 'photo', and none alone has the same tower"),
        (SERIES, "its inputs are picture, words, sound, and none is sensor, so give another model"),
    ],
    ids=["input", "folder", "tower", "none", "kind"],
)
def test_what_cannot_be_begun_with(saved: tuple[keras.Model, Path], spec: mmzoo.Spec, message: str) -> None:
    item = spec.inputs[0]
    options = {**item.tower.options, "weights": item.tower.options["weights"].format(saved[1])}
    spec = replace(spec, inputs=[replace(item, tower=mmzoo.Tower(item.tower.name, **options))])
    with pytest.raises(MMZooError, match=message):
        mmzoo.build(spec)


def test_a_changed_file_is_refused(saved: tuple[keras.Model, Path], tmp_path: Path) -> None:
    shutil.copytree(saved[1], tmp_path / "run")
    path = tmp_path / "run" / "model" / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(MMZooError, match="wrong length or hash"):
        mmzoo.build(picture(weights=f"run:{tmp_path / 'run'}"))


def test_every_tower_takes_them_and_no_others() -> None:
    for name in towers.names():
        assert "weights" in inspect.signature(towers[name]).parameters, name
    with pytest.raises(MMZooError, match="no pretrained weights for tower 'small_cnn' of input 'photo'"):
        picture(weights="imagenet")
    time = mmzoo.Tower("lstm", weights="run:here")
    with pytest.raises(MMZooError, match="within the tower of input 'film' takes no weights"):
        mmzoo.Spec([mmzoo.Video("film", tower=mmzoo.Tower("frames", time=time))], "concat", [TASK])
