"""What the loss is the sum of: terms of layers' own, only of modalities that are really there, and all of it said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.graph.cut import presence_model
from mmzoo.labels import encode_labels
from mmzoo.names import PRESENT
from mmzoo.training.loop import Loop
from mmzoo.training.methods import made
from mmzoo.training.methods.base import Learner
from mmzoo.training.step import Gradients, prepared
from mmzoo.training.trainer import Trainer
from mmzoo.tuning.model import tune
from tests.conftest import LABELS, small_records, small_spec, usual

FACTOR = 0.1


def spec_of(*names: str) -> mmzoo.Spec:
    task = mmzoo.Classification("animal", labels=LABELS, auxiliary=0.5, mutual=0.1 * (len(names) > 1))
    return small_spec(tasks=[task]).subset(names)


def without_dropout(spec: mmzoo.Spec) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = mmzoo.build(spec)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


def step(model: keras.Model, batch: Any, **settings: Any) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The terms of the loss of a batch and the gradient, not clipped, by the variable's path."""
    spec, training = model.spec, mmzoo.Training(batch_size=6, clip_norm=1e9, **settings)
    rest = prepared(model.spec, model, training)
    tuned, methods = tune(rest, training), made(training.methods)
    for method in methods:
        method.build(Learner(spec, rest, tuned, 10))
    gradients = Gradients(spec, rest, training, tuned, methods)
    variables = [v for group in tuned.groups for v in group.variables]
    scale = tf.constant(1024.0 if training.precision == "float16" else 1.0)
    call = tf.function(lambda *parts: gradients(parts, variables, scale), autograph=False)
    terms, slopes, finite = tf.distribute.get_strategy().run(call, args=batch)
    assert finite
    found = {v.path: slope.numpy() for v, slope in zip(variables, slopes, strict=True)}
    return dict(zip(gradients.terms, terms.numpy().tolist(), strict=True)), found


def batch_of(spec: mmzoo.Spec) -> Any:
    records = small_records(6)
    arrays = decode(spec, records)
    return keras.tree.map_structure(tf.constant, (arrays, encode_labels(spec.tasks, records)))


@pytest.mark.parametrize(
    "settings",
    usual([{}, {"grad_accum_steps": 2}, {"precision": "float16"}, {"methods": ["fgsm"]}], [{"grad_accum_steps": 2}]),
    ids=str,
)
def test_what_layers_add_to_the_loss(settings: dict[str, Any]) -> None:
    """A kernel's L2 and an output's L1, against their definitions: whatever a batch is cut into, or scaled by."""
    model = without_dropout(spec_of("words"))
    batch = batch_of(model.spec)
    before, plain = step(model, batch, **settings)
    dense, norm = model.get_layer("fusion.dense"), model.get_layer("words.norm")
    dense.kernel.regularizer = keras.regularizers.L2(FACTOR)
    norm.activity_regularizer = keras.regularizers.L1(FACTOR)
    after, found = step(model, batch, **settings)
    kernel = dense.kernel.numpy()
    outputs = keras.Model(model.input, norm.output)(batch[0]).numpy()
    wanted = FACTOR * ((kernel.astype(np.float64) ** 2).sum() + np.abs(outputs.astype(np.float64)).sum() / 6)
    assert before["layers_loss"] == 0
    assert after["layers_loss"] == pytest.approx(wanted, rel=1e-4)
    assert after["loss_animal"] == pytest.approx(before["loss_animal"], rel=1e-4)
    path = dense.kernel.path
    np.testing.assert_allclose(found[path] - plain[path], 2 * FACTOR * kernel, atol=2e-5)
    # The L1's own, through the bias of the last layer before the output that it is of.
    slope = FACTOR * np.sign(outputs).sum(axis=(0, 1)) / 6
    np.testing.assert_allclose(found[norm.beta.path] - plain[norm.beta.path], slope, atol=2e-5)


def test_a_regularizer_sees_a_kernel_with_what_is_added_to_it() -> None:
    model = without_dropout(spec_of("words"))
    lora = {"tune": mmzoo.Tune("lora", rank=1, only=["query"]), "tune_inputs": ["words"]}
    kernel = model.get_layer("words.attention").query_dense.kernel
    kernel.regularizer = keras.regularizers.L2(FACTOR)
    terms, _ = step(model, batch_of(model.spec), **lora)
    assert terms["layers_loss"] == pytest.approx(FACTOR * float((kernel.numpy() ** 2).sum()), rel=1e-5)


def test_a_regularizer_of_a_weight_counts_beside_additions_to_others() -> None:
    model = without_dropout(spec_of("words"))
    lora = {"tune": mmzoo.Tune("lora", rank=1, only=["query"]), "tune_inputs": ["words"]}
    kernel = model.get_layer("fusion.dense").kernel
    _, plain = step(model, batch_of(model.spec), **lora)
    kernel.regularizer = keras.regularizers.L2(FACTOR)
    terms, found = step(model, batch_of(model.spec), **lora)
    assert terms["layers_loss"] == pytest.approx(FACTOR * float((kernel.numpy() ** 2).sum()), rel=1e-5)
    slope = 2 * FACTOR * kernel.numpy()
    np.testing.assert_allclose(found[kernel.path] - plain[kernel.path], slope, atol=2e-5)


@pytest.mark.parametrize("settings", usual([{}, {"methods": ["ogm"]}], [{}]), ids=str)
def test_what_is_empty_or_silent_counts_as_absent(settings: dict[str, Any]) -> None:
    spec = spec_of("words", "sound")
    inputs, labels = batch_of(spec)
    silent = tf.constant([True, False, False, True, False, False])
    kept = tf.cast(~silent[:, None], tf.float32)
    given = {**inputs, "sound": inputs["sound"] * kept}
    told = {**given, "present": tf.stack([inputs["present"][:, 0], ~silent], axis=1)}
    one, two = (step(without_dropout(spec), (each, labels), **settings) for each in (given, told))
    assert one[0] == pytest.approx(two[0], rel=1e-5)
    for path, slope in one[1].items():
        np.testing.assert_allclose(slope, two[1][path], atol=1e-6, err_msg=path)


def test_the_model_itself_decides_what_is_there() -> None:
    model = mmzoo.build(small_spec())
    batch = decode(model.spec, small_records(3))
    batch["words"][1], batch["sound"][2] = 0, 0
    found = presence_model(model)(batch)[PRESENT]
    assert found.numpy().tolist() == [[True, True, True], [True, False, True], [True, True, False]]


def test_an_exception_leaves_the_weights_as_they_were() -> None:
    model = without_dropout(spec_of("words"))
    trainer = Trainer(model.spec, model, mmzoo.Training(batch_size=6), 10)
    for average, _ in trainer.averages:
        average.assign_add(tf.ones_like(average))
    before = model.get_weights()

    def fails(error: type[BaseException]) -> None:
        with trainer.averaged():
            assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
            raise error

    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error):
            fails(error)
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_history_has_the_terms() -> None:
    gradients = SimpleNamespace(terms=("loss_a", "loss_b", "layers_loss"))
    trainer = SimpleNamespace(gradients=gradients, tuned=SimpleNamespace(size=1))
    loop: Any = SimpleNamespace(trainer=trainer)
    loop.state = SimpleNamespace(losses=[[1.0, 0.5, 0.0], [3.0, 0.0, 0.0]])
    assert Loop.mean_losses(loop) == {"loss": 2.25, "loss_a": 2.0, "loss_b": 0.25}
    loop.state.losses = [[1.0, 0.0, 0.0]]
    assert Loop.mean_losses(loop) == {"loss": 1.0}, "of one term there is nothing more to say"


def test_the_validation_loss_is_the_training_loss_of_the_same_records() -> None:
    """Without what is drawn they are one: heads, mutual learning, weights and regularizers."""
    spec = spec_of("words", "sound")
    model = without_dropout(spec)
    model.get_layer("fusion.dense").kernel.regularizer = keras.regularizers.L2(FACTOR)
    inputs, labels = batch_of(spec)
    terms, _ = step(model, (inputs, labels))
    frozen = {name: value.numpy() for name, value in inputs.items()}
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    gradients = SimpleNamespace(presence=presence_model(model))
    loop: Any = SimpleNamespace(spec=spec, model=model, trainer=SimpleNamespace(gradients=gradients, methods=[]))
    loop.validation = frozen, {name: value.numpy() for name, value in labels.items()}
    loop.answers = lambda *examples: Loop.answers(loop, *examples)
    found = Loop.validate(loop)["val_loss"]
    assert norms, "they see their own averages in validation"
    assert found == pytest.approx(sum(terms.values()), rel=0.2)
    with_more = model.get_layer("fusion.dense").kernel
    with_more.regularizer = keras.regularizers.L2(2 * FACTOR)
    more = FACTOR * float((with_more.numpy() ** 2).sum())
    assert Loop.validate(loop)["val_loss"] == pytest.approx(found + more, rel=1e-4)
