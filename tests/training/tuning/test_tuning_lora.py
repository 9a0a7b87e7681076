"""Low-rank additions: Keras' own maths, kernels that stay as they are, every tower, and a step that compiles."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.tuning.groups import Addition
from mmzoo.tuning.lora import matrix
from mmzoo.tuning.model import tune
from mmzoo.tuning.parts import tuned_towers, variables_of
from tests.training.tuning.case import SPEC, moved, settings, trainer_of, values
from tests.zoo import batch_of, kinds, towers_spec


def test_lora_leaves_the_kernels_until_they_are_merged() -> None:
    trainer, batches, _ = trainer_of(SPEC, settings("lora", ema_decay=0.0))
    kernels = [each.kernel for each in trainer.tuned.additions]
    towers = [v for tower in tuned_towers(trainer.model, ["words"]) for v in variables_of(tower)]
    before, seeds = values(towers), values(trainer.seeds)
    trainer.run(batches, 6)
    assert moved(towers, before) == set()
    assert moved(trainer.seeds, seeds) == set(seeds), "dropout draws anew although the scope holds its seeds"
    assert all(np.abs(each.b.numpy()).max() > 0 for each in trainer.tuned.additions)
    inputs, _ = next(batches)
    mapping = [(each.kernel, each.total()) for each in trainer.tuned.additions]
    with keras.StatelessScope(mapping):
        added = trainer.model(inputs, training=False)["animal"]
    with trainer.averaged():
        merged = trainer.model(inputs, training=False)["animal"]
        assert moved(towers, before) == {kernel.path for kernel in kernels}
    base = trainer.model(inputs, training=False)["animal"]
    np.testing.assert_allclose(added, merged, atol=1e-5)
    assert np.abs(np.subtract(merged, base)).max() > 1e-4
    assert moved(towers, before) == set(), "as before to the bit"


@pytest.mark.parametrize("alpha", [None, 6.0])
def test_lora_is_keras_own_on_a_dense_layer(alpha: float | None) -> None:
    """The same output and the same gradients, and the whole in float64 by NumPy."""
    rng = np.random.default_rng(0)
    x, a, b = (rng.normal(size=shape).astype(np.float32) for shape in ((5, 7), (7, 3), (3, 4)))
    own = keras.layers.Dense(4)
    own.build((None, 7))
    kernel, bias = (variable.numpy().astype(np.float64) for variable in own.variables)
    plain = keras.layers.Dense(4)
    plain.build((None, 7))
    plain.set_weights(own.get_weights())
    own.enable_lora(3, lora_alpha=alpha)
    own.lora_kernel_a.assign(a)
    own.lora_kernel_b.assign(b)
    factors = keras.Variable(a), keras.Variable(b)
    scale = (alpha or 3) / 3
    addition = Addition(plain.kernel, *factors, scale)
    with tf.GradientTape() as tape:
        wanted = own(x)
        loss = tf.reduce_sum(wanted**2)
    wanted_gradients = tape.gradient(loss, [own.lora_kernel_a.value, own.lora_kernel_b.value])
    with tf.GradientTape() as tape:
        with keras.StatelessScope([(plain.kernel, addition.total())]):
            found = plain(x)
        loss = tf.reduce_sum(found**2)
    gradients = tape.gradient(loss, [factor.value for factor in factors])
    exact = x.astype(np.float64) @ (kernel + scale * a.astype(np.float64) @ b) + bias
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    for one, other in zip(gradients, wanted_gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "sides"),
    [((7, 5), (7, 5)), ((128, 2, 64), (128, 128)), ((3, 3, 8, 16), (72, 16)), ((3, 3, 32, 1), (9, 32))],
)
def test_a_kernel_is_parted_nearest_to_a_square(shape: tuple[int, ...], sides: tuple[int, int]) -> None:
    assert matrix(shape) == sides


def has_kernels(model: keras.Model, name: str) -> bool:
    """Has the tower of an input a kernel that trains?"""
    own = model.parts.of(name)
    layers = [layer for layer in own.layers if layer is not own.tokens]
    return any("kernel" in variable.name for layer in layers for variable in layer.trainable_variables)


@pytest.mark.long
@pytest.mark.parametrize(("names", "kind"), kinds())
def test_lora_reaches_every_kernel_of_every_tower(names: list[str], kind: str) -> None:
    """What is added counts: one by one it has a gradient, and together they answer as the merged model."""
    spec = towers_spec(names, kind)
    keras.utils.set_random_seed(0)  # of few units none may be dead from the start
    model, inputs = mmzoo.build(spec), batch_of(spec)
    tuned = [name for name in names if has_kernels(model, name)]
    if not tuned:
        pytest.skip("no tower of it has a kernel that trains")
    additions = tune(model, mmzoo.Training(tune=mmzoo.Tune("lora", rank=1), tune_inputs=tuned)).additions
    rng = np.random.default_rng(0)
    for each in additions:
        each.b.assign(rng.normal(size=each.b.shape) * 0.01)
    with tf.GradientTape() as tape:
        with keras.StatelessScope([(each.kernel, each.total()) for each in additions]):
            outputs = model(inputs, training=False)
        weights = rng.normal(size=outputs["animal"].shape).astype(np.float32)
        loss = tf.reduce_sum(outputs["animal"] * weights)
    found = tape.gradient(loss, [each.a.value for each in additions], unconnected_gradients="zero")
    still = {each.kernel.path for each, g in zip(additions, found, strict=True) if not np.abs(g).max() > 0}
    assert still == set()
    for each in additions:
        each.kernel.assign(each.total())
    for key, merged in model(inputs, training=False).items():
        np.testing.assert_allclose(outputs[key], merged, rtol=1e-5, atol=1e-5, err_msg=key)


@pytest.mark.long
def test_the_step_compiles() -> None:
    trainer, batches, _ = trainer_of(SPEC, settings("lora"))
    before = [v.numpy() for v in trainer.variables]
    step = tf.function(trainer.learn, jit_compile=True)
    batch = next(batches)
    losses = [step(*batch).numpy() for _ in range(2)]  # the first at a rate of 0, from which it rises
    assert np.isfinite(losses).all()
    assert any((v.numpy() != old).any() for v, old in zip(trainer.variables, before, strict=True))
