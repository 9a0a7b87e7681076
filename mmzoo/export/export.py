"""Export and its proof: what was written gives the model's answers on raw records."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.evaluation.metrics import finish, run_model
from mmzoo.files import write_file
from mmzoo.spec import Spec

EXAMPLES = 20
TOLERANCE = 1e-5
FORMATS = ("saved_model", "tflite")

Answer = dict[str, np.ndarray]


def export(run: Any, format: str, records: Records) -> list[dict[str, Any]]:
    """Write `run`'s export/ in a format and measure it on the first records; returns the rows of report.json.

    Raises:
        MMZooError: an answer differs from the model's by more than 1e-5.
    """
    if format not in FORMATS:
        raise unknown("format called", format, FORMATS)
    require(len(records), "The proof of an export needs records; give at least one.")
    folder = run.folder / "export"
    folder.mkdir(exist_ok=True)
    records = records.take(EXAMPLES)
    rows = saved_model(run.model, folder, records) if format == "saved_model" else tflite(run.model, folder, records)
    path = folder / "report.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else []
    names = {row["variant"] for row in rows}
    kept = [row for row in before if row["variant"] not in names]
    write_file(path, json.dumps(kept + rows, indent=1).encode())
    for row in rows:
        require(
            row["max_abs_diff"] <= TOLERANCE,
            f"The export '{row['variant']}' differs from the model by {row['max_abs_diff']:.1e} > {TOLERANCE:.0e}; "
            f"do not use what is in '{folder}', and report this with the spec.",
        )
    return rows


def saved_model(model: keras.Model, folder: Path, records: Records) -> list[dict[str, Any]]:
    """Write export/saved_model; a row for its arrays and one for its files."""
    import tensorflow as tf

    from mmzoo.export.serving import Serving

    spec: Spec = model.spec
    target = folder / "saved_model"
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        serving = Serving(model)
        serving.save(Path(beside) / "new", *serving.signatures)
        shutil.rmtree(target, ignore_errors=True)
        (Path(beside) / "new").rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    signatures = tf.saved_model.load(str(target)).signatures

    def run_arrays(example: dict[str, Any]) -> Answer:
        inputs = {name: tf.constant(value) for name, value in as_arrays(spec, example).items()}
        return {name: value.numpy()[0] for name, value in signatures["serving_default"](**inputs).items()}

    def run_bytes(example: dict[str, Any]) -> Answer:
        inputs = {name: tf.constant([data]) for name, data in as_files(spec, example).items()}
        return {name: value.numpy()[0] for name, value in signatures["serve_bytes"](**inputs).items()}

    inputs = decode(spec, records)
    rows = [compare("saved_model", size, model, inputs, records.ids, run_arrays)]
    if "serve_bytes" in serving.signatures:
        # Sound in a file has 16 bits: the model is asked about what the file holds, not about what was rounded.
        files = [as_files(spec, example) for example in examples(inputs)]
        columns = {item.name: [file[item.name] or None for file in files] for item in spec.inputs}
        inputs = decode(spec, Records(columns, records.ids))
        rows.append(compare("saved_model_bytes", size, model, inputs, records.ids, run_bytes))
    return rows


def tflite(model: keras.Model, folder: Path, records: Records) -> list[dict[str, Any]]:
    """Write export/model.tflite and what a client needs to know beside it; one row."""
    from mmzoo.export.tflite import convert

    path = folder / "model.tflite"
    write_file(path, convert(model))
    write_file(folder / "model.json", json.dumps(describe(model.spec), indent=1, ensure_ascii=False).encode())
    runner = interpreter(path).get_signature_runner("serving_default")
    inputs, size = decode(model.spec, records), path.stat().st_size
    return [compare("tflite", size, model, inputs, records.ids, lambda x: {k: v[0] for k, v in runner(**x).items()})]


def interpreter(path: Path, threads: int = 1) -> Any:
    """A LiteRT interpreter of a file: from ai-edge-litert where it is installed, else TensorFlow's own."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter  # type: ignore[no-redef]
    return Interpreter(model_path=str(path), num_threads=threads)


def compare(
    variant: str,
    size: int,
    model: keras.Model,
    inputs: dict[str, np.ndarray],
    ids: Sequence[str],
    run: Callable[[dict[str, Any]], Answer],
) -> dict[str, Any]:
    """One row of the proof: `run` against `model` on each of the decoded examples, one at a time."""
    spec: Spec = model.spec
    wanted = finish(spec, run_model(model, inputs))
    worst, agree, times = 0.0, [], []
    for row, example in enumerate(examples(inputs)):
        began = time.perf_counter()
        found = run(example)
        times.append(time.perf_counter() - began)
        for task in spec.tasks:
            if not np.isfinite(found[task.name]).all():
                raise MMZooError(
                    f"The export '{variant}' answers record '{ids[row]}' with numbers that are not finite."
                )
            worst = max(worst, float(np.abs(found[task.name] - wanted[task.name][row]).max()))
            agree.append(found[task.name].argmax() == wanted[task.name][row].argmax())
    return {
        "variant": variant,
        "bytes": size,
        "max_abs_diff": worst,
        "top1_agreement": float(np.mean(agree)),
        "latency_ms_p50": round(float(np.median(times[1:] or times)) * 1000, 3),
        "examples": len(ids),
    }


def examples(inputs: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Each decoded example as the tensors of a batch of one."""
    return [{name: value[row : row + 1] for name, value in inputs.items()} for row in range(len(inputs["present"]))]


def as_arrays(spec: Spec, example: dict[str, Any]) -> dict[str, Any]:
    """What the signature `serving_default` takes: texts as strings."""
    texts = {i.name: [i.to_file(example[i.name][0])] for i in spec.inputs if i.array_spec[1] == "string"}
    return {**example, **texts}


def as_files(spec: Spec, example: dict[str, Any]) -> dict[str, bytes]:
    """What the signature `serve_bytes` takes: a file each, or b"" for what is absent."""
    here = example["present"][0]
    return {item.name: item.to_file(example[item.name][0]) * bool(here[k]) for k, item in enumerate(spec.inputs)}


def describe(spec: Spec) -> dict[str, Any]:
    """What a client of a .tflite must know: inputs with types and units, outputs with labels."""
    inputs: list[dict[str, Any]] = [
        {**item.to_json(), "dtype": item.dtype, "shape": [1, *item.shape], "unit": item.unit} for item in spec.inputs
    ]
    inputs.append({"name": "present", "dtype": "bool", "shape": [1, len(spec.inputs)], "order": spec.input_names})
    outputs = [{"name": task.name, "kind": task.kind, "labels": list(task.labels)} for task in spec.tasks]
    return {"inputs": inputs, "outputs": outputs}
