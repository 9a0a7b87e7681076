"""Export and its proof: what was written gives the model's answers on raw records."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError, require, unknown
from mmzoo.export.embedded import attach
from mmzoo.export.fit import Fit
from mmzoo.export.proof import Proof, excess
from mmzoo.export.report import known_rows, write_report
from mmzoo.export.tflite import VARIANTS, convert
from mmzoo.export.web import write_web
from mmzoo.files import read_file, subfolder, write_file
from mmzoo.folders import discard, held, replacing
from mmzoo.inference.running import finish, run_model
from mmzoo.spec import Spec
from mmzoo.words import json_bytes, one_line

EXAMPLES = 20
SAVED_MODEL = re.compile(
    r"saved_model\.pb|fingerprint\.pb|assets|variables(/variables\.(index|data-[0-9]{5}-of-[0-9]{5}))?"
)
"""What TensorFlow writes into export/saved_model."""
FORMATS = ("saved_model", "tflite", "web", "onnx")

Answer = dict[str, np.ndarray]


def export(
    run: Any,
    format: str,
    records: Records,
    *,
    variants: Sequence[str] = ("fp32",),
    training: Records | None = None,
    allow_loss: bool = False,
    fit: str | None = None,
) -> list[dict[str, Any]]:
    """Write `run`'s export/ in a format and measure it on records; returns the rows of report.json.

    Args:
        format: "saved_model", "tflite", "onnx", or "web": a page that runs the variant in a browser.
        variants: of a .tflite: "fp32", "fp16", "dynamic", "int8", "int4", or ("all",), which leaves out what cannot be
            converted or loses too much, and says so.
        training: what "int8" learns its ranges from.
        allow_loss: keep variants that differ more than the limits allow.
        fit: "5MB", "10ms" or "5MB,10ms": what the best variant may take.

    Of several variants the fastest that loses no more than its limit allows is the best one: its row has `best`, it is
    written as best.tflite too, and it is what a page runs.

    Raises:
        MMZooError: an answer of an exact export differs from the model's by more than 1e-5, of "fp16" by more
            than 1e-2, or one in 8 bits loses more than a point of the task's metric; none fits.
    """
    if format not in FORMATS:
        raise unknown("format called", format, FORMATS)
    require(len(records), "The proof of an export needs records; give at least one.")
    limits = Fit.of(fit) if fit else Fit()
    folder = subfolder(run.folder, "export")
    with held(folder, "export", wait=True):
        return written(run, folder, format, records, variants, training, allow_loss, limits, bool(fit))


def written(
    run: Any,
    folder: Path,
    format: str,
    records: Records,
    variants: Sequence[str],
    training: Records | None,
    allow_loss: bool,
    limits: Fit,
    choose: bool,
) -> list[dict[str, Any]]:
    """What `export` does in its folder, which is held; with `choose` the best is named, even of one."""
    if format in ("saved_model", "onnx"):
        write = saved_model if format == "saved_model" else onnx
        rows = write(run.model, folder, records.take(EXAMPLES))
        failed = [f"'{row['variant']}' {over}" for row in rows if (over := excess(row))]
    else:
        rows, failed = tflite(run.model, folder, records, variants, training, allow_loss)
    write_report(folder, rows)
    require(
        not failed or allow_loss,
        f"The export {'; '.join(failed)}; it is not in '{folder}': choose another variant, or allow the loss with "
        "--allow-loss (allow_loss=True).",
    )
    if format in ("tflite", "web"):
        kept = [row for row in rows if "why_not" not in row and (allow_loss or "over" not in row)]
        chosen = limits.best(kept)
        if choose or len(kept) > 1:
            for row in rows:
                row.pop("best", None)  # what was it before
            chosen["best"] = True
            write_file(folder / "best.tflite", read_file(folder / chosen["file"], links=False))
            write_report(folder, rows)
        if format == "web":
            write_web(folder, folder / chosen["file"], describe(run.spec))
    return rows


def usual_variants(folder: Path, format: str, fit: str | None = None) -> tuple[str, ...]:
    """The variants of an export that names none: "fp32", the exact one, but for two cases.

    With `fit` there must be some to choose from; a page runs the best one of the table in export/, where it has one.
    """
    if fit:
        return ("all",)
    best = [row["variant"] for row in known_rows(folder) if row.get("best")] if format == "web" else []
    return tuple(best) or ("fp32",)


def saved_model(model: keras.Model, folder: Path, records: Records) -> list[dict[str, Any]]:
    """Write export/saved_model; a row for its arrays and one for its files."""
    import tensorflow as tf

    from mmzoo.export.serving import Serving

    spec: Spec = model.spec
    target = folder / "saved_model"
    with replacing(target, SAVED_MODEL.fullmatch) as new:
        serving = Serving(model)
        try:
            serving.save(new, *serving.signatures)
        except tf.errors.OpError as error:  # what TensorFlow makes of a full disk
            raise MMZooError(
                f"'{target}' could not be written ({one_line(error)[:200]}); free some space or choose another folder."
            ) from error
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


def onnx(model: keras.Model, folder: Path, records: Records) -> list[dict[str, Any]]:
    """Write export/model.onnx; its row, by ONNX Runtime on one thread. What is beyond its limit is not left behind."""
    from mmzoo.export import onnx as converter

    path = folder / "model.onnx"
    discard(path)
    write_file(path, converter.convert(model, describe(model.spec)))
    try:
        run = converter.runner(path)

        def one(example: dict[str, Any]) -> Answer:
            return {name: value[0] for name, value in run(example).items()}

        row = compare("onnx", path.stat().st_size, model, decode(model.spec, records), records.ids, one)
    except MMZooError:
        discard(path)
        raise
    if excess(row):
        discard(path)
    return [{**row, "file": path.name}]


def tflite(
    model: keras.Model,
    folder: Path,
    records: Records,
    variants: Sequence[str],
    training: Records | None,
    allow_loss: bool,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Write export/model.tflite and the other variants beside it; their rows, and what is wrong with which.

    A variant that is beyond its limit is not left behind, but for `allow_loss`.
    """
    wanted = list(VARIANTS) if "all" in variants else list(variants)
    for variant in wanted:
        if variant not in VARIANTS:
            raise unknown("variant of a .tflite called", variant, [*VARIANTS, "all"])
    proof, about = Proof(model, records), describe(model.spec)
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    made = convert(model, wanted, training)
    for variant, data in made.items():
        path = folder / ("model.tflite" if variant == "fp32" else f"model_{variant}.tflite")
        discard(path)
        try:
            if isinstance(data, MMZooError):
                raise data
            write_file(path, attach(data, {"variant": variant, **about}))
            row = proof.row(variant, path)
        except MMZooError as error:
            discard(path)
            if "all" not in variants or variant == "fp32":
                raise
            rows.append({"variant": variant, "why_not": str(error)})
            continue
        rows.append(row)
        if over := excess(row):
            row["over"] = over
            if not allow_loss:
                discard(path)
            # Who asks for all of them wants those that are good.
            if "all" not in variants or variant == "fp32":
                failed.append(f"'{variant}' {over}")
    first = next((row["bytes"] for row in rows if row["variant"] == "fp32"), None)
    for row in rows:
        row["ratio"] = round(row["bytes"] / first, 4) if first and "bytes" in row else None
    write_file(folder / "model.json", json_bytes(about))
    return rows, failed


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
    worst = 0.0
    total: list[float] = []
    agree, times = [], []
    for row, example in enumerate(examples(inputs)):
        began = time.perf_counter()
        found = run(example)
        times.append(time.perf_counter() - began)
        for task in spec.tasks:
            if not np.isfinite(found[task.name]).all():
                raise MMZooError(
                    f"The export '{variant}' answers record '{ids[row]}' with numbers that are not finite."
                )
            off = np.abs(found[task.name] - wanted[task.name][row])
            worst, total = max(worst, float(off.max())), [*total, float(off.mean())]
            agree.append(found[task.name].argmax() == wanted[task.name][row].argmax())
    return {
        "variant": variant,
        "bytes": size,
        "max_abs_diff": worst,
        "mean_abs_diff": float(np.mean(total)),
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
    """What a client of a .tflite must know: inputs with types, units and vocabularies, outputs with labels."""
    inputs: list[dict[str, Any]] = [
        {**item.to_json(), "dtype": item.dtype, "shape": [1, *item.shape], "unit": item.unit} for item in spec.inputs
    ]
    inputs.append({"name": "present", "dtype": "uint8", "shape": [1, len(spec.inputs)], "order": spec.input_names})
    outputs = [task.describe() for task in spec.tasks]
    doubting = [task for task in spec.tasks if task.tags.evidential]
    outputs += [{"name": task.uncertainty_name, "kind": "uncertainty", "labels": []} for task in doubting]
    plain = json.dumps(spec.to_json(), sort_keys=True).encode()
    return {
        "mmzoo": mmzoo.__version__,
        "spec": hashlib.sha256(plain).hexdigest(),
        "inputs": inputs,
        "outputs": outputs,
    }
