"""VGG from random weights: at the scale that thirteen convolutions with ReLU keep, and with batch normalization."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from tests.conftest import small_spec


def layers_of(tower: mmzoo.Tower) -> list[Any]:
    """All layers of a model of one picture."""
    model = mmzoo.build(small_spec(inputs=[mmzoo.Image("picture", size=32, tower=tower, augmentations=[])]))
    return list(model._flatten_layers())


@pytest.mark.parametrize("batch_norm", [False, True])
def test_random_weights_suit_relu(batch_norm: bool) -> None:
    layers = layers_of(mmzoo.Tower("vgg16", batch_norm=batch_norm))
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 13
    for layer in convolutions:
        height, width, channels, _ = layer.kernel.shape
        wanted = np.sqrt(2 / (height * width * channels))  # He et al. 2015, equation 10
        np.testing.assert_allclose(np.std(np.asarray(layer.kernel)), wanted, rtol=0.06)
        assert layer.use_bias != batch_norm
    normal = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(normal) == 13 * batch_norm


def test_pretrained_weights_know_no_batch_normalization() -> None:
    with pytest.raises(MMZooError, match="know no batch normalization; leave out batch_norm or weights"):
        layers_of(mmzoo.Tower("vgg16", weights="imagenet", batch_norm=True))


@pytest.mark.parametrize(("name", "made"), [("vgg16", keras.applications.VGG16), ("vgg19", keras.applications.VGG19)])
def test_it_is_the_network_of_keras(name: str, made: Any) -> None:
    """The same layers by the same names, and each weight once: what is made beside them is refused at loading."""
    shapes: list[tuple[int, ...]] = []

    def create(next_creator: Any, **facts: Any) -> Any:
        variable = next_creator(**facts)
        shapes.append(tuple(variable.shape))
        return variable

    with tf.variable_creator_scope(create):
        layers = layers_of(mmzoo.Tower(name))
    same = made(include_top=False, weights=None, input_shape=(32, 32, 3)).layers[1:]
    found = {layer.name: layer for layer in layers}
    assert [type(found[each.name]) for each in same] == [type(each) for each in same]
    wanted = [tuple(weight.shape) for each in same for weight in each.weights]
    assert [shape for shape in shapes if shape in wanted] == wanted
