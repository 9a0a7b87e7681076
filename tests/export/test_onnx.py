"""ONNX: the model's answers by ONNX Runtime, on raw records, for every subset and every size of batch."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.export.formats import onnx
from mmzoo.inference.running import run_model, to_predictions
from tests.conftest import LABELS, small_records, small_spec, untrained
from tests.registries.test_zoo import SUBSETS

RECORDS = small_records(20, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """Attention, a log-mel and a tokenizer; GELU."""
    return untrained(tmp_path_factory.mktemp("runs") / "run", small_spec("cross_attention"))


@pytest.mark.slow
def test_the_models_answers(run: mmzoo.Run) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs: pip install 'mmzoo[onnx]'")
    pytest.importorskip("tf2onnx", reason="needs: pip install 'mmzoo[onnx]'")
    (row,) = run.export("onnx", RECORDS)
    assert row["max_abs_diff"] <= 1e-5
    assert row["top1_agreement"] == 1.0
    path = run.folder / "export" / row["file"]
    assert row["bytes"] == path.stat().st_size
    ask = onnx.runner(path)
    inputs = decode(run.spec, RECORDS.take(7))
    inputs["present"] = np.array(SUBSETS)
    inputs["sound"][~inputs["present"][:, 2]] = np.nan
    wanted = to_predictions(run.spec, run_model(run.model, inputs))["animal"]
    np.testing.assert_allclose(ask(inputs)["animal"], wanted, atol=1e-5)
    known = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).get_modelmeta()
    about = json.loads(known.custom_metadata_map[onnx.ENTRY])
    assert about["outputs"][0]["labels"] == list(LABELS)
    assert [each["name"] for each in about["inputs"]] == ["picture", "words", "sound", "present"]


def test_a_file_that_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs: pip install 'mmzoo[onnx]'")
    (tmp_path / "model.onnx").write_bytes(b"\x08\x00")
    with pytest.raises(MMZooError, match=r"ONNX Runtime cannot load what tf2onnx made \(.+\); choose another tower"):
        onnx.runner(tmp_path / "model.onnx")


def test_an_operation_that_onnx_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="needs: pip install 'mmzoo[onnx]'")
    says = "#!/bin/sh\necho 'Tensorflow op [model/part/Digamma: Digamma] is not supported'\nexit 1\n"
    (tmp_path / "python").write_text(says)
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(onnx.sys, "executable", str(tmp_path / "python"))
    keras.utils.set_random_seed(0)
    with pytest.raises(MMZooError, match=r"because of operation model/part/Digamma: Digamma; choose another tower"):
        onnx.convert(mmzoo.build(small_spec().subset(["words"])), {})
