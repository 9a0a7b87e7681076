"""Exports on raw records: the same answers as the model, from TensorFlow alone or from LiteRT alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.export.export import wanted_variants
from mmzoo.export.fit import Fit
from mmzoo.export.formats import known_variants
from mmzoo.export.formats.base import Variant, examples
from mmzoo.export.formats.saved_model import SavedModel, as_files
from mmzoo.export.formats.tflite import TFLite
from mmzoo.export.report import known_rows, table, write_report
from mmzoo.export.tflite.conversion import apart, convert
from mmzoo.export.tflite.embedded import read
from mmzoo.inference.running import run_model, to_predictions
from tests.conftest import small_records, small_spec, untrained

RECORDS = small_records(20, 3)


@pytest.fixture(scope="module")
def run(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """A copy of a run that has learned, to be exported into."""
    return mmzoo.Run(shutil.copytree(learned, tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """A picture alone, for what does not depend on the model: it is converted sooner."""
    return untrained(tmp_path_factory.mktemp("runs") / "little", small_spec().subset(["picture"]))


def test_saved_model(run: mmzoo.Run) -> None:
    rows = run.export("saved_model", RECORDS)
    assert [row["variant"] for row in rows] == ["saved_model", "saved_model_bytes"]
    for row in rows:
        assert row["max_abs_diff"] <= 1e-5
        assert row["top1_agreement"] == 1.0
        assert row["examples"] == 20
    variables = sum(path.stat().st_size for path in (run.folder / "export" / "saved_model" / "variables").iterdir())
    # They are there once, and beside them what they are called.
    assert variables < sum(weight.numpy().nbytes for weight in run.model.weights) + 16_000


def test_tflite(run: mmzoo.Run) -> None:
    (row,) = run.export("tflite", RECORDS)
    assert row["max_abs_diff"] <= 1e-5
    assert row["bytes"] == (run.folder / "export" / "model.tflite").stat().st_size
    about = json.loads((run.folder / "export" / "model.json").read_text())
    assert [i["name"] for i in about["inputs"]] == ["picture", "words", "sound", "present"]
    assert about["outputs"][0]["labels"] == ["cat", "dog", "bird"]
    written = json.loads((run.folder / "export" / "report.json").read_text())
    assert row in written


def test_what_training_left_out_has_no_part_in_the_ranges(little: mmzoo.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run that was told to skip what cannot be used."""
    pictures: list[Any] = [*RECORDS.column("picture")]
    pictures[3] = Path("gone.png")
    training = Records({**RECORDS.columns, "picture": pictures}, RECORDS.ids)
    asked: list[Any] = []
    monkeypatch.setattr(mmzoo.Run, "settings", {"data": "t", "on_error": "skip", "budget": 0.1})
    monkeypatch.setattr(mmzoo.Run, "records", lambda self, split: training)
    monkeypatch.setattr("mmzoo.export.export.export", lambda *_args, **options: asked.append(options["training"]))
    little.export("tflite", RECORDS, variants=["int8"])
    assert asked[0].ids == [*RECORDS.ids[:3], *RECORDS.ids[4:]]


CLIENT = """
import json, sys
import numpy as np
{load}
cases = np.load(sys.argv[2])
count = len(cases["present"])
kinds = {{k: "uint8" if k == "present" else cases[k].dtype for k in cases.files if k != "wanted"}}
answers = [ask({{k: cases[k][n:n + 1].astype(kind) for k, kind in kinds.items()}}) for n in range(count)]
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
    wanted = to_predictions(run.spec, run_model(run.model, inputs))["animal"]
    np.savez(tmp_path / "cases.npz", wanted=wanted, **inputs)
    program = tmp_path / "client.py"
    program.write_text(CLIENT.format(load=load))
    command = [sys.executable, "-I", str(program), str(run.folder / "export" / path), str(tmp_path / "cases.npz")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["worst"] <= 1e-5
    assert result["modules"] == (format == "saved_model")


def test_bytes_that_are_absent_or_bad(run: mmzoo.Run) -> None:
    if not (run.folder / "export" / "saved_model").exists():
        run.export("saved_model", RECORDS)
    loaded = tf.saved_model.load(str(run.folder / "export" / "saved_model"))

    def serve_bytes(**changes: bytes) -> Any:
        files = as_files(run.spec, examples(decode(run.spec, RECORDS))[0]) | changes
        answers = loaded.signatures["serve_bytes"](**{name: tf.constant([data]) for name, data in files.items()})
        return answers["animal"].numpy()

    record = RECORDS[0]
    alone = run.predict({"words": record["words"]})["animal"]
    found = serve_bytes(picture=b"", sound=b"")
    np.testing.assert_allclose(found[0], list(alone.values()), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        serve_bytes(picture=b"not an image")
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    with pytest.raises(tf.errors.InvalidArgumentError, match="megapixels"):
        serve_bytes(picture=bomb)
    fast = tf.audio.encode_wav(np.zeros((100, 1), np.float32), 16000).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match="8000 samples a second"):
        serve_bytes(sound=fast)


def test_what_cannot_be_exported_says_so(little: mmzoo.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MMZooError, match="no format 'coreml'"):
        little.export("coreml", RECORDS)
    monkeypatch.setitem(SavedModel.variants, "saved_model", Variant("", difference=-1.0))
    with pytest.raises(MMZooError, match="differs from the model"):
        little.export("saved_model", RECORDS)
    assert not (little.folder / "export" / "saved_model").exists()
    for more in ({"variants": ["fp16"]}, {"fit": "5MB"}):
        with pytest.raises(MMZooError, match="are for formats with variants to choose from: tflite, web"):
            little.export("saved_model", RECORDS, **more)  # type: ignore[arg-type]


@pytest.mark.long
def test_variants(run: mmzoo.Run) -> None:
    rows = run.export("tflite", RECORDS, variants=("all",), training=small_records(24), allow_loss=True)
    assert [row["variant"] for row in rows] == ["fp32", "fp16", "dynamic", "int8", "int4"]
    by = {row["variant"]: row for row in rows}
    assert by["fp32"]["max_abs_diff"] <= 1e-5
    assert by["fp16"]["max_abs_diff"] <= 5e-2  # pure tones: the log of what is next to nothing is coarse in 16 bits
    assert by["int8"]["top1_agreement"] >= 0.8
    assert by["int4"]["top1_agreement"] >= 0.8
    assert by["int4"]["bytes"] < by["dynamic"]["bytes"]
    assert by["fp16"]["bytes"] < by["fp32"]["bytes"]  # int8 adds more than it saves of so few weights
    for row in rows:
        assert row["examples"] == 20
        assert row["metric_name"] == "accuracy"
        assert 0 < row["latency_ms_p50"] <= row["latency_ms_p95"]
        assert row["latency_ms_p50_2_threads"] > 0
        assert row["ops"]["CONV_2D"] >= 2
        assert (run.folder / "export" / row["file"]).stat().st_size == row["bytes"]
    (chosen,) = [row for row in rows if row.get("best")]
    near = [row for row in rows if "over" not in row]
    assert chosen["latency_ms_p50"] == min(row["latency_ms_p50"] for row in near)
    folder = run.folder / "export"
    assert wanted_variants(folder, "web") == (chosen["variant"],)
    assert wanted_variants(folder, "tflite") == ("fp32",)
    assert (folder / "best.tflite").read_bytes() == (folder / chosen["file"]).read_bytes()
    for name in ("report.md", "report.html"):
        text = re.sub(r"[*`]|<.*?>", "", (folder / name).read_text())
        assert "dynamic" in text
        assert f"{chosen['variant']} is the best: the fastest" in text


def test_the_best_within_a_size_and_a_time() -> None:
    sizes, times, scores = (9e6, 5e6, 3e6), (8.0, 12.0, 2.0), (0.9, 0.9, 0.8)
    rows = [
        {"variant": name, "bytes": size, "latency_ms_p50": time, "metric": score}
        for name, size, time, score in zip(("fp32", "fp16", "int8"), sizes, times, scores, strict=True)
    ]
    assert Fit().best(rows)["variant"] == "int8"  # the fastest: that it loses nothing is not for its metric to say
    rows[2]["over"] = "loses 10 points"
    assert Fit().best(rows)["variant"] == "fp32"
    chosen = {"10MB": "fp32", "6MB": "fp16", "4 MB": "int8", "10ms": "fp32", "6MB,10ms": "int8", "20ms,6MB": "fp16"}
    for text, name in chosen.items():
        assert Fit.of(text).best(rows)["variant"] == name
    for text in ("1kB", "1ms", "4MB,1ms"):
        with pytest.raises(MMZooError, match=r"smallest, 'int8', has 3\.00 MB, the fastest, 'int8', takes 2\.00 ms"):
            Fit.of(text).best(rows)
    for text in ("fast", "5MB,6MB", "1.1.1ms", "", "5 apples"):
        with pytest.raises(MMZooError, match=r"written like|one size, one time"):
            Fit.of(text)


def test_one_row_of_a_report_is_the_best(tmp_path: Path) -> None:
    """Also when single variants are measured again."""
    numbers = {"bytes": 1, "examples": 1}

    def best(*rows: dict[str, Any]) -> list[str]:
        write_report(tmp_path, [{**numbers, **row} for row in rows])
        return [row["variant"] for row in known_rows(tmp_path) if row.get("best")]

    assert wanted_variants(tmp_path, "web") == ("fp32",)
    assert wanted_variants(tmp_path, "tflite", fit="5MB") == ("all",)
    assert best({"variant": "fp32"}) == []
    assert best({"variant": "fp32"}, {"variant": "int8", "best": True}) == ["int8"]
    assert best({"variant": "int8"}) == ["int8"]
    assert best({"variant": "fp32"}) == ["int8"]
    assert best({"variant": "fp16", "best": True}) == ["fp16"]
    assert wanted_variants(tmp_path, "web") == ("fp16",)
    assert best({"variant": "fp16", "over": "differs"}) == []


@pytest.mark.long
def test_a_variant_beyond_its_limit_is_not_left(little: mmzoo.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def once(model: Any, variants: Sequence[str], training: Any = None) -> dict[str, Any]:
        """The conversion is not what is tested here."""
        made.update(convert(model, [variant for variant in variants if variant not in made], training))
        return {variant: made[variant] for variant in variants}

    monkeypatch.setattr("mmzoo.export.tflite.conversion.convert", once)
    monkeypatch.setitem(TFLite.variants, "fp16", Variant("", difference=-1.0))
    with pytest.raises(MMZooError, match="'fp16' differs"):
        little.export("tflite", RECORDS, variants=("fp16",))
    assert not (little.folder / "export" / "model_fp16.tflite").exists()
    (row,) = little.export("tflite", RECORDS, variants=("fp16",), allow_loss=True)
    assert "differs" in row["over"]
    # Who asks for all gets those that are good.
    everything = known_variants()  # the report may still have rows of the others
    monkeypatch.setattr("mmzoo.export.report.known_variants", lambda: everything)
    monkeypatch.setattr(TFLite, "variants", {name: TFLite.variants[name] for name in ("fp32", "fp16")})
    exact, other = little.export("tflite", RECORDS, variants=("all",))
    assert "differs" in other["over"]
    assert "best" not in other
    assert (little.folder / "export" / "model.tflite").exists()
    assert not (little.folder / "export" / "model_fp16.tflite").exists()
    assert "fp16 differs" in table([exact, other])
    with pytest.raises(MMZooError, match=r"No variant fits into 0\.0001 MB"):
        little.export("tflite", RECORDS, variants=("all",), fit="100B")


def test_a_crash_of_the_converter_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the variant that it happened on, and no other."""
    each = 'case "$v" in int8) kill -SEGV $$;; fp16|int4) echo $v > "$3/$v.tflite";; esac'
    (tmp_path / "python").write_text(f"#!/bin/sh\nfor v; do {each}; done\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    made = apart(tmp_path, ("fp16", "int8", "int4"))
    assert (made["fp16"], made["int4"]) == (b"fp16\n", b"int4\n")
    assert isinstance(made["int8"], MMZooError)
    assert "crashed (SIGSEGV) on the variant 'int8'" in str(made["int8"])


def test_variants_that_are_not_there(run: mmzoo.Run) -> None:
    with pytest.raises(MMZooError, match=r"no variant of tflite called 'int2'"):
        run.export("tflite", RECORDS, variants=("int2",))
    with pytest.raises(MMZooError, match="needs training records"):
        run.export("tflite", RECORDS, variants=("int8",))


def test_what_a_client_needs_is_inside(run: mmzoo.Run) -> None:
    path = run.folder / "export" / "model.tflite"
    if not path.exists():
        run.export("tflite", RECORDS)
    data = path.read_bytes()
    about = read(data, "The file")
    beside = json.loads((run.folder / "export" / "model.json").read_text())
    assert beside.items() <= about.items()
    assert about["variant"] == "fp32"
    assert about["outputs"][0]["labels"] == ["cat", "dog", "bird"]
    root = schema.Model.GetRootAs(data, 0)
    assert schema.Model.ModelBufferHasIdentifier(data, 0)
    names = [root.Metadata(k).Name() for k in range(root.MetadataLength())]
    assert names[-1] == b"mmzoo.json"
    assert len(names) > 1  # those of the converter are still there
    last = root.Buffers(root.Metadata(len(names) - 1).Buffer())
    assert json.loads(last.DataAsNumpy().tobytes()) == about
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 50):
        broken = data[:place] + bytes([data[place] ^ 64]) + data[place + 1 :]
        with pytest.raises(MMZooError, match=r"damaged|not a \.tflite|no description"):
            read(broken, "The file")
        with pytest.raises(MMZooError, match=r"damaged|not a \.tflite|no description"):
            read(data[:place], "The file")
