"""What an absent input holds, NaN and infinity too, reaches the answer of no format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import mmzoo
from mmzoo.export.formats import onnx
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.export.tflite.measure import as_tensors
from mmzoo.inference.running import to_predictions
from tests.conftest import usual
from tests.zoo import INPUTS, SMALL, TASK, batch_of

TOWERS = {
    "image": "small_cnn",
    "text": "embedding_mean",
    "audio": "spectrogram_cnn",
    "video": "frames",
    "sensor": "cnn_1d",
    "tabular": "mlp",
}
GARBAGE = (np.nan, np.inf, -np.inf)
Ask = Callable[[dict[str, np.ndarray]], np.ndarray]


def spec_of_all_kinds() -> mmzoo.Spec:
    made = []
    for kind, tower in TOWERS.items():
        of, options = INPUTS[kind]
        made.append(of(kind, tower=mmzoo.Tower(tower, **SMALL.get(tower, {})), **options))
    return mmzoo.Spec(made, "gated", [TASK], dim=8)


SPEC = spec_of_all_kinds()


@pytest.fixture(scope="module")
def model() -> Any:
    return mmzoo.build(SPEC)


def saved_model(model: Any, folder: Path) -> Ask:
    Serving(model).save(folder / "model", "serve_tensors")
    loaded = tf.saved_model.load(str(folder / "model"))

    def ask(example: dict[str, np.ndarray], loaded: Any = loaded) -> np.ndarray:
        serve = loaded.signatures["serving_default"]
        return np.array(serve(**{k: tf.constant(v) for k, v in as_tensors(example).items()})["animal"])

    return ask


def tflite(model: Any, folder: Path, variant: str = "fp32") -> Ask:
    Serving(model, batch=1).save(folder / "model", "serve_tensors")
    run = Interpreter(model_content=converted(str(folder / "model"), variant)).get_signature_runner("serving_default")
    return lambda example: run(**as_tensors(example))["animal"].copy()


def dynamic(model: Any, folder: Path) -> Ask:
    return tflite(model, folder, "dynamic")


def of_onnx(model: Any, folder: Path) -> Ask:
    pytest.importorskip("tf2onnx", reason="needs: pip install 'mmzoo[onnx]'")
    (folder / "model.onnx").write_bytes(onnx.convert(model, {}))
    run = onnx.runner(folder / "model.onnx")
    return lambda example: run(example)["animal"]


@pytest.mark.slow
@pytest.mark.parametrize("make", usual([saved_model, tflite, dynamic, of_onnx], [tflite]))
def test_garbage_in_an_absent_input_changes_nothing(model: Any, tmp_path: Path, make: Callable[..., Ask]) -> None:
    ask = make(model, tmp_path)
    example = {name: array[:1] for name, array in batch_of(SPEC).items()}
    for index, item in enumerate(SPEC.inputs):
        present = np.ones((1, len(SPEC.inputs)), bool)
        present[0, index] = False
        clean = {**example, "present": present}
        wanted = ask(clean)
        outputs = {name: np.array(value) for name, value in model(clean).items()}
        limit = 0.2 if make is dynamic else 1e-5
        np.testing.assert_allclose(wanted, to_predictions(SPEC, outputs)["animal"], atol=limit)
        dtype = np.dtype(item.dtype)
        for garbage in GARBAGE if dtype.kind == "f" else (np.iinfo(dtype).max,):
            filled = np.full_like(example[item.name], garbage)
            np.testing.assert_array_equal(ask({**clean, item.name: filled}), wanted, err_msg=f"{item.name} {garbage}")
