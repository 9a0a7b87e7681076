"""How fast is one answer, on one thread, over a `tf.function` of the same model?

    python benchmarks/inference.py

The main recipe's model and one with a ResNet50 tower at 224 px (random weights: they cost as much as others), one
record at a time: `keras.Model.predict`, the SavedModel, and LiteRT in float32 and with the variants of `mmzoo export`,
all taken in turns in one run; for each the speed over the `tf.function` (median of the rounds, and the least and the
most), and the size of the file. Then 32 records at a time: the SavedModel over `predict`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

import mmzoo
from mmzoo import datasets
from mmzoo.data.records import decode
from mmzoo.export.measure import as_tensors, interpreter
from mmzoo.export.serving import Serving
from mmzoo.export.tflite import VARIANTS, convert
from mmzoo.recipe import load_recipe

ROUNDS, SECONDS = 7, 1.0


def specs() -> dict[str, mmzoo.Spec]:
    """The models by name."""
    main = load_recipe("emoji").spec
    picture = mmzoo.Image("image", size=64, tower=mmzoo.Tower("resnet50", resolution=224))
    text = mmzoo.Text("name", max_bytes=64)
    return {"emoji": main, "resnet50": mmzoo.Spec([picture, text], "concat", main.tasks)}


def per_second(call: Callable[[], Any]) -> float:
    """Calls a second, over about `SECONDS`."""
    started, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - started) < SECONDS:
        call()
        count += 1
    return count / spent


def in_turns(calls: dict[str, Callable[[], Any]], base: str, notes: dict[str, str]) -> None:
    """Print the speed of each over that of `base`."""
    for call in calls.values():
        call()
        call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            found[name].append(per_second(call))
    for name, rates in found.items():
        ratios = sorted(a / b for a, b in zip(rates, found[base], strict=True))
        print(
            f"  {name:<16} {1000 / statistics.median(rates):8.2f} ms  {statistics.median(ratios):5.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})  {notes.get(name, '')}"
        )


def compare(name: str, spec: mmzoo.Spec) -> None:
    """One model."""
    records = datasets.load("emoji")[0]
    model = mmzoo.build(spec)
    inputs = decode(spec, records.take(32))
    one = {key: array[:1] for key, array in inputs.items()}
    tensors = {key: tf.constant(array) for key, array in one.items()}
    graph = tf.function(lambda given: model(given, training=False))
    with tempfile.TemporaryDirectory() as scratch:
        Serving(model).save(Path(scratch) / "model", "serve_tensors")
        loaded = tf.saved_model.load(str(Path(scratch) / "model"))
    served = loaded.signatures["serving_default"]
    numbers = {key: tf.constant(array) for key, array in as_tensors(one).items()}
    calls: dict[str, Callable[[], Any]] = {
        "tf.function": lambda: graph(tensors),
        "predict": lambda: model.predict(one, verbose=0),
        "SavedModel": lambda: served(**numbers),
    }
    notes: dict[str, str] = {}
    for variant, data in convert(model, list(VARIANTS), records).items():
        if isinstance(data, bytes):
            runner = interpreter()(model_content=data, num_threads=1).get_signature_runner("serving_default")
            calls[f"LiteRT {variant}"] = lambda runner=runner: runner(**as_tensors(one))
            notes[f"LiteRT {variant}"] = f"{len(data) / 1e6:.1f} MB"
        else:
            print(f"  LiteRT {variant}: {data}")
    print(f"{name}, one record, {model.count_params() / 1e6:.1f} million parameters")
    in_turns(calls, "tf.function", notes)
    many = {key: tf.constant(array) for key, array in as_tensors(inputs).items()}
    print(f"{name}, 32 records")
    in_turns({"predict": lambda: model.predict(inputs, verbose=0), "SavedModel": lambda: served(**many)}, "predict", {})


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for name, spec in specs().items():
        compare(name, spec)


if __name__ == "__main__":
    sys.exit(main())
