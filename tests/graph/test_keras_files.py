"""Our models are Keras models like any other: saved, loaded and cloned by Keras itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.fusions import fusions
from mmzoo.modalities.base import Modality
from mmzoo.towers import towers
from tests.conftest import small_spec, usual
from tests.zoo import INPUTS, LARGE, TASK, batch_of, make_input


def check_keras(model: keras.Model, batch: dict[str, np.ndarray], path: Path) -> None:
    """Saved and loaded, and cloned, `model` answers as it does."""
    for weight in model.weights:  # what begins at zero or one must be carried over too
        if "float" in weight.dtype:
            weight.assign(weight + 0.01 * np.random.default_rng(0).random(weight.shape))
    wanted = model(batch)
    model.save(path / "model.keras")
    loaded = keras.models.load_model(path / "model.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for name, value in wanted.items():
        np.testing.assert_array_equal(loaded(batch)[name], value)
        np.testing.assert_array_equal(clone(batch)[name], value)
    assert loaded.spec == model.spec
    assert loaded.parts.inputs.keys() == model.parts.inputs.keys()


def made_input(kind: str, tower: str) -> Modality:
    """A small input of that kind, called as its tower is."""
    return dataclasses.replace(make_input(kind, tower), name=f"x_{tower}")


def served(kind: str) -> list[str]:
    """The towers for inputs of that kind that are built in a few seconds."""
    return [name for name in towers.names(serves=kind) if name not in LARGE]


@pytest.mark.parametrize("name", usual(fusions.names(), {"cross_attention", "mixture_of_experts", "hard_vote"}))
def test_fusions(name: str, tmp_path: Path) -> None:
    """Over two inputs whose towers are quickly built."""
    inputs = [made_input("sensor", "cnn_1d"), made_input("tabular", "ft_transformer")]
    spec = mmzoo.Spec(inputs, name, [TASK], dim=8)
    check_keras(mmzoo.build(spec), batch_of(spec), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", INPUTS)
def test_towers(kind: str, tmp_path: Path) -> None:
    """All towers of a kind in one model."""
    spec = mmzoo.Spec([made_input(kind, name) for name in served(kind)], "concat", [TASK], dim=8)
    check_keras(mmzoo.build(spec), batch_of(spec), tmp_path)


@pytest.mark.parametrize("kind", INPUTS)
def test_layers_of_towers(kind: str) -> None:
    """Each layer of ours is made again from its config as it was."""
    spec = mmzoo.Spec([made_input(kind, name) for name in served(kind)], "concat", [TASK], dim=8)
    model = mmzoo.build(dataclasses.replace(spec, task_weights="learned"))
    for layer in model.layers:
        if type(layer).__module__.startswith("mmzoo"):
            config = layer.get_config()
            assert type(layer).from_config(config).get_config() == config


@pytest.mark.long
def test_frozen_blocks(tmp_path: Path) -> None:
    tower = mmzoo.Tower("efficientnet_lite0", trainable_blocks=2)
    spec = mmzoo.Spec([mmzoo.Image("x", size=32, tower=tower)], "concat", [TASK], dim=8)
    check_keras(mmzoo.build(spec), batch_of(spec), tmp_path)


def test_the_precision_is_kept(tmp_path: Path) -> None:
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = mmzoo.build(small_spec("concat"))
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").dtype_policy.name == "mixed_bfloat16"
