"""Models that write, as a .tflite of two signatures: `encode` what is asked, and `step` by step a text about it.

With the whole model a client has the finished text. With these it shows words as they come, draws them, or searches
with as many beams as it likes: `mmzoo.decoding` over LiteRT, see `mmzoo.lite.Writer`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.data.records import decode
from mmzoo.decoding import Beam
from mmzoo.errors import MMZooError
from mmzoo.export.rows import Part, PartFigures
from mmzoo.export.tflite.conversion import SIGNATURES, apart, exact_layers
from mmzoo.export.tflite.embedded import attach
from mmzoo.export.tflite.measure import interpreter
from mmzoo.export.tflite.stepping import Stepping
from mmzoo.files import subfolder, write_file
from mmzoo.files.folders import discard
from mmzoo.graph.parts import decoder_of
from mmzoo.inference.running import run_model
from mmzoo.tasks.base import Task

if TYPE_CHECKING:
    from mmzoo.export.formats.base import Job
    from mmzoo.graph.build import Multimodal

FOLDER = "writers"
EXAMPLES = 20
LIMIT = 1e-4
"""The largest difference of a text's log-probability from the model's."""


def write_writers(job: Job) -> dict[str, Part]:
    """Write writers/<task>.tflite of each task that writes into an export's folder; the figures of each.

    Raises:
        MMZooError: an operation is not a builtin of TFLite, or a text differs from the model's.
    """
    rows: dict[str, Part] = {}
    for task in job.model.spec.tasks:
        if not task.tags.stepwise:
            continue
        path = subfolder(job.folder, FOLDER) / f"{task.name}.tflite"
        discard(path)
        entry = next(each for each in job.about["outputs"] if each["name"] == task.name)
        write_file(path, attach(converted(job.model, task), {**job.about, "outputs": [entry], "writes": True}))
        rows[task.name] = {"file": f"{FOLDER}/{path.name}", "bytes": path.stat().st_size, **proof(job, task, path)}
    return rows


def proof(job: Job, task: Task, path: Path) -> PartFigures:
    """How far the log-probabilities of what is written are from the model's, and how many texts are the same.

    Raises:
        MMZooError: they are too far.
    """
    assert job.records is not None
    records, spec = job.records.take(EXAMPLES), job.model.spec
    inputs = decode(spec, records)
    wanted = run_model(job.model, inputs)[task.name]
    made = interpreter()(model_path=str(path), num_threads=1)
    encode, step = (made.get_signature_runner(name) for name in ("encode", "step"))
    writer = Stepping(encode, step, task.tokens)  # type: ignore[attr-defined]
    how = Beam(task.beams, task.length_penalty)  # type: ignore[attr-defined]
    rows = [{name: value[row : row + 1] for name, value in inputs.items()} for row in range(len(records))]
    found = [writer.decoded(example, how) for example in rows]
    answers = np.stack([np.append(each.ids[0], each.log_probs[0]) for each in found])
    off = float(task.difference(answers, wanted).max())
    if off > LIMIT and not job.allow_loss:
        discard(path)
        raise MMZooError(
            f"What '{path.name}' writes differs from the model by {off:.1e} > {LIMIT:.0e}; it is not written: choose "
            "another tower, or allow the loss with --allow-loss (allow_loss=True)."
        )
    return {"max_abs_diff": off, "same": float((answers[:, :-1] == wanted[:, :-1]).all(axis=1).mean())}


def converted(model: Multimodal, task: Task) -> bytes:
    """The .tflite in float32."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        save(model, task, folder / "model")
        (folder / "exact.json").write_text(json.dumps(exact_layers(model)))
        (folder / SIGNATURES).write_text(json.dumps(["encode", "step"]))
        made = apart(folder, ["fp32"])["fp32"]
    if isinstance(made, MMZooError):
        raise made
    return made


def save(model: Multimodal, task: Task, folder: Path) -> None:
    """The two signatures as a SavedModel, for one example and one hypothesis at a time.

    `encode`: what the model takes, `present` as uint8 -> the caches of `TextDecoder.begin`.
    `step`: `tokens` int32 (1,), `position` int32 (1,) and the caches -> `log_probs` float32 (1, vocabulary), and those
    of the caches that have changed.
    """
    spec, parts = model.spec, model.parts
    decoder = decoder_of(parts, task.name)
    names = ("embedding", "values", "real")
    asked = parts.cut(model.input, dict(zip(names, parts.arguments(decoder), strict=True)))
    given = {item.name: tf.TensorSpec((1, *item.shape), item.dtype, item.name) for item in spec.inputs}
    given["present"] = tf.TensorSpec((1, len(spec.inputs)), tf.uint8, "present")

    @tf.function(input_signature=[given], autograph=False)
    def encode(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        found = asked({**inputs, "present": tf.cast(inputs["present"], tf.bool)}, training=False)
        return decoder.begin(*(found[name] for name in names))

    encoding = encode.get_concrete_function()
    caches = {
        name: tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name)
        for name, tensor in encoding.structured_outputs.items()
    }
    numbers = {name: tf.TensorSpec((1,), tf.int32, name) for name in ("tokens", "position")}

    @tf.function(input_signature=[{**caches, **numbers}], autograph=False)
    def step(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        before = {name: inputs[name] for name in caches}
        log_probs, after = decoder.step(inputs["tokens"], before, inputs["position"][0])
        return {"log_probs": log_probs, **{name: each for name, each in after.items() if each is not before[name]}}

    tracked = tf.Module()
    tracked.kept = [variable.value for variable in model.variables]
    tf.saved_model.save(tracked, str(folder), signatures={"encode": encoding, "step": step.get_concrete_function()})
