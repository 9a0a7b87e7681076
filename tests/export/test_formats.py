"""A format is one file: whatever else has to do with formats finds a new one by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.commands.export import variants_help
from mmzoo.errors import MMZooError
from mmzoo.export.export import wanted_variants
from mmzoo.export.formats import formats, known_variants, usable
from mmzoo.export.formats.base import Variant
from mmzoo.export.proof import excess
from mmzoo.export.tflite import measure
from mmzoo.listing import text
from tests.conftest import small_records, small_spec, untrained

NPZ = '''
import numpy as np

import mmzoo
from mmzoo.export.export import wanted_variants
from mmzoo.export.formats import formats
from mmzoo.export.formats.base import Format, Variant, one_by_one
from mmzoo.inference.running import to_predictions, run_model


@formats.register("npz")
class Npz(Format):
    """The weights as arrays of NumPy."""

    variants = {"whole": Variant("as they are", difference=1e-6), "coarse": Variant("in 16 bits", difference=1e-9)}
    choice = True
    suffix = ".npz"

    def write(self, job, wanted):
        for variant in wanted:
            path = job.folder / f"{variant}.npz"
            kind = np.float32 if variant == "whole" else np.float16
            np.savez(path, *[np.asarray(value, kind) for value in job.model.get_weights()])
            yield variant, path

    def run(self, variant, path, spec, inputs):
        model = mmzoo.build(spec)
        kept = np.load(path)
        model.set_weights([kept[name] for name in kept.files])
        return one_by_one(lambda example: to_predictions(spec, run_model(model, example)), inputs)
'''


@pytest.fixture
def npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy format, out of a package that is not mmzoo's."""
    formats.names()  # ours are loaded, so that only the new one goes again
    (tmp_path / "someones_format.py").write_text(NPZ)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "someones_format", raising=False)
    before = dict(formats._entries), dict(formats._facts)
    __import__("someones_format")
    yield
    formats._entries, formats._facts = before


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("runs") / "run", small_spec().subset(["words"])).folder


def test_another_format_is_written_measured_and_shown(npz: None, run: Path) -> None:
    made = mmzoo.Run(run)
    (row,) = made.export("npz", small_records(6, 1))
    assert (row["variant"], row["file"], row["examples"]) == ("whole", "whole.npz", 6)
    assert row["max_abs_diff"] <= 1e-6
    rows = made.export("npz", small_records(6, 1), variants=["all"], fit="1GB")
    assert [row.get("best", False) for row in rows] == [True, False]
    assert "differs from the model by" in rows[1]["over"]
    folder = run / "export"
    assert (folder / "best.npz").read_bytes() == (folder / "whole.npz").read_bytes()
    assert not (folder / "coarse.npz").exists()
    assert json.loads((folder / "report.json").read_text()) == rows
    assert "best.npz is a copy of it" in (folder / "report.html").read_text()
    assert wanted_variants(folder, "web") == ("fp32",), "the best of another format is no page"
    with pytest.raises(MMZooError, match="no variant of npz called 'fp32'"):
        made.export("npz", small_records(6, 1), variants=["fp32"])


def test_the_command_line_knows_another_format(npz: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert "of npz: whole, coarse" in variants_help()
    assert "npz" in text("formats")
    assert main(["export", "--help"]) == 0
    assert "npz,onnx,saved_model" in capsys.readouterr().out


def test_every_format_says_what_it_is() -> None:
    assert set(known_variants()) == {variant for name in formats.names() for variant in formats[name].variants}
    for name in formats.names():
        facts, form = formats.facts(name), formats[name]
        assert facts["summary"].endswith(".")
        assert all(variant.summary for variant in form.variants.values())
        assert next(iter(form.variants.values())).difference == 1e-5, "the first one is the exact one"
        assert form.suffix or not form.choice


def test_what_a_format_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MMZooError, match=r"'onnx' needs tf2onnx, onnx, onnxruntime; pip install 'mmzoo\[onnx\]'"):
        usable("onnx")


def test_formats_are_known_before_anything_heavy_is_imported() -> None:
    program = (
        "import sys; from mmzoo.export.formats import known_variants; known_variants(); "
        "print([name for name in ('numpy', 'keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("difference", "off", "drop", "words"),
    [
        (1e-5, 2e-5, 0.0, "differs"),
        (1e-5, 1e-5, 0.5, ""),
        (None, 0.3, 0.01, ""),
        (None, 0.0, 0.02, "loses 2.0 points"),
        (None, 0.02, None, "differs"),
        (None, 0.01, None, ""),
    ],
)
def test_one_rule_for_all_that_need_not_be_exact(
    difference: float | None, off: float, drop: float | None, words: str
) -> None:
    row = {"max_abs_diff": off, "metric_drop": drop, "metric_name": "accuracy", "examples": 10}
    found = excess(row, Variant("", difference=difference))
    assert words in found and bool(words) == bool(found)


def test_latency_is_measured_in_turns(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """All variants in one process; that a machine is busy is said once."""
    calls: list[tuple[int, tuple[str, ...]]] = []

    def asked(folder: str, threads: int, *paths: str) -> list[dict[str, float]]:
        calls.append((threads, paths))
        assert np.load(Path(folder) / "inputs.npz")["present"].dtype == np.uint8
        suffix = "" if threads == 1 else "_2_threads"
        return [{f"latency_ms_p50{suffix}": 1.0 * k, f"latency_ms_p95{suffix}": slow * k} for k in (1, 2)]

    monkeypatch.setattr(measure, "asked", asked)
    paths, inputs = [Path("a.tflite"), Path("b.tflite")], {"present": np.ones((3, 1), bool)}
    slow = 1.5
    rows = measure.in_turns(paths, inputs)
    assert calls == [(1, ("a.tflite", "b.tflite")), (2, ("a.tflite", "b.tflite"))]
    assert [row["latency_ms_p50"] for row in rows] == [1.0, 2.0]
    assert rows[1]["latency_ms_p95_2_threads"] == 3.0
    assert not caplog.records
    slow = 2.5
    measure.in_turns(paths, inputs)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["The machine is busy"]
