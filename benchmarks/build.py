"""Does a built model cost anything over the same model written by hand? And how long does building take?

    python benchmarks/build.py

Prints the time of a training step and of a prediction as a ratio, built over hand-written, taken in turns in one
run; then the same against a hand-written model that cannot miss a modality, which is the price of tolerance; and
the time to build the largest networks of the zoo in one model over that of Keras alone.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

import mmzoo

LABELS = tuple("abcdefgh")
ROUNDS, BATCH, DIM = 40, 32, 128


def spec() -> mmzoo.Spec:
    return mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower="small_cnn"),
            mmzoo.Sensor("motion", channels=6, steps=128, means=[0.0] * 6, deviations=[1.0] * 6, tower="cnn_1d"),
        ],
        fusion="concat",
        tasks=[mmzoo.Classification("label", labels=LABELS)],
        dim=DIM,
    )


def mean_and_max(values: Any, mask: Any) -> Any:
    kept = ops.where(mask[..., None], values, 0.0)
    mean = ops.sum(kept, axis=1) / ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1)[..., None], 1.0)
    top = ops.max(ops.where(mask[..., None], values, -1e9), axis=1)
    return ops.concatenate([mean, ops.where(ops.any(mask, axis=1)[..., None], top, 0.0)], axis=-1)


class Missing(layers.Layer):
    """A learned vector in an absent modality's place."""

    def build(self, values_shape: Any, here_shape: Any) -> None:
        self.vector = self.add_weight(shape=(DIM,), initializer="random_normal")

    def call(self, values: Any, here: Any) -> Any:
        return ops.where(here[:, None, None], values, self.vector)


def by_hand(tolerant: bool) -> keras.Model:
    """The same network of plain Keras layers; tolerant of missing modalities or not. The gap filling is left out."""
    image = keras.Input((64, 64, 3), dtype="uint8", name="image")
    motion = keras.Input((128, 6), name="motion")
    present = keras.Input((2,), dtype="bool", name="present")
    here = [present[:, 0], present[:, 1]]
    x, series = ops.cast(image, "int32"), motion
    if tolerant:
        x = ops.where(here[0][:, None, None, None], x, 0)
        series = ops.where(here[1][:, None, None], series, 0.0)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    for width in (32, 64, 128):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = ops.reshape(x, (-1, 64, 128))
    series, real = mmzoo_gaps(series)
    y = layers.Dropout(0.2)(ops.where(real[..., None], series, 0.0))
    y = ops.concatenate(
        [layers.Conv1D(n, k, padding="same", activation="relu")(y) for n, k in ((43, 3), (43, 4), (42, 5))], axis=-1
    )
    pooled = []
    for index, (values, mask) in enumerate(((x, ops.ones_like(x[..., 0], dtype="bool")), (y, real))):
        values = layers.LayerNormalization()(layers.Dense(DIM)(values))
        if tolerant:
            there = ops.logical_and(here[index], ops.any(mask, axis=1))
            values = Missing()(values, there)
            mask = ops.where(there[:, None], mask, (ops.arange(mask.shape[1]) == 0)[None])
        pooled.append(mean_and_max(values, mask))
    joined = layers.Dropout(0.3)(ops.concatenate(pooled, axis=-1))
    logits = layers.Dense(len(LABELS))(layers.Dropout(0.3)(layers.Dense(DIM, activation="gelu")(joined)))
    return keras.Model({"image": image, "motion": motion, "present": present}, {"label": logits})


def mmzoo_gaps(series: Any) -> Any:
    """mmzoo's own layer: filling gaps is work that both have to do."""
    from mmzoo.modalities.sensor.gaps import FillGaps

    return FillGaps([0.0] * 6, [1.0] * 6)(series)


def learnt(model: keras.Model) -> int:
    """How many numbers train: temperatures, which are fitted afterwards, are no part of the step."""
    return sum(int(np.prod(each.shape)) for each in model.trainable_variables)


def ready(model: keras.Model) -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss={"label": loss}, jit_compile=False)
    return model


def in_turns(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[list[float], list[float]]:
    """Seconds of each call, one of the first and one of the second in turns, after three of each to warm up."""
    times: tuple[list[float], list[float]] = ([], [])
    for round_ in range(ROUNDS + 3):
        for index in (0, 1) if round_ % 2 else (1, 0):
            began = time.perf_counter()
            (first, second)[index]()
            if round_ >= 3:
                times[index].append(time.perf_counter() - began)
    return times


def compare(label: str, built: keras.Model, other: keras.Model) -> None:
    rng = np.random.default_rng(0)
    x = {
        "image": rng.integers(0, 256, (BATCH, 64, 64, 3)).astype(np.uint8),
        "motion": rng.normal(size=(BATCH, 128, 6)).astype(np.float32),
        "present": np.ones((BATCH, 2), bool),
    }
    y = {"label": rng.integers(0, len(LABELS), BATCH)}
    for what in ("train", "predict"):

        def call(model: keras.Model, what: str = what) -> None:
            model.train_on_batch(x, y) if what == "train" else model.predict_on_batch(x)

        mine, theirs = in_turns(lambda: call(built), lambda: call(other))
        ratio = np.median(np.array(mine) / np.array(theirs))
        print(
            f"{label:<32} {what:<8} built {np.median(mine) * 1e3:7.1f} ms  by hand {np.median(theirs) * 1e3:7.1f} ms"
            f"  ratio {ratio:.3f}  (quartiles {np.percentile(np.array(mine) / np.array(theirs), [25, 75]).round(3)})"
        )


def build_time() -> None:
    """The largest image, text and audio towers in one model, over keras.applications' and KerasHub's own time."""
    import keras_hub

    largest = mmzoo.Spec(
        inputs=[
            mmzoo.Image("image", size=64, tower="resnet101"),
            mmzoo.Text("text", tower=mmzoo.Tower("bert", layers=12, width=768, heads=12)),
            mmzoo.Audio("audio", tower=mmzoo.Tower("spectrogram_image", image="resnet101_v2")),
            mmzoo.Video("video", size=64, tower=mmzoo.Tower("frames", image="convnext_tiny", time="bilstm")),
        ],
        fusion="bottleneck",
        tasks=[mmzoo.Classification("label", labels=LABELS)],
    )

    def keras_alone() -> None:
        make = keras.applications
        for network in (make.ResNet101, make.ResNet101V2, make.ConvNeXtTiny):
            network(include_top=False, weights=None, input_shape=(64, 64, 3))(keras.Input((64, 64, 3)))
        keras_hub.models.BertBackbone(4096, 12, 12, 768, 3072, max_sequence_length=24)

    for _ in range(2):
        times = []
        for make in (keras_alone, lambda: mmzoo.build(largest)):
            keras.backend.clear_session()
            gc.collect()
            began = time.perf_counter()
            make()
            times.append(time.perf_counter() - began)
        print(
            f"build of the largest: {times[1]:.1f} s, Keras alone {times[0]:.1f} s, beyond {times[1] - times[0]:.1f} s"
        )


if __name__ == "__main__":
    built = ready(mmzoo.build(spec()))
    hand = ready(by_hand(tolerant=True))
    assert learnt(built) == learnt(hand), "not the same model"
    compare("the same model", built, hand)
    compare("one that may not miss anything", built, ready(by_hand(tolerant=False)))
    build_time()
