"""Every tower, fusion and task as a SavedModel and as a .tflite of builtin operations, with the model's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import mmzoo
from mmzoo.data.records import decode
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.export.tflite.measure import as_tensors
from mmzoo.fusions import fusions
from mmzoo.inference.running import to_predictions
from mmzoo.tasks import tasks
from tests.conftest import LABELS, small_records, small_spec, usual
from tests.registries.test_zoo import SUBSETS
from tests.zoo import batch_of, fusion_spec, kinds, spec_of_inputs, towers_spec

pytestmark = pytest.mark.slow
# One with attention; that of `test_some_towers` has features, that of `test_tasks` joins answers.
EXPORTED = {"cross_attention"}


def check(spec: mmzoo.Spec, batch: dict[str, np.ndarray], folder: Path) -> None:
    model = mmzoo.build(spec)
    wanted = to_predictions(spec, {name: value.numpy() for name, value in model(batch).items()})
    Serving(model, batch=1).save(folder / "model", "serve_tensors")
    served = tf.saved_model.load(str(folder / "model")).signatures["serving_default"]
    lite = Interpreter(model_content=converted(str(folder / "model"))).get_signature_runner("serving_default")
    for row in range(len(batch["present"])):
        example = as_tensors({name: value[row : row + 1] for name, value in batch.items()})
        answers = served(**{name: tf.constant(value) for name, value in example.items()})
        small = lite(**example)
        for name, value in wanted.items():
            said = f"{name}, row {row}: {spec.input_names} present {batch['present'][row]}"
            np.testing.assert_allclose(answers[name][0], value[row], atol=1e-5, err_msg=said)
            np.testing.assert_allclose(small[name][0], value[row], atol=1e-5, err_msg=said)


# Of every kind those whose operations no other has: convolutions, attention, look-ups, loops, spectra, random kernels,
# trees.
SOME = [
    ("small_cnn", "image"),
    ("vit", "image"),
    ("static_embedding_attention", "text"),
    ("embedding_bag", "text"),
    ("spectrogram_cnn", "audio"),
    ("waveform_cnn", "audio"),
    ("gru", "audio"),
    ("rocket", "audio"),
    ("frames", "video"),
    ("ft_transformer", "tabular"),
    ("boosted_trees", "tabular"),
]


def check_towers(spec: mmzoo.Spec, folder: Path) -> None:
    """With all of them, and with each alone."""
    count = len(spec.inputs)
    rows = np.arange(count + 1) % 3
    batch = {name: array[rows] for name, array in batch_of(spec).items()}
    present = np.concatenate([np.ones((1, count)), np.eye(count)]).astype(bool)
    check(spec, {**batch, "present": present}, folder)


@pytest.mark.long
def test_some_towers(tmp_path: Path) -> None:
    check_towers(spec_of_inputs(SOME), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("names", "kind"), kinds())
def test_towers(names: list[str], kind: str, tmp_path: Path) -> None:
    check_towers(towers_spec(names, kind), tmp_path)


@pytest.mark.parametrize("name", usual(fusions.names(), EXPORTED))
def test_fusion(name: str, tmp_path: Path) -> None:
    spec = fusion_spec(name)
    batch = decode(spec, small_records(7))
    check(spec, {**batch, "present": np.array(SUBSETS)}, tmp_path)


def test_tasks(tmp_path: Path) -> None:
    """All of them in one model, but those that no fusion of answers serves."""
    numbers = [name for name in tasks.names() if tasks.facts(name).get("label") == "number"]
    labels: dict[str, dict[str, Any]] = {
        **{name: {} for name in numbers},
        "retrieval": {"dim": 8},
        "binary": {"labels": LABELS[:2]},
    }
    own = ("text_answer", "text_choice", "reconstruction", "transcription")  # see their tests
    names = [name for name in tasks.names() if name not in own]
    asked = [tasks[name](name, **labels.get(name, {"labels": LABELS})) for name in names]
    spec = small_spec("decision_mean", tasks=asked).subset(["picture", "sound"])
    batch = decode(spec, small_records(3))
    check(spec, {**batch, "present": np.array([[1, 1], [1, 0], [0, 1]], bool)}, tmp_path)
