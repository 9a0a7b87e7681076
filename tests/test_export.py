"""Exports on raw records: the same answers as the model, from TensorFlow alone or from LiteRT alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.evaluation.metrics import finish, run_model
from mmzoo.export.export import as_files, examples
from tests.conftest import small_records, small_spec

RECORDS = small_records(20, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    folder = tmp_path_factory.mktemp("runs") / "run"
    inputs = [
        *small_spec().inputs[:1],
        mmzoo.Text("words", max_bytes=32, tower="static_embedding_attention"),
        small_spec().inputs[2],
    ]
    spec = small_spec("cross_attention", inputs=inputs)
    return mmzoo.train(spec, small_records(24), training=mmzoo.Training(epochs=2, batch_size=8), out=folder)


def test_saved_model(run: mmzoo.Run) -> None:
    rows = run.export("saved_model", RECORDS)
    assert [row["variant"] for row in rows] == ["saved_model", "saved_model_bytes"]
    for row in rows:
        assert row["max_abs_diff"] <= 1e-5
        assert row["top1_agreement"] == 1.0
        assert row["examples"] == 20


def test_tflite(run: mmzoo.Run) -> None:
    (row,) = run.export("tflite", RECORDS)
    assert row["max_abs_diff"] <= 1e-5
    assert row["bytes"] == (run.folder / "export" / "model.tflite").stat().st_size
    about = json.loads((run.folder / "export" / "model.json").read_text())
    assert [i["name"] for i in about["inputs"]] == ["picture", "words", "sound", "present"]
    assert about["outputs"][0]["labels"] == ["cat", "dog", "bird"]
    written = json.loads((run.folder / "export" / "report.json").read_text())
    assert row in written


CLIENT = """
import json, sys
import numpy as np
{load}
cases = np.load(sys.argv[2])
count = len(cases["present"])
answers = [ask({{k: cases[k][n:n + 1] for k in cases.files if k != "wanted"}}) for n in range(count)]
assert "mmzoo" not in sys.modules and "keras" not in sys.modules
worst = float(np.abs(np.array(answers) - cases["wanted"]).max())
print(json.dumps({{"worst": worst, "modules": "tensorflow" in sys.modules}}))
"""
TENSORFLOW = """
import tensorflow as tf
sys.modules.pop("keras", None)
serve = tf.saved_model.load(sys.argv[1]).signatures["serve_tensors"]
ask = lambda x: serve(**{k: tf.constant(v) for k, v in x.items()})["animal"].numpy()[0]
"""
LITERT = """
from ai_edge_litert.interpreter import Interpreter
runner = Interpreter(model_path=sys.argv[1]).get_signature_runner()
ask = lambda x: runner(**x)["animal"][0]
"""


@pytest.mark.parametrize(
    ("format", "path", "load"), [("saved_model", "saved_model", TENSORFLOW), ("tflite", "model.tflite", LITERT)]
)
def test_every_subset_in_a_process_without_mmzoo(
    run: mmzoo.Run, tmp_path: Path, format: str, path: str, load: str
) -> None:
    if not (run.folder / "export" / path).exists():
        run.export(format, RECORDS)
    inputs = decode(run.spec, RECORDS.take(7))
    inputs["present"] = np.array([[k & 1, k & 2, k & 4] for k in range(1, 8)], bool)
    inputs["sound"][~inputs["present"][:, 2]] = np.nan
    wanted = finish(run.spec, run_model(run.model, inputs))["animal"]
    np.savez(tmp_path / "cases.npz", wanted=wanted, **inputs)
    program = tmp_path / "client.py"
    program.write_text(CLIENT.format(load=load))
    command = [sys.executable, "-I", str(program), str(run.folder / "export" / path), str(tmp_path / "cases.npz")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["worst"] <= 1e-5
    assert result["modules"] == (format == "saved_model")


def serve_bytes(run: mmzoo.Run, **changes: bytes) -> Any:
    if not (run.folder / "export" / "saved_model").exists():
        run.export("saved_model", RECORDS)
    serve = tf.saved_model.load(str(run.folder / "export" / "saved_model")).signatures["serve_bytes"]
    files = as_files(run.spec, examples(decode(run.spec, RECORDS))[0]) | changes
    return serve(**{name: tf.constant([data]) for name, data in files.items()})["animal"].numpy()


def test_bytes_that_are_absent_or_bad(run: mmzoo.Run) -> None:
    record = RECORDS[0]
    alone = run.predict({"words": record["words"]})["animal"]
    found = serve_bytes(run, picture=b"", sound=b"")
    np.testing.assert_allclose(found[0], list(alone.values()), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        serve_bytes(run, picture=b"not an image")
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    with pytest.raises(tf.errors.InvalidArgumentError, match="megapixels"):
        serve_bytes(run, picture=bomb)
    fast = tf.audio.encode_wav(np.zeros((100, 1), np.float32), 16000).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match="8000 samples a second"):
        serve_bytes(run, sound=fast)


def test_what_cannot_be_exported_says_so(run: mmzoo.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MMZooError, match="no format called 'onnx'"):
        run.export("onnx", RECORDS)
    import mmzoo.export.export as home

    monkeypatch.setattr(home, "TOLERANCE", -1.0)
    with pytest.raises(MMZooError, match="differs from the model"):
        run.export("saved_model", RECORDS)
