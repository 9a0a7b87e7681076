"""What does the engine cost over a loop written by hand, what does a checkpoint cost, what does the cache save?

    python benchmarks/training.py           # all, or some: tiny, small_cnn, normalization, recipe, ...

Every time is of one call, taken in turns in one run; printed are the medians, the median of the ratios with its
quartiles, and every ratio. Take them for what they are: of this machine, now.

On 2 quiet cores: `tiny`, 32 steps a call take 0.23 of the time of `fit` (0.18 to 0.25) and 0.34 of a loop written by
hand, one step a call 0.52 and 0.93; `recipe`, waiting for data is 2.3 to 2.8 % of epochs 2 to 6; `vgg16`, an epoch on
kept features is 730 times as fast (618 to 927) as one that computes them anew. On cores shared with other work, before
this script had 32 steps a call: a small convolutional net 0.91 of `fit`, a checkpoint of 2.3 MB 23 ms, an epoch on kept
features of a frozen EfficientNet-Lite0, with 128 px, 19 times as fast. A step with fused batch normalization takes 0.74
(0.72 to 0.76) of the processor time of one without for the main recipe, 0.73 for `small_cnn` on 64 px and 0.92 for a
ResNet50 on 64 px, with one thread.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from distributed import large, recipe

import mmzoo
from mmzoo import datasets
from mmzoo.graph.cut import split
from mmzoo.recipe import load_recipe
from mmzoo.training.features.compute import compute_features
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.loss import total_loss
from mmzoo.training.run_folder.state import State
from mmzoo.training.trainer import Trainer

ROUNDS, STEPS, BATCH, RECORDS = 9, 32, 32, 128
LABELS = tuple("abcdefgh")


def spec(image: str, **options: Any) -> mmzoo.Spec:
    return mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower=mmzoo.Tower(image, **options)),
            mmzoo.Sensor("motion", channels=6, steps=32, means=[0.0] * 6, deviations=[1.0] * 6, tower="cnn_1d"),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("label", labels=LABELS)],
        dim=32,
    )


def arrays(names: Sequence[str], count: int = RECORDS) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Random examples with these inputs, and their labels."""
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.integers(0, 256, (count, 64, 64, 3)).astype(np.uint8),
        "motion": rng.normal(size=(count, 32, 6)).astype(np.float32),
        "row": rng.normal(size=(count, 2)).astype(np.float32),
    }
    given = {**{name: inputs[name] for name in names}, "present": np.ones((count, len(names)), bool)}
    return given, {"label": rng.integers(0, len(LABELS), count).astype(np.int32)}


def feed_of(model: keras.Model, count: int = RECORDS) -> tuple[Any, Stream]:
    inputs, labels = arrays(model.spec.input_names, count)
    part = split(model)
    features = compute_features(part, model.spec, inputs)
    return part.rest, Stream(features, labels, Varied(), batch_size=BATCH, seed=0)


def in_turns(*calls: Callable[[], Any], rounds: int = ROUNDS) -> np.ndarray:
    """Seconds of each call (rounds, calls), the order turned from round to round, after two rounds to warm up."""
    times = np.zeros((rounds, len(calls)))
    for round_ in range(-2, rounds):
        for index in np.roll(np.arange(len(calls)), round_):
            began = time.perf_counter()
            calls[index]()
            if round_ >= 0:
                times[round_, index] = time.perf_counter() - began
    return times


def ratio(times: np.ndarray, one: int, other: int) -> str:
    found = times[:, one] / times[:, other]
    low, middle, high = np.percentile(found, [25, 50, 75])
    return f"{middle:.2f} (quartiles {low:.2f} to {high:.2f}; all: {' '.join(f'{x:.2f}' for x in found)})"


def by_hand(made: mmzoo.Spec, model: keras.Model, batches: Iterator[Any]) -> Callable[[], Any]:
    """The plain loop: AdamW and clipping, no averages, nothing watched, nothing saved; a step is a call."""
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    rest = model

    @tf.function
    def step(inputs: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = total_loss(made, rest(inputs, training=True), labels, inputs["present"])
        optimizer.apply(tape.gradient(loss, [v.value for v in rest.trainable_variables]), rest.trainable_variables)
        return loss

    def run() -> float:
        return sum(float(step(*next(batches))) for _ in range(STEPS))

    return run


ENDLESS = range(1_000_000)


def tiny() -> mmzoo.Spec:
    """So small that a step is hardly more than what it costs to take one."""
    table = mmzoo.Tabular("row", numbers=["x", "y"], quantiles=[[-2, -1, 0, 1, 2]] * 2, tower=MLP)
    return mmzoo.Spec([table], "concat", [mmzoo.Classification("label", labels=LABELS)], dim=8)


MLP = mmzoo.Tower("mlp", hidden=[8])


def engine(name: str, made: mmzoo.Spec) -> None:
    """The engine with one and with several steps a call, over the loop by hand and over Keras's fit."""
    model, feed = feed_of(mmzoo.build(made))
    trainer = Trainer(made, model, mmzoo.Training(batch_size=BATCH, ema_decay=0.0), 10**6)
    batches = trainer.batches(feed, ENDLESS)
    single = trainer.batches(feed, ENDLESS)
    hand_model, hand_feed = feed_of(mmzoo.build(made))
    hand = by_hand(made, hand_model, iter(hand_feed.batches(ENDLESS)))
    fit_model, fit_feed = feed_of(mmzoo.build(made))
    loss = {"label": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
    fit_model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    fit_data = fit_feed.batches(ENDLESS)

    def one() -> None:
        for _ in range(STEPS):
            trainer.run(single, 1)

    def fit() -> None:
        fit_model.fit(fit_data, steps_per_epoch=STEPS, epochs=1, verbose=0)

    times = in_turns(lambda: trainer.run(batches, STEPS), one, hand, fit)
    took = np.median(times, axis=0) / STEPS * 1e3
    print(
        f"{name}, ms a step: {STEPS} a call {took[0]:.2f}, one a call {took[1]:.2f}, by hand {took[2]:.2f}, "
        f"fit {took[3]:.2f}"
    )
    print(f"  time of {STEPS} a call over by hand {ratio(times, 0, 2)}")
    print(f"  time of one a call over by hand    {ratio(times, 1, 2)}")
    print(f"  time of {STEPS} a call over fit     {ratio(times, 0, 3)}")
    print(f"  time of one a call over fit        {ratio(times, 1, 3)}")


def normalization(name: str, made: Callable[[], tuple[mmzoo.Spec, keras.Model, Stream]]) -> None:
    """A step with batch normalization in one operation each way, over one with Keras's own."""
    ways = []
    for fuses in ({}, {"fuse": lambda model: None}):
        with patch.multiple("mmzoo.training.trainer", **fuses):
            own, model, feed = made()
            trainer = Trainer(own, model, mmzoo.Training(batch_size=BATCH), 10**6)
        ways.append(partial(trainer.run, trainer.batches(feed, ENDLESS), 8))
    print(f"{name}, time of a step with fused batch normalization over one without: {ratio(in_turns(*ways), 0, 1)}")


def waiting() -> None:
    """The share of time in which the main recipe waits for data, as `history.jsonl` has it, first epoch left out."""
    recipe = load_recipe("emoji").changed(["training.epochs=6"])
    train, validation, _ = datasets.load("emoji")
    with tempfile.TemporaryDirectory() as folder:
        run = mmzoo.train(recipe.spec, train, validation, training=recipe.training, out=Path(folder) / "run")
        rows = [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]
    print("the main recipe waits for data, epochs 2 to 6: " + " ".join(f"{row['waiting']:.1%}" for row in rows[1:]))


def checkpoint() -> None:
    """A checkpoint of the state with averages and best weights, over a step."""
    made = spec("small_cnn")
    model, feed = feed_of(mmzoo.build(made))
    trainer = Trainer(made, model, mmzoo.Training(batch_size=BATCH), 10**6)
    batches, state = trainer.batches(feed, ENDLESS), State()
    state.keep(0.0, model.variables)
    with tempfile.TemporaryDirectory() as folder:

        def save() -> None:
            state.step += 1
            state.save(Path(folder), trainer)

        times = in_turns(save, lambda: trainer.run(batches, 1))
        size = max(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    print(
        f"a checkpoint of {size:.1f} MB: {np.median(times[:, 0]) * 1e3:.1f} ms, of a step's time {ratio(times, 0, 1)}"
    )


def cached(what: str, frozen: mmzoo.Spec, records: int = RECORDS, rounds: int = ROUNDS) -> None:
    """An epoch that computes the features of a frozen network again, over one on features that are kept."""
    model = mmzoo.build(frozen)
    inputs, labels = arrays(frozen.input_names, records)
    rest, feed = feed_of(model, records)
    kept = Trainer(frozen, rest, mmzoo.Training(batch_size=BATCH), 10**6)
    batches = kept.batches(feed, ENDLESS)
    whole = Stream(
        {name: array if name == "present" else array[:, None] for name, array in inputs.items()},
        labels,
        Varied(),
        batch_size=BATCH,
        seed=0,
    )
    again = Trainer(frozen, model, mmzoo.Training(batch_size=BATCH), 10**6)
    all_batches = again.batches(whole, ENDLESS)
    steps = records // BATCH
    times = in_turns(lambda: again.run(all_batches, steps), lambda: kept.run(batches, steps), rounds=rounds)
    print(f"{what}: an epoch that computes it anew, over one on kept features: {ratio(times, 0, 1)}")


def vgg16(folder: Path) -> None:
    """The same of VGG16 at 224 px: random weights, read from a file as pretrained ones are."""
    file = folder / "vgg16.weights.h5"
    keras.applications.VGG16(weights=None, include_top=False).save_weights(file)
    frozen = spec("vgg16", weights=str(file), resolution=224).subset(["image"])
    cached("a frozen VGG16 at 224 px", frozen, records=BATCH, rounds=5)


if __name__ == "__main__":
    small = spec("small_cnn")
    lite = spec("efficientnet_lite0", resolution=128)
    with tempfile.TemporaryDirectory() as scratch:
        parts: dict[str, Callable[[], None]] = {
            "tiny": lambda: engine("two numbers through eight units", tiny()),
            "small_cnn": lambda: engine("small_cnn on 64 px", spec("small_cnn")),
            "normalization": lambda: (
                normalization("the main recipe", lambda: recipe(BATCH)),
                normalization("small_cnn on 64 px", lambda: (small, *feed_of(mmzoo.build(small)))),
                normalization("ResNet50 on 64 px", lambda: large(BATCH)),
            )[0],
            "recipe": waiting,
            "checkpoint": checkpoint,
            "cache": lambda: (
                cached("a frozen EfficientNet-Lite0", lite.subset(["image"])),
                cached("a frozen EfficientNet-Lite0, with a small tower that trains beside it", lite),
            )[0],
            "vgg16": lambda: vgg16(Path(scratch)),
        }
        for name in sys.argv[1:] or parts:
            parts[name]()
