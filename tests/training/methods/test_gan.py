"""Pictures that a discriminator takes for real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.names import EMBEDDING
from mmzoo.training.discriminator import SpectralNormalization, discriminator
from mmzoo.training.loss import Batch, known_totals
from mmzoo.training.methods.base import Learner
from mmzoo.training.methods.gan import GAN
from mmzoo.training.run_folder.checkpoint import load_checkpoint
from mmzoo.training.settings import check_settings
from mmzoo.training.step import prepared
from mmzoo.training.stopping import Interrupted
from mmzoo.tuning.groups import Tuned
from tests.conftest import small_records, small_spec, stop_at

TRAINING = mmzoo.Training(epochs=2, batch_size=8, modality_dropout=0.0, methods=[mmzoo.Method("gan", width=4)])
RECORDS = small_records(24)


def spec_of(fusion: str = "concat", **options: Any) -> mmzoo.Spec:
    picture, words, _ = small_spec().inputs
    task = mmzoo.Reconstruction("picture", **{"masked": 1.0, "noise": 4, "weight": 0.0, **options})
    return small_spec(fusion, inputs=[picture, words], tasks=[task])


@pytest.mark.parametrize("layer", [keras.layers.Dense(5, use_bias=False), keras.layers.Conv2D(5, 3, use_bias=False)])
def test_the_largest_singular_value_becomes_1(layer: keras.layers.Layer) -> None:
    made = SpectralNormalization(layer)
    x = tf.random.stateless_normal((2, 6, 6, 3) if "conv" in layer.name else (2, 7), (0, 1))
    for _ in range(200):
        found = made(x, training=True)
    kernel = np.asarray(layer.kernel, np.float64).reshape(-1, 5)
    np.testing.assert_allclose(found, layer(x) / np.linalg.svd(kernel)[1][0], rtol=1e-4, atol=1e-6)
    assert float(np.abs(made(x) - found).max()) < 1e-5


def test_the_discriminator_is_lipschitz() -> None:
    """Each of its layers has norm 1 for a kernel as a matrix, so that a picture's score cannot rise without bound."""
    judge = discriminator(16, 3, 6, 4)
    x, given = tf.random.stateless_normal((4, 16, 16, 3), (0, 1)), tf.zeros((4, 6))
    for _ in range(50):
        judge([x, given], training=True)
    one, other = judge([x, given]), judge([100 * x, given])
    assert np.abs(other - one).max() < 100 * 4**2 * np.linalg.norm(np.reshape(x, (4, -1)), axis=1).max()
    assert judge.output_shape == (None, 1)


def test_the_slopes_are_those_of_the_hinge_loss_and_the_penalty() -> None:
    """Along the slope the loss, computed by itself, rises by its squared length; a record without a picture is out."""
    spec = spec_of().fit(RECORDS)
    model = prepared(spec, mmzoo.build(spec), TRAINING)
    method = GAN(r1=0.5, width=4)
    method.build(Learner(spec, model, Tuned([]), 10))
    (task,), (judge,) = spec.tasks, method.judges
    cells = np.stack([task.encode(RECORDS.column("picture")[row]) for row in range(4)])
    cells[3] = np.nan
    labels = {task.name: tf.constant(cells)}
    batch = Batch({}, labels, tf.ones((4, 2), bool), None, known_totals(spec, labels, tf.ones((4, 2), bool)))
    rng = np.random.default_rng(0)
    made = rng.normal(size=(4, 32, 32, 3)).astype(np.float32) * 0.3
    outputs = {
        task.name: tf.constant(made.reshape(4, -1)),
        EMBEDDING: tf.constant(rng.normal(size=(4, model.output[EMBEDDING].shape[-1])), tf.float32),
    }
    for layer in judge.layers:  # so that the power iteration stands still
        if isinstance(layer, SpectralNormalization):
            kernel = np.asarray(layer.layer.kernel).reshape(-1, layer.u.shape[-1])
            layer.u.assign(np.linalg.svd(kernel)[2][:1])
    total = method.measure(batch, outputs, [], tf.GradientTape())
    slope, varied = total[:-2].numpy(), total[-2:].numpy()
    low, high = (np.float32(each - task.cells.means) / task.cells.deviations for each in (0, 255))
    pixels = (cells[:3].astype(np.float32) - task.cells.means) / task.cells.deviations
    clipped = np.clip(made.reshape(4, -1), low, high)[:3]
    assert varied == pytest.approx([clipped.var(axis=0).mean(), pixels.var(axis=0).mean()], rel=1e-3)

    def loss() -> float:
        real, given = tf.constant(pixels.reshape(3, 32, 32, 3)), outputs[EMBEDDING][:3]
        with tf.GradientTape() as tape:
            tape.watch(real)
            said = judge([real, given])
        steep = (tape.gradient(said, real).numpy() ** 2).sum(axis=(1, 2, 3))
        taken = judge([tf.constant(clipped.reshape(3, 32, 32, 3), tf.float32), given]).numpy()[:, 0]
        each = np.maximum(1 - said.numpy()[:, 0], 0) + np.maximum(1 + taken, 0) + 0.25 * steep
        return float(each.mean(dtype=np.float64))

    values, ends = [], np.cumsum([int(np.prod(v.shape)) for v in method.trained])[:-1]
    before = [v.numpy() for v in method.trained]
    for step in (1e-2, -1e-2):
        for variable, value, part in zip(method.trained, before, np.split(slope, ends), strict=True):
            variable.assign(value + step * part.reshape(value.shape) / np.linalg.norm(slope))
        values.append(loss())
    assert (values[0] - values[1]) / 2e-2 == pytest.approx(np.linalg.norm(slope), rel=0.08)  # the hinge has corners


@pytest.mark.long
def test_it_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The discriminator, its optimizer and what is drawn go on as if nothing had been."""
    whole = mmzoo.train(spec_of(), RECORDS, RECORDS, training=TRAINING, out=tmp_path / "whole")
    stop_at(monkeypatch, 4)
    with pytest.raises(Interrupted, match="Stopped at step 4 of 6"):
        mmzoo.train(spec_of(), RECORDS, RECORDS, training=TRAINING, out=tmp_path / "cut")
    resumed = mmzoo.train(spec_of(), RECORDS, RECORDS, training=TRAINING, out=tmp_path / "cut")
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    one, other = (load_checkpoint(run.folder / "checkpoints") for run in (whole, resumed))
    assert one is not None and other is not None and one[0].keys() == other[0].keys()
    for name, array in one[0].items():
        np.testing.assert_array_equal(array, other[0][name])
    grids = [path.name for path in sorted((whole.folder / "samples").iterdir())]
    assert grids == ["picture_rebuilt-0001.png", "picture_rebuilt-0002.png"]
    for name in grids:
        assert (whole.folder / "samples" / name).read_bytes() == (resumed.folder / "samples" / name).read_bytes()


def test_a_collapse_ends_the_training() -> None:
    spec = spec_of().fit(RECORDS)
    method = GAN(width=4)
    method.build(Learner(spec, prepared(spec, mmzoo.build(spec), TRAINING), Tuned([]), 10))
    method.end_epoch(1, lambda: pytest.fail("nothing is asked"))
    assert not method.settled(9) and method.settled(10)
    method.variables[-1].assign([[1e-5, 1.0]])
    with pytest.raises(MMZooError, match=r"'picture_rebuilt' makes have become the same \(epoch 3\): the GAN has"):
        method.end_epoch(3, lambda: pytest.fail("nothing is asked"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (small_spec(), r"needs a picture to make: give the spec a task such as mmzoo\.Reconstruction"),
        (spec_of(noise=0), r"Task 'picture_rebuilt' draws nothing, .* set its 'noise'"),
    ],
)
def test_what_has_no_picture_to_make_is_refused(spec: mmzoo.Spec, words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        check_settings(spec, TRAINING)
