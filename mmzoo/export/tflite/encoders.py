"""The encoders of a model that searches, one .tflite an input: what a user has goes in, its vector comes out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from mmzoo.aliases import Tensor
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.export.rows import Part
from mmzoo.export.tflite.conversion import CALIBRATION, apart, exact_layers
from mmzoo.export.tflite.embedded import attach
from mmzoo.export.tflite.measure import measure
from mmzoo.files import subfolder, write_file
from mmzoo.files.folders import discard
from mmzoo.inference.embed import embed, embedding_task, encoder, inputs_of

if TYPE_CHECKING:
    from mmzoo.export.formats.base import Job
    from mmzoo.graph.build import Multimodal

FOLDER = "encoders"
VECTOR = "vector"
EXAMPLES = 50
LIMIT = 1e-5
"""The largest difference of a number of the exact variant's vectors from the model's."""


def has_vectors(job: Job) -> bool:
    """Does the model give vectors to search by?"""
    return any(task.target == "batch" for task in job.model.spec.tasks)


def write_encoders(job: Job, variant: str) -> dict[str, Part]:
    """Write encoders/<input>.tflite of each input into an export's folder, in one variant; the figures of each.

    Raises:
        MMZooError: an operation is not a builtin of TFLite, or a vector differs from the model's.
    """
    model, task = job.model, embedding_task(job.model.spec)
    folder = subfolder(job.folder, FOLDER)
    assert job.records is not None
    records = job.records.take(EXAMPLES)
    wanted = embed(model, records)
    entries = {entry["name"]: entry for entry in job.about["inputs"]}
    made = converted(model, inputs_of(task), variant, job.training)
    rows: dict[str, Part] = {}
    for name in made:
        path = folder / f"{name}.tflite"
        discard(path)
        vector = {"name": VECTOR, "kind": VECTOR, "labels": [], "dim": task.units}
        about = {**job.about, "inputs": [entries[name]], "outputs": [vector], "model": job.seal}
        write_file(path, attach(made[name], {"variant": variant, **about}))
        rows[name] = {"file": f"{FOLDER}/{path.name}", "bytes": path.stat().st_size}
        there = np.flatnonzero(~np.isnan(wanted[name]).all(axis=1)) if name in wanted else np.zeros(0, int)
        if not len(there):
            continue
        answers, figures = measure(path, {name: examples_of(model, name, records, there)})
        difference = float(np.abs(answers[VECTOR] - wanted[name][there]).max())
        rows[name] |= {"max_abs_diff": difference, "latency_ms_p50": figures["latency_ms_p50"]}
        if variant == "fp32" and difference > LIMIT and not job.allow_loss:
            discard(path)
            raise MMZooError(
                f"The encoder of '{name}' differs from the model by {difference:.1e} > {LIMIT:.0e}; it is not written: "
                "choose another tower, or allow the loss with --allow-loss (allow_loss=True)."
            )
    return rows


def examples_of(model: Multimodal, name: str, records: Records, rows: np.ndarray) -> np.ndarray:
    """Some records' values of an input, decoded (K, *shape)."""
    item = model.spec.inputs[model.spec.input_names.index(name)]
    return np.asarray(Examples(item, records.column(name), records.ids)[rows])


def converted(model: Multimodal, names: Sequence[str], variant: str, training: Records | None) -> dict[str, bytes]:
    """The encoders as .tflite files, by input."""
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            folder = Path(place) / name
            save(model, name, folder / "model")
            (folder / "exact.json").write_text(json.dumps(exact_layers(model)))
            if variant == "int8":
                assert training is not None  # the whole model needed them before
                some = training.take(CALIBRATION)
                there = np.array([row for row, value in enumerate(some.column(name)) if value is not None])
                np.savez(folder / "examples.npz", **{name: examples_of(model, name, some, there)})  # type: ignore[arg-type]
        made = apart(Path(place), [f"{name}/{variant}" for name in names])
    found = {}
    for name in names:
        each = made[f"{name}/{variant}"]
        if isinstance(each, MMZooError):
            raise MMZooError(f"The encoder of '{name}': {each}")
        found[name] = each
    return found


def save(model: Multimodal, name: str, folder: Path) -> None:
    """One encoder as a SavedModel, for one example at a time: `name` in, `VECTOR` out."""
    spec, asked = model.spec, encoder(model, embedding_task(model.spec), (name,))
    item = spec.inputs[spec.input_names.index(name)]
    present = tf.constant([[each == name for each in spec.input_names]])

    @tf.function(
        input_signature=[{name: tf.TensorSpec((1, *item.shape), item.dtype, name)}],
        autograph=False,
    )
    def vector(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {VECTOR: asked({name: inputs[name], "present": present}, training=False)[name]}

    tracked = tf.Module()
    tracked.kept = [variable.value for variable in asked.variables]
    tf.saved_model.save(tracked, str(folder), signatures={"serving_default": vector.get_concrete_function()})
