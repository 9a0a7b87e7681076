"""Pruning: the share that was asked for is zero and stays so; channels that give nothing go without a difference."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.training.methods.base import Learner
from mmzoo.training.methods.pruning import Pruning
from mmzoo.training.model.init_from import narrowed, with_fewer_channels
from mmzoo.training.settings import check_settings
from mmzoo.tuning.groups import Group, Tuned
from tests.conftest import small_records, small_spec
from tests.training.tuning.case import PICTURES, trainer_of
from tests.zoo import INPUTS

SPEC = small_spec()


def kernels(model: keras.Model) -> list[np.ndarray]:
    return [np.array(v.numpy()) for v in model.trainable_variables if v.path.endswith("kernel") and v.ndim > 1]


def zipped(path: Path, folder: Path) -> int:
    with zipfile.ZipFile(folder / "file.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path)
    return (folder / "file.zip").stat().st_size


def test_the_share_grows_as_in_the_paper_and_zero_stays_zero() -> None:
    """Against the formula, and a mask that NumPy keeps."""
    rng = np.random.default_rng(0)
    kernel = keras.Variable(rng.normal(size=(20, 30)).astype(np.float32), name="kernel")
    average = keras.Variable(kernel.numpy(), name="average")
    pruning = Pruning(sparsity=0.8)
    pruning.build(Learner(SPEC, keras.Model(), Tuned([Group([kernel])]), 200, [(average, kernel)]))
    gone = np.zeros(kernel.shape, bool)
    for step in range(1, 201):
        before = {id(kernel): tf.constant(kernel.numpy())}
        kernel.assign(kernel.numpy() + rng.normal(size=kernel.shape).astype(np.float32) * 0.1)
        pruning.after_step(before, np.int64(step))
        zero = kernel.numpy() == 0
        assert not (gone & ~zero).any()
        assert ((average.numpy() == 0) == zero).all()
        wanted = 0.8 * (1 - (1 - min(step / 100, 1)) ** 3)
        if step % 2 == 0:
            assert zero.mean() == pytest.approx(wanted, abs=1 / 600 + 1e-6)
        assert pruning.settled(step) == (step >= 100)
        gone = zero


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    spec = small_spec(inputs=[SPEC.inputs[0]])
    training = mmzoo.Training(epochs=6, batch_size=8, learning_rate=0.01, ema_decay=0.9)
    folder = tmp_path_factory.mktemp("runs") / "run"
    return mmzoo.train(spec, small_records(48), small_records(24, 5), training=training, out=folder)


def pruned(run: mmzoo.Run, folder: Path, spec: mmzoo.Spec | None = None, **changes: Any) -> mmzoo.Run:
    training = mmzoo.Training(
        epochs=4, batch_size=8, learning_rate=0.003, ema_decay=0.9, init_from=str(run.folder), **changes
    )
    return mmzoo.train(spec or run.spec, small_records(48), small_records(24, 5), training=training, out=folder)


def accuracy(run: mmzoo.Run) -> float:
    records = small_records(60, 9)
    return float(run.evaluate(records)["metrics"]["accuracy"])


@pytest.mark.long
def test_weights_go_and_the_accuracy_stays(run: mmzoo.Run, tmp_path: Path) -> None:
    found = pruned(run, tmp_path / "pruned", methods=[mmzoo.Method("pruning", sparsity=0.7)])
    for kernel in kernels(found.model):
        assert np.mean(kernel == 0) == pytest.approx(0.7, abs=1 / kernel.size + 1e-6)
    assert accuracy(found) >= accuracy(run) - 0.15  # of few records, by four channels
    before, after = (each.folder / "model" / "weights.safetensors" for each in (run, found))
    assert after.stat().st_size == before.stat().st_size
    assert zipped(after, tmp_path) < 0.6 * zipped(before, tmp_path)


@pytest.mark.long
def test_channels_go_and_the_accuracy_stays(run: mmzoo.Run, tmp_path: Path) -> None:
    found = pruned(run, tmp_path / "pruned", with_fewer_channels(run.spec, 0.5))
    assert found.spec.inputs[0].tower.options["filters"] == [2, 4]
    assert accuracy(found) >= accuracy(run) - 0.15  # of few records, by four channels
    before, after = (each.folder / "model" / "weights.safetensors" for each in (run, found))
    assert after.stat().st_size < before.stat().st_size


TOWERS = [
    ("image", "small_cnn", [4, 8]),
    ("audio", "spectrogram_cnn", [4, 4, 6, 8]),
    ("audio", "waveform_cnn", [4, 8, 6]),
]


@pytest.mark.parametrize(("kind", "name", "filters"), TOWERS)
def test_channels_that_give_nothing_go_without_a_difference(kind: str, name: str, filters: list[int]) -> None:
    made, options = INPUTS[kind]
    item = made("x", tower=mmzoo.Tower(name, filters=filters), **options)
    tasks = [mmzoo.Classification("animal", labels=["cat", "dog"])]
    wide = mmzoo.Spec([item], "concat", tasks, dim=8)
    narrow = with_fewer_channels(wide, 0.5)
    keras.utils.set_random_seed(0)
    old, new = mmzoo.build(wide), mmzoo.build(narrow)
    rng = np.random.default_rng(0)
    silent: dict[int, np.ndarray] = {}
    for layer in old.layers:
        last = layer.variables[0].shape[-1] if layer.variables else 0
        if isinstance(layer, (keras.layers.Conv1D, keras.layers.Conv2D)) and last in filters:
            silent[last] = rng.permutation(last)[: last // 2]
            values = [np.array(v.numpy()) for v in layer.variables]
            for value in values:
                value[..., silent[last]] = 0
            layer.set_weights(values)
        elif isinstance(layer, keras.layers.BatchNormalization):
            values = [rng.uniform(0.5, 1.5, v.shape).astype(np.float32) for v in layer.variables]
            for value in values[:2]:
                value[silent[last]] = 0
            values[2][silent[last]] = 0
            layer.set_weights(values)
    new.set_weights(narrowed(old, new, "the run"))
    records = {"x": [rng.normal(size=4000).astype(np.float32) for _ in range(3)]}
    if kind == "image":
        records = {"x": [rng.integers(0, 256, (32, 32, 3)).astype(np.uint8) for _ in range(3)]}
    batch = decode(wide, mmzoo.Records(records))
    np.testing.assert_allclose(new(batch)["animal"], old(batch)["animal"], atol=1e-5)
    assert new.count_params() < old.count_params()


@pytest.mark.long
def test_a_restart_goes_on_to_the_same_bytes() -> None:
    """From a checkpoint in the middle of the cuts: what is zero is all that must be known."""

    training = mmzoo.Training(epochs=4, batch_size=4, methods=[mmzoo.Method("pruning", sparsity=0.6)])

    def trainer() -> tuple[Any, Any]:
        made, batches, _ = trainer_of(PICTURES, training, steps=40)
        return made, batches

    whole, batches = trainer()
    whole.run(batches, 40)
    first, batches = trainer()
    first.run(batches, 13)
    second, batches = trainer()
    second.restore(first.arrays())
    for _ in range(13):
        next(batches)
    second.run(batches, 27)
    wanted, found = whole.arrays(), second.arrays()
    assert all(wanted[name].tobytes() == found[name].tobytes() for name in wanted)
    (kernel,) = [v for v in whole.model.trainable_variables if v.path.endswith("picture.conv1/kernel")]
    assert np.mean(kernel.numpy() == 0) == pytest.approx(0.6, abs=0.01)


def test_what_cannot_be_pruned_says_so(run: mmzoo.Run) -> None:
    words = small_spec().subset(["words"])
    with pytest.raises(MMZooError, match="No tower of this model has channels"):
        with_fewer_channels(words, 0.5)
    with pytest.raises(MMZooError, match="a model of other layers"):
        narrowed(run.model, mmzoo.build(words), "runs/a")
    wider = run.spec.inputs[0]
    more = small_spec(inputs=[mmzoo.Image(wider.name, size=32, tower=mmzoo.Tower("small_cnn", filters=[8, 16]))])
    with pytest.raises(MMZooError, match="a model of other layers"):
        narrowed(run.model, mmzoo.build(more), "runs/a")
    with pytest.raises(MMZooError, match="lora"):
        training = mmzoo.Training(methods=["pruning"], tune=mmzoo.Tune("lora", rank=1), tune_inputs=["picture"])
        mmzoo.train(small_spec(inputs=[SPEC.inputs[0]]), small_records(8), training=training, out=run.folder / "lora")


def test_what_would_fill_zeros_again_comes_before() -> None:
    check_settings(SPEC, mmzoo.Training(methods=["ogm", "pruning", "mixup"]))
    with pytest.raises(MMZooError, match="'ogm' would change weights that 'pruning' has set to zero"):
        check_settings(SPEC, mmzoo.Training(methods=["pruning", "ogm"]))


def test_from_a_shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prune", str(tmp_path / "nowhere"), "--out", str(tmp_path / "new")]) == 2
    assert "is not a run" in capsys.readouterr().err
