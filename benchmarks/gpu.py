"""What does a training step cost on an accelerator, beside Keras's `fit` and PyTorch, and are the numbers the CPU's?

    python benchmarks/gpu.py                # on the first GPU; at most five minutes, nothing is downloaded
    python benchmarks/gpu.py --small        # the same with tiny networks, on whatever there is: a try of the script
    python benchmarks/gpu.py --json gpu.json

Three models: the embedded sample's main recipe on the features of its frozen parts, a ResNet50 and a ViT-S/16 on
pictures of 224 px, all of random weights. Each way of training runs in a process of its own, and they take turns; a
sample is the time of a step, the mean over some. Printed are the medians, their ratio to Keras's `fit` in float32, the
share of the device's peak (three times the operations of the forward pass, by TensorFlow's own count, over what the
data sheet of the card says) and the share of time that the step waits for data. With two GPUs, a step of two replicas
is timed beside that of one with half the examples. The ids of texts and the log-mels of sounds are computed on the CPU
and on the device.

PyTorch is measured where it is installed (extra `benchmark`), channels last and compiled. No GPU could be had for this
script so far: there are no figures yet.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from asking import answer, ask, begin, heard

MODELS = ("recipe", "resnet50", "vit_s")
WAYS = ("fit float32", "mmzoo float32", "mmzoo bfloat16", "mmzoo bfloat16 xla", "torch float32", "torch bfloat16")
ROUNDS, STEPS, BATCH, SIDE = 5, 10, 64, 224
SMALL = {"rounds": 1, "steps": 1, "batch": 4, "side": 32}
LABELS = tuple(f"class {k}" for k in range(100))
PEAKS = {
    "H200": (67e12, 989e12),
    "H100": (67e12, 989e12),
    "A100": (19.5e12, 312e12),
    "L4": (30e12, 121e12),
    "T4": (8.1e12, 65e12),
    "V100": (15.7e12, 125e12),
}
"""Operations a second in float32 and in 16 bits, dense, by NVIDIA's data sheets; of the T4 and V100 in float16."""


def made(model: str, small: bool) -> Any:
    """The spec of a model, and a feed of made examples, or of the embedded sample's."""
    import mmzoo
    from mmzoo import datasets
    from mmzoo.data.records import decode
    from mmzoo.graph.cut import split
    from mmzoo.labels import encode_labels
    from mmzoo.recipe import load_recipe
    from mmzoo.training.features.compute import compute_features
    from mmzoo.training.feeds.batches import Varied
    from mmzoo.training.feeds.feed import Stream

    size = SMALL["batch"] if small else BATCH
    if model == "recipe":
        records = datasets.load("emoji")[0].take(2 * size)
        recipe = load_recipe("emoji").changed(["image.tower.weights=null", "name.tower=embedding_attention"])
        spec = recipe.spec.fit(records)
        part = split(mmzoo.build(spec))
        features = compute_features(part, spec, decode(spec, records))
        feed = Stream(features, encode_labels(spec.tasks, records), Varied(), batch_size=size, seed=0)
        return spec, part.rest, feed
    side = SMALL["side"] if small else SIDE
    vit = {"patch": 16, "width": 384, "layers": 12, "heads": 6}
    if small:
        vit = {"patch": 8, "width": 16, "layers": 1, "heads": 2}
    tower = mmzoo.Tower("resnet50") if model == "resnet50" else mmzoo.Tower("vit", **vit)
    spec = mmzoo.Spec(
        [mmzoo.Image("image", size=side, tower=tower)], "concat", [mmzoo.Classification("y", labels=LABELS)]
    )
    pictures, labels = batch(side, 2 * size)
    given = {"image": pictures[:, None], "present": np.ones((2 * size, 1), bool)}
    return spec, mmzoo.build(spec), Stream(given, {"y": labels}, Varied(), batch_size=size, seed=0)


def batch(side: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random pictures and classes."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (count, side, side, 3)).astype(np.uint8)
    return pictures, random.integers(0, len(LABELS), count).astype(np.int32)


def operations(model: Any, given: dict[str, Any]) -> float:
    """Multiplications and additions of the forward pass of a batch, as TensorFlow counts them."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = tf.function(lambda x: model(x, training=False)).get_concrete_function(given)
    graph = convert_variables_to_constants_v2(concrete).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return float(tf.compat.v1.profiler.profile(graph, options=options).total_float_ops)


def by_keras(model: str, way: str, precision: str, small: bool) -> tuple[Callable[[], float], float]:
    """A call that takes some steps and says for how long it waited for data; and the operations of a forward pass."""
    import keras

    import mmzoo
    from mmzoo.training.fit import computing_in
    from mmzoo.training.trainer import Trainer

    steps = SMALL["steps"] if small else STEPS
    with computing_in(precision):
        spec, network, feed = made(model, small)
    inputs, *_ = next(iter(feed.batches(range(1))))
    count = operations(network, inputs)
    if way == "fit":
        loss = {task.name: keras.losses.SparseCategoricalCrossentropy(from_logits=True) for task in spec.tasks}
        optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
        network.compile(optimizer=optimizer, loss=loss, jit_compile=False)
        data = feed.batches(range(10**6))

        def fit() -> float:
            network.fit(data, steps_per_epoch=steps, epochs=1, verbose=0)
            return 0.0

        return fit, count
    trainer = Trainer(spec, network, mmzoo.Training(batch_size=BATCH, ema_decay=0.0, precision=precision), 10**6)
    batches = trainer.batches(feed, range(10**6))
    return lambda: trainer.run(batches, steps)[1], count


def by_torch(model: str, precision: str, small: bool) -> Callable[[], float]:
    """The same networks in PyTorch, compiled where there is a GPU."""
    import torch
    from torch_resnet import resnet50

    device = "cuda" if torch.cuda.is_available() else "cpu"
    side, size = (SMALL["side"], SMALL["batch"]) if small else (SIDE, BATCH)
    network: Any = vision_transformer(side, small)
    if model == "resnet50":
        network = resnet50(len(LABELS))[:-1]  # without the softmax
    network = network.to(device, memory_format=torch.channels_last).train()
    compiled = torch.compile(network) if device == "cuda" else network
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.01)
    pictures, labels = (torch.from_numpy(array).to(device) for array in batch(side, size))

    def run() -> float:
        for _ in range(SMALL["steps"] if small else STEPS):
            x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
                loss = torch.nn.functional.cross_entropy(compiled(x).float(), labels.long())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return 0.0

    return run


def vision_transformer(side: int, small: bool) -> Any:
    """ViT-S/16 of PyTorch's own layers."""
    import torch

    patch, width, layers, heads = (8, 16, 1, 2) if small else (16, 384, 12, 6)

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.patches = torch.nn.Conv2d(3, width, patch, patch)
            self.places = torch.nn.Parameter(torch.zeros(1, (side // patch) ** 2, width))
            layer = torch.nn.TransformerEncoderLayer(
                width, heads, 4 * width, 0.0, torch.nn.functional.gelu, batch_first=True, norm_first=True
            )
            self.blocks = torch.nn.TransformerEncoder(layer, layers, torch.nn.LayerNorm(width), False)
            self.head = torch.nn.Linear(width, len(LABELS))

        def forward(self, x: Any) -> Any:
            return self.head(self.blocks(self.patches(x).flatten(2).transpose(1, 2) + self.places).mean(1))

    return Network()


def child(model: str, way: str, small: bool) -> None:
    """Answer each line with the seconds of a step and of waiting; first of all with the operations of a step."""
    framework, precision, *_ = way.split()
    if framework == "torch":
        run, count = by_torch(model, precision, small), 0.0
    else:
        run, count = by_keras(model, framework, precision, small)
    steps = SMALL["steps"] if small else STEPS
    for _ in range(2):
        run()
    answer(3 * count)
    for _ in sys.stdin:
        began = time.perf_counter()
        waited = run()
        answer([(time.perf_counter() - began) / steps, waited / steps])


def device_name() -> str:
    """What the card is called; "" without one."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return told.stdout.partition("\n")[0].strip() if told.returncode == 0 else ""


def equal_numbers() -> dict[str, float]:
    """By how much ids and log-mels on the first device differ from those on the CPU; both are computed in the graph."""
    import tensorflow as tf

    import mmzoo
    from mmzoo.data.records import decode
    from mmzoo.modalities.audio.spectrogram import LogMel

    there = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    texts = ["the cat sat on the mat", "größer als 3,5 €", "日本語のテキスト", ""]
    item = mmzoo.Text("t", max_bytes=48, tokens=24, tokenizer="ngrams").fit(texts)
    spec = mmzoo.Spec([item], "concat", [mmzoo.Binary("y")])
    rows = tf.constant(decode(spec, mmzoo.Records({"t": texts}))["t"])
    sound = tf.constant(np.random.default_rng(0).normal(size=(2, 16000)).astype(np.float32) * 0.1)
    found: dict[str, list[Any]] = {"ids": [], "log-mel": []}
    for device in ("CPU:0", there[0].name):
        with tf.device(device):
            ids = item.tokenizer_layer("ids")(rows)
            found["ids"].append(np.asarray(ids[0] if isinstance(ids, tuple) else ids))
            found["log-mel"].append(np.asarray(LogMel(16000, num_mel_bins=64)(sound)[0]))
    return {what: float(np.abs(one - other).max()) for what, (one, other) in found.items()}


def replicas(small: bool) -> float | None:
    """The time of a step of two replicas, over that of one with half the examples; None without two GPUs."""
    import tensorflow as tf

    if len(tf.config.list_logical_devices("GPU")) < 2:
        return None
    import mmzoo
    from mmzoo.training.trainer import Trainer

    took = []
    for strategy in (tf.distribute.OneDeviceStrategy("GPU:0"), tf.distribute.MirroredStrategy(["GPU:0", "GPU:1"])):
        with strategy.scope():
            spec, network, feed = made("resnet50", small)
            trainer = Trainer(spec, network, mmzoo.Training(batch_size=BATCH), 10**6)
            batches = trainer.batches(feed, range(10**6))
            trainer.run(batches, STEPS)
            began = time.perf_counter()
            trainer.run(batches, STEPS)
            took.append((time.perf_counter() - began) / STEPS)
    return took[1] / took[0]


def measured(model: str, small: bool, peaks: tuple[float, float] | None) -> list[dict[str, Any]]:
    """A row for each way of training a model."""
    torch = importlib.util.find_spec("torch") is not None and model != "recipe"
    names = [name for name in WAYS if torch or not name.startswith("torch")]
    running, counts = {}, {}
    for name in names:
        environment = {**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
        if name.endswith("xla"):
            environment["TF_XLA_FLAGS"] = "--tf_xla_auto_jit=2"
        command = [sys.executable, __file__, "--child", model, name, *(["--small"] if small else [])]
        running[name] = begin(command, environment)
        counts[name] = heard(running[name])
    samples: dict[str, list[list[float]]] = {name: [] for name in names}
    for round_ in range(SMALL["rounds"] if small else ROUNDS):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            ask(running[name])
            samples[name].append(heard(running[name]))
    for process in running.values():
        process.kill()
    rows = []
    base = statistics.median(step for step, _ in samples[names[0]])
    for name, found in samples.items():
        step = statistics.median(each for each, _ in found)
        row = {"model": model, "way": name, "ms": 1e3 * step, "over_fit": step / base}
        row["waiting"] = statistics.median(waited for _, waited in found) / step
        if peaks and counts[name]:
            row["share_of_peak"] = counts[name] / step / peaks["bfloat16" in name]
        rows.append({**row, "samples": [1e3 * each for each, _ in found]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny networks, a step each: a try of the script")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child, args.small)
        return
    name = device_name()
    peaks = next((each for card, each in PEAKS.items() if card in name), None)
    rows = [row for model in args.models for row in measured(model, args.small, peaks)]
    found = {"device": name or "CPU", "equal": equal_numbers(), "rows": rows, "two_replicas": replicas(args.small)}
    print(
        f"{found['device']}; largest difference from the CPU: {found['equal']}; two replicas: {found['two_replicas']}"
    )
    print("| model | way | ms a step | over fit | share of peak | waiting for data |\n|---|---|---|---|---|---|")
    for row in rows:
        share = f"{row['share_of_peak']:.1%}" if "share_of_peak" in row else ""
        figures = f"{row['ms']:.2f} | {row['over_fit']:.2f} | {share} | {row['waiting']:.1%}"
        print(f"| {row['model']} | {row['way']} | {figures} |")
    print(json.dumps(found))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
