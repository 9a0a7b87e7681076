"""The weights of MiniLM in KerasHub's BERT: against a calculation in NumPy, frozen, pooled, with low-rank additions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from safetensors.numpy import load_file
from scipy.special import erf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.towers.bert import MINILM, preset_vocabulary
from mmzoo.tuning.model import tune
from mmzoo.weights import find, is_installed
from tests.zoo import TASK

pytestmark = pytest.mark.skipif(not is_installed(MINILM), reason=f"{MINILM.package} is not installed")

TEXTS = ["The grinning face", "a railway station in Germany is closed today", "cat"]


@cache
def item(**options: Any) -> mmzoo.Text:
    tower = mmzoo.Tower("bert", weights="minilm", **options)
    return mmzoo.Text("x", tokens=10, tokenizer="wordpiece", vocabulary=preset_vocabulary("minilm"), tower=tower)


@cache
def built(**options: Any) -> keras.Model:
    return mmzoo.build(mmzoo.Spec([item(**options)], "concat", [TASK], dim=8))


def batch() -> dict[str, np.ndarray]:
    return {"x": np.stack([item().decode(text) for text in TEXTS]), "present": np.ones((len(TEXTS), 1), bool)}


def tokens(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(each) for each in keras.Model(model.input, model.parts.tower_tokens("x"))(batch())]


def reference(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """BERT's encoder (Devlin et al. 2019) in float64, from the arrays of the file by their names there."""
    (path,) = [path for path in find("minilm", "bert").values() if path.suffix == ".safetensors"]
    arrays = {name: array.astype(np.float64) for name, array in load_file(path).items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-12)
        return x * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]

    def heads(x: np.ndarray) -> np.ndarray:
        return x.reshape(*x.shape[:2], 12, 32).transpose(0, 2, 1, 3)

    tables = [f"embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")]
    x = arrays[tables[0]][ids] + arrays[tables[1]][: ids.shape[1]] + arrays[tables[2]][0]
    x = norm(x, "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        query, key, value = (heads(dense(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value"))
        scores = np.where(mask[:, None, None], query @ key.transpose(0, 1, 3, 2) / np.sqrt(32), -np.inf)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found = shares / shares.sum(axis=-1, keepdims=True) @ value
        found = dense(found.transpose(0, 2, 1, 3).reshape(x.shape), f"{layer}.attention.output.dense")
        x = norm(x + found, f"{layer}.attention.output.LayerNorm")
        inner = dense(x, f"{layer}.intermediate.dense")
        inner = inner * (1 + erf(inner / np.sqrt(2))) / 2
        x = norm(x + dense(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


@pytest.mark.long
def test_vectors_are_those_of_a_calculation_in_numpy() -> None:
    vocabulary = preset_vocabulary("minilm")
    texts = [f"[CLS] {text.lower()} [SEP]".split() for text in TEXTS]
    ids = np.zeros((len(texts), 12), int)
    for row, words in enumerate(texts):
        ids[row, : len(words)] = [vocabulary.index(word) for word in words]
    mask = ids > 0
    wanted = reference(ids, mask)
    values, real = tokens(built())
    np.testing.assert_array_equal(real, mask)
    np.testing.assert_allclose(values[mask], wanted[mask], atol=1e-4)
    mean = (wanted * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    pooled, one = tokens(built(frozen=True, pooled=True))
    assert one.tolist() == [[True]] * len(TEXTS)
    np.testing.assert_allclose(pooled[:, 0], mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-5)


@pytest.mark.long
def test_frozen_or_with_low_rank_additions() -> None:
    model = built(frozen=True, pooled=True)
    assert model.parts.inputs["x"].frozen_network
    assert not [v.path for v in model.trainable_variables if "transformer_layer" in v.path]
    found = tune(built(), mmzoo.Training(tune=mmzoo.Tune("lora", rank=2, only=["query", "value"])))
    assert len(found.additions) == 6 * 2
    with pytest.raises(MMZooError, match="has pretrained weights and no adapters"):
        mmzoo.build(mmzoo.Spec([mmzoo.Text("x", tower=mmzoo.Tower("bert", frozen=True))], "concat", [TASK]))


@pytest.mark.slow
@pytest.mark.long
def test_saved_and_as_a_tflite_of_builtin_operations(tmp_path: Path) -> None:
    model = built(frozen=True, pooled=True)
    wanted = model(batch())["animal"]
    mmzoo.save(model, tmp_path / "saved")
    np.testing.assert_array_equal(mmzoo.load(tmp_path / "saved")(batch())["animal"], wanted)
    Serving(model, batch=1).save(tmp_path / "model", "serve_tensors")
    lite = Interpreter(model_content=converted(str(tmp_path / "model"))).get_signature_runner("serving_default")
    for row in range(len(TEXTS)):
        given = {name: value[row : row + 1] for name, value in batch().items()}
        found = lite(**{**given, "present": given["present"].astype(np.uint8)})["animal"]
        np.testing.assert_allclose(found[0], keras.ops.softmax(wanted[row]), atol=1e-5)
