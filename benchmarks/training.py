"""What does the engine cost over a loop written by hand, what does a checkpoint cost, what does the cache save?

    python benchmarks/training.py

Every time is of one call, taken in turns in one run; printed are the medians, the median of the ratios with its
quartiles, and the least and the most. Take the ratios for what they are: of this machine, now.

On 2 cores, shared with other work: a tiny model takes 0.52 of the time of `fit` with 16 steps a call (0.95 of a loop
written by hand), a small convolutional one 0.91 (1.00); a checkpoint of 2.3 MB 23 ms; an epoch on kept features of a
frozen EfficientNet-Lite0 is 19 times as fast as one that computes them anew.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import mmzoo
from mmzoo.training.batches import Varied
from mmzoo.training.features import compute_features, split
from mmzoo.training.feed import Stream
from mmzoo.training.loss import total_loss
from mmzoo.training.state import State
from mmzoo.training.trainer import Trainer

ROUNDS, STEPS, BATCH, RECORDS = 9, 16, 32, 128
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


def arrays(names: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Random examples with these inputs, and their labels."""
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.integers(0, 256, (RECORDS, 64, 64, 3)).astype(np.uint8),
        "motion": rng.normal(size=(RECORDS, 32, 6)).astype(np.float32),
    }
    given = {**{name: inputs[name] for name in names}, "present": np.ones((RECORDS, len(names)), bool)}
    return given, {"label": rng.integers(0, len(LABELS), RECORDS).astype(np.int32)}


def feed_of(model: keras.Model) -> tuple[Any, Stream]:
    inputs, labels = arrays(model.spec.input_names)
    part = split(model)
    features = compute_features(part, model.spec, inputs)
    return part.rest, Stream(features, labels, Varied(), batch_size=BATCH, seed=0)


def in_turns(*calls: Callable[[], Any]) -> np.ndarray:
    """Seconds of each call (rounds, calls), the order turned from round to round, after two rounds to warm up."""
    times = np.zeros((ROUNDS, len(calls)))
    for round_ in range(-2, ROUNDS):
        for index in np.roll(np.arange(len(calls)), round_):
            began = time.perf_counter()
            calls[index]()
            if round_ >= 0:
                times[round_, index] = time.perf_counter() - began
    return times


def ratio(times: np.ndarray, one: int, other: int) -> str:
    found = times[:, one] / times[:, other]
    low, middle, high = np.percentile(found, [25, 50, 75])
    return f"{middle:.2f} (quartiles {low:.2f} to {high:.2f}, all {found.min():.2f} to {found.max():.2f})"


def by_hand(model: keras.Model, batches: Iterator[Any]) -> Callable[[], Any]:
    """The plain loop: AdamW and clipping, no averages, nothing watched, nothing saved; a step is a call."""
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    rest = model

    @tf.function
    def step(inputs: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = total_loss(SPEC, rest(inputs, training=True), labels, inputs["present"])
        optimizer.apply(tape.gradient(loss, [v.value for v in rest.trainable_variables]), rest.trainable_variables)
        return loss

    def run() -> float:
        return sum(float(step(*next(batches))) for _ in range(STEPS))

    return run


SPEC = spec("small_cnn")
ENDLESS = range(1_000_000)


def engine(name: str, image: str, **options: Any) -> None:
    """The engine with one and with several steps a call, over the loop by hand and over Keras's fit."""
    model, feed = feed_of(mmzoo.build(spec(image, **options)))
    trainer = Trainer(SPEC, model, mmzoo.Training(batch_size=BATCH, average=0.0), 10**6)
    batches = trainer.batches(feed, ENDLESS)
    single = trainer.batches(feed, ENDLESS)
    hand_model, hand_feed = feed_of(mmzoo.build(spec(image, **options)))
    hand = by_hand(hand_model, iter(hand_feed.batches(ENDLESS)))
    fit_model, fit_feed = feed_of(mmzoo.build(spec(image, **options)))
    loss = {"label": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
    fit_model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    fit_data = fit_feed.batches(ENDLESS)
    waits: list[float] = []

    def many() -> None:
        began = time.perf_counter()
        _, waited = trainer.run(batches, STEPS)
        waits.append(waited / (time.perf_counter() - began))

    def one() -> None:
        for _ in range(STEPS):
            trainer.run(single, 1)

    def fit() -> None:
        fit_model.fit(fit_data, steps_per_epoch=STEPS, epochs=1, verbose=0)

    times = in_turns(many, one, hand, fit)
    rates = STEPS / np.median(times, axis=0)
    print(
        f"{name}, steps/s: {STEPS} a call {rates[0]:.0f}, one a call {rates[1]:.0f}, by hand {rates[2]:.0f}, "
        f"fit {rates[3]:.0f}"
    )
    print(f"  time of {STEPS} a call over by hand {ratio(times, 0, 2)}")
    print(f"  time of one a call over by hand    {ratio(times, 1, 2)}")
    print(f"  time of {STEPS} a call over fit     {ratio(times, 0, 3)}")
    print(f"  waiting for data {np.median(waits):.1%} of the time")


def checkpoint() -> None:
    """A checkpoint of the state with averages and best weights, over a step."""
    model, feed = feed_of(mmzoo.build(SPEC))
    trainer = Trainer(SPEC, model, mmzoo.Training(batch_size=BATCH), 10**6)
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


def cached(names: Sequence[str]) -> None:
    """An epoch that computes the features of a frozen network again, over one on features that are kept."""
    frozen = spec("efficientnet_lite0", resolution=128).subset(names)
    model = mmzoo.build(frozen)
    inputs, labels = arrays(names)
    rest, feed = feed_of(model)
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
    steps = RECORDS // BATCH
    times = in_turns(lambda: again.run(all_batches, steps), lambda: kept.run(batches, steps))
    what = "a frozen EfficientNet-Lite0" + ", with a small tower that trains beside it" * (len(names) > 1)
    print(f"{what}: an epoch that computes it anew, over one on kept features: {ratio(times, 0, 1)}")


if __name__ == "__main__":
    engine("tiny (frozen picture trunk)", "efficientnet_lite0", resolution=64)
    engine("small_cnn on 64 px", "small_cnn")
    checkpoint()
    cached(["image"])
    cached(["image", "motion"])
