"""How fast is one answer, on one thread, over a `tf.function` of the same model?

    python benchmarks/inference.py [emoji] [vgg16] [resnet50] [mobilenet_v3_large]      # all, if none is named

The main recipe's model, and those with one of the other towers at 224 px (random weights: they cost as much as
others), one record at a time: `keras.Model.predict`, the SavedModel, and LiteRT in float32 and with the variants of
`mmzoo export`, all taken in turns in one run; for each the speed over the `tf.function` (median of the rounds, and the
least and the most), and the size of the file. Peers, where their packages are installed
(`pip install 'mmzoo[onnx,benchmark]'`): the same model by ONNX Runtime in float32, the ResNet50 tower alone in eager
PyTorch. Then 32 records at a time: the SavedModel over `predict`.

On 2 quiet cores, speed over the `tf.function`:

                    emoji    vgg16   resnet50
    predict         0.17     0.84    0.55
    SavedModel      0.98     1.01    1.02
    LiteRT fp32     1.99     0.93    1.15
    LiteRT dynamic  1.70     3.63    3.49
    LiteRT int8     3.79     3.75    3.69
    LiteRT int4     1.96     0.93    1.16
    ONNX Runtime    1.72     1.04    1.18

So "int8" is 2.3, 3.6 and 3.0 times as fast as ONNX Runtime (medians of the times). 32 at a time, the SavedModel is
1.29 and 1.02 times as fast as `predict` (emoji, vgg16; resnet50 was not measured). PyTorch and mobilenet_v3_large were
not measured. All this was before the tokenizer had fewer operations, int4 its embeddings in 4 bits and "dynamic" its
log-mel in float32.
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
from mmzoo.errors import MMZooError
from mmzoo.export.export import describe
from mmzoo.export.formats import onnx
from mmzoo.export.formats.tflite import TFLite
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import convert
from mmzoo.export.tflite.measure import as_tensors, interpreter
from mmzoo.recipe import load_recipe

ROUNDS, SECONDS = 7, 1.0


def specs() -> dict[str, mmzoo.Spec]:
    """The models by name."""
    main = load_recipe("emoji").spec
    text = mmzoo.Text("name", max_bytes=64)
    found = {"emoji": main}
    for name in ("vgg16", "resnet50", "mobilenet_v3_large"):
        picture = mmzoo.Image("image", size=64, tower=mmzoo.Tower(name, resolution=224))
        found[name] = mmzoo.Spec([picture, text], "concat", main.tasks)
    return found


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
    for variant, data in convert(model, list(TFLite.variants), records).items():
        if isinstance(data, bytes):
            runner = interpreter()(model_content=data, num_threads=1).get_signature_runner("serving_default")
            calls[f"LiteRT {variant}"] = lambda runner=runner: runner(**as_tensors(one))
            notes[f"LiteRT {variant}"] = f"{len(data) / 1e6:.1f} MB"
        else:
            print(f"  LiteRT {variant}: {data}")
    calls |= peers(name, model, one)
    print(f"{name}, one record, {model.count_params() / 1e6:.1f} million parameters")
    in_turns(calls, "tf.function", notes)
    many = {key: tf.constant(array) for key, array in as_tensors(inputs).items()}
    print(f"{name}, 32 records")
    in_turns({"predict": lambda: model.predict(inputs, verbose=0), "SavedModel": lambda: served(**many)}, "predict", {})


def peers(name: str, model: Any, one: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """The same by ONNX Runtime, and by PyTorch, where they are installed; a line for each that is not."""
    found: dict[str, Callable[[], Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        try:
            path.write_bytes(onnx.convert(model, describe(model.spec)))
            run = onnx.runner(path)
            found["ONNX Runtime"] = lambda: run(one)
        except MMZooError as error:
            print(f"  ONNX Runtime: {error}")
    if name == "resnet50":
        try:
            import torch
            from torch_resnet import resnet50
        except ImportError:
            print("  PyTorch: not installed")
        else:
            torch.set_num_threads(1)
            tower, picture = resnet50(8), torch.zeros(1, 3, 224, 224)
            found["PyTorch eager"] = torch.inference_mode()(lambda: tower(picture))
    return found


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for name, spec in specs().items():
        if name in (sys.argv[1:] or specs()):
            compare(name, spec)


if __name__ == "__main__":
    sys.exit(main())
