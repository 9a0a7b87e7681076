"""What the tests over the registries share: a small input of every kind, and batches for it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import decode
from mmzoo.export.export import describe
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.export.tflite.embedded import attach
from mmzoo.towers import towers
from mmzoo.training.loss import total_loss
from tests.conftest import LABELS, small_spec

# Small versions of the towers; one that is not here is built as it comes.
SMALL: dict[str, dict[str, Any]] = {
    "small_cnn": {"filters": [4, 8]},
    **{f"efficientnet_lite{number}": {"weights": None} for number in range(3)},
    "inception_v3": {"resolution": 75},
    "vit": {"width": 8, "layers": 2, "heads": 2},
    "embedding_mean": {"width": 8},
    "embedding_attention": {"width": 8, "heads": 2},
    "static_embedding_attention": {"width": 8, "heads": 2},
    "embedding_bag": {"width": 8},
    "static_embedding_bag": {"width": 8},
    "sentence_bag": {"width": 8},
    "bert": {"width": 8},
    "cnn_1d": {"width": 8},
    "lstm": {"width": 8},
    "gru": {"width": 8},
    "bilstm": {"width": 8, "layers": 2},
    "tcn": {"width": 8, "blocks": 2},
    "transformer": {"width": 8, "heads": 2},
    "rocket": {"width": 8, "dilations": 2},
    "inception_time": {"width": 8, "blocks": 3, "kernel": 8},
    "windows": {"tower": mmzoo.Tower("cnn_1d", width=8), "length": 4},
    "spectrogram_cnn": {"filters": [4, 4, 4, 4]},
    "spectrogram_image": {"image": mmzoo.Tower("small_cnn", filters=[4, 8]), "size": 16},
    "waveform_cnn": {"filters": [4, 8, 8]},
    "whisper": {"weights": None, "width": 8, "layers": 1},
    "voice": {"weights": None, "width": 8, "layers": 1},
    "patch_transformer": {"width": 8, "heads": 2, "layers": 1},
    "frames": {"image": mmzoo.Tower("small_cnn", filters=[4, 8])},
    "r2plus1d": {"filters": [4, 8]},
    "mlp": {"hidden": [8], "width": 4},
    "ft_transformer": {"width": 8, "heads": 2, "layers": 1},
    "boosted_trees": {"trees": 50, "leaves": 4},
}
# Of each kind two towers, one of which never trains where there is such a one.
SIDE_BY_SIDE = {
    "image": ["small_cnn", "efficientnet_lite0"],
    "text": ["embedding_bag", "embedding_attention"],
    "audio": ["spectrogram_cnn", "waveform_cnn"],
    "video": ["frames", "r2plus1d"],
    "sensor": ["cnn_1d", "rocket"],
    "tabular": ["mlp", "ft_transformer"],
}
# Built at their full size, they take seconds to minutes to trace; the deeper ones have the blocks of a smaller one of
# their family, and those with a tokenizer or an encoder of their own have a test file too. Left to `make test-long`.
LARGE = {
    "bilstm",
    "inception_time",
    "windows",
    "sentence",
    "sentence_bag",
    "voice",
    "whisper",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "inception_v3",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "static_embedding_bag",
    "vgg16",
    "vgg19",
    "resnet50",
    "resnet101",
    "resnet50_v2",
    "resnet101_v2",
    "convnext_tiny",
}

INPUTS: dict[str, tuple[type, dict[str, Any]]] = {
    "image": (mmzoo.Image, {"size": 32}),
    "text": (mmzoo.Text, {"max_bytes": 32, "tokens": 6, "tokenizer": mmzoo.Tokenizer("hashed_words", buckets=64)}),
    "audio": (mmzoo.Audio, {"sample_rate": 8000, "seconds": 0.5}),
    "video": (mmzoo.Video, {"size": 16, "frames": 3}),
    "sensor": (mmzoo.Sensor, {"channels": 2, "steps": 12, "means": [0.0, 1.0], "deviations": [1.0, 2.0]}),
    "tabular": (
        mmzoo.Tabular,
        {
            "numbers": ["age", "size"],
            "categories": ["colour"],
            "dates": ["born"],
            "multi_categories": ["likes"],
            "quantiles": [[20.0, 40.0, 60.0], [1.0, 2.0, 3.0], *[[0.0, 10.0, 2000.0]] * 6],
            "vocabularies": [["green", "red"], ["sun", "rain"]],
            "delimiters": [","],
        },
    ),
}
TASK = mmzoo.Classification("animal", labels=LABELS)


# A fusion of every family. What a test asks of the others takes long, and is left to `make test-long`.
FAMILIES = {
    "concat",
    "gated",
    "mixture_of_experts",
    "low_rank_tensor",
    "cross_attention",
    "perceiver",
    "graph_attention",
    "decision_weighted",
    "hard_vote",
}


def kinds() -> list[Any]:
    """The towers that serve a kind of input, as parameters of a test: names and kind.

    A tower that serves several is there with the one whose graph is the smallest; with all it is there in
    `make test-long`, as are the large ones, each by itself.
    """
    first: dict[str, list[str]] = {}
    every: dict[str, list[str]] = {}
    large = []
    for name in towers.names():
        serves = towers.facts(name)["serves"]
        served = serves if isinstance(serves, tuple) else (serves,)
        for kind in served:
            if name in LARGE:
                large.append(pytest.param([name], kind, id=f"{name}-{kind}", marks=pytest.mark.long))
                continue
            every.setdefault(kind, []).append(name)
            if kind == ("sensor" if "sensor" in served else served[0]):
                first.setdefault(kind, []).append(name)
    more = {kind: names for kind, names in every.items() if names != first.get(kind)}
    return [
        *(pytest.param(names, kind, id=kind) for kind, names in first.items()),
        *(pytest.param(names, kind, id=f"{kind}-every", marks=pytest.mark.long) for kind, names in more.items()),
        *large,
    ]


def towers_spec(names: list[str], kind: str, **changes: Any) -> mmzoo.Spec:
    """Many towers in one spec, because each graph takes seconds to make: each reads an input of its own name.

    And each has a head of its own, so that the outputs tell which tower is wrong.
    """
    return spec_of_inputs([(name, kind) for name in names], **changes)


def spec_of_inputs(pairs: list[tuple[str, str]], **changes: Any) -> mmzoo.Spec:
    """The same of towers with inputs of several kinds."""
    inputs = [replace(make_input(kind, name, **changes), name=name) for name, kind in pairs]
    return mmzoo.Spec(inputs, "concat", [replace(TASK, auxiliary=0.5)], dim=16)


def make_input(kind: str, tower: str, **changes: Any) -> Any:
    """A small input of that kind, called `x`."""
    made, options = INPUTS[kind]
    small = SMALL.get(tower, {})
    if tower == "feature_union":
        small = {"towers": [mmzoo.Tower(each, **SMALL.get(each, {})) for each in SIDE_BY_SIDE[kind]]}
    return made("x", tower=mmzoo.Tower(tower, **small), **{**options, **changes})


def tower_spec(name: str, kind: str) -> mmzoo.Spec:
    return mmzoo.Spec([make_input(kind, name)], "concat", [TASK], dim=16)


def fusion_spec(name: str) -> mmzoo.Spec:
    """Inputs of several tokens, of which some are masked, with towers that are quickly built."""
    picture, words, sound = small_spec().inputs
    words = replace(words, tower=mmzoo.Tower("embedding_mean", width=8))
    sound = replace(sound, tower=mmzoo.Tower("waveform_cnn", **SMALL["waveform_cnn"]))
    return small_spec(name, inputs=[picture, words, sound])


@functools.cache
def fused(name: str) -> keras.Model:
    """A model of every fusion, built once for all tests that only look at it."""
    return mmzoo.build(fusion_spec(name))


TEXTS = ["The quick CAT", "ﬁve DOGS barking", "a bird\0in the İstanbul sky", "x" * 100, "", "日本 émigré 🦜"]
TOWERS = {
    "image": mmzoo.Tower("small_cnn", filters=[4]),
    "text": mmzoo.Tower("embedding_mean", width=8),
    "audio": mmzoo.Tower("spectrogram_cnn", filters=[4, 4, 4, 4]),
    "video": mmzoo.Tower("frames", image=mmzoo.Tower("small_cnn", filters=[4])),
    "sensor": mmzoo.Tower("cnn_1d", width=8),
    "tabular": mmzoo.Tower("mlp", hidden=[8], width=4),
}


def every_kind() -> keras.Model:
    """A model with one input of every kind, and a second text with a trained tokenizer; the same each time."""
    inputs: list[Any] = [made(kind, tower=TOWERS[kind], **options) for kind, (made, options) in INPUTS.items()]
    pieces = mmzoo.Text("pieces", tokens=6, tokenizer=mmzoo.Tokenizer("bpe", size=300), tower=TOWERS["text"])
    spec = mmzoo.Spec([*inputs, pieces.fit(TEXTS * 3)], "mean", [TASK, mmzoo.Regression("size_of_it")], dim=8)
    keras.utils.set_random_seed(1)
    return mmzoo.build(spec)


def export_every_kind(folder: Path) -> None:
    """It as model.tflite."""
    model = every_kind()
    Serving(model, batch=1).save(folder / "model", "serve_tensors")
    (folder / "model.tflite").write_bytes(attach(converted(str(folder / "model")), describe(model.spec)))


def value(kind: str, row: int) -> Any:
    """A raw value of that kind; no two rows are alike."""
    rng = np.random.default_rng(row)
    if kind == "image":
        return rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    if kind == "video":
        return rng.integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    if kind == "text":
        return f"the {LABELS[row % 3]} number {row}"
    if kind == "audio":
        return rng.normal(size=4000 - 500 * row).astype(np.float32) * 0.1
    if kind == "sensor":
        series = rng.normal(size=(12 - row, 2)).astype(np.float32)
        series[3:5, row % 2] = np.nan
        return series
    return [
        {"age": 30.0, "size": 1.5, "colour": "red", "born": "2001-05-31T14:30", "likes": "sun, rain"},
        {"age": None, "size": 2.5, "colour": "blue", "born": "1999-12-31", "likes": ["snow"]},
        {"age": 70.0, "size": None, "colour": None, "born": None, "likes": None},
    ][row % 3]


def batch_of(spec: mmzoo.Spec, count: int = 3) -> dict[str, np.ndarray]:
    """The first values of every input's kind."""
    columns = {item.name: [value(item.kind, row) for row in range(count)] for item in spec.inputs}
    return decode(spec, mmzoo.Records(columns))


def poisoned(spec: mmzoo.Spec, batch: dict[str, np.ndarray], present: np.ndarray) -> dict[str, np.ndarray]:
    """The batch with garbage, NaN where there can be, in every absent modality."""
    changed = {**batch, "present": present}
    for index, item in enumerate(spec.inputs):
        garbage = np.nan if item.dtype == "float32" else 201
        changed[item.name] = batch[item.name].copy()
        changed[item.name][~present[:, index]] = garbage
    return changed


def gradients(model: keras.Model, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The gradient of the loss for each trainable variable that has one, dropout drawn alike every time."""
    labels = {"animal": tf.constant([0, 1, 2])}
    for layer in model._flatten_layers():
        for seeds in getattr(layer, "_seed_generators", []):
            seeds.state.assign(np.array([1, 2]))
    with tf.GradientTape() as tape:
        outputs = model({name: tf.constant(array) for name, array in batch.items()}, training=True)
        loss = total_loss(model.spec, outputs, labels, tf.constant(batch["present"]))
    variables = model.trainable_variables
    found = tape.gradient(loss, [v.value for v in variables])
    return {v.path: tf.convert_to_tensor(g).numpy() for v, g in zip(variables, found, strict=True) if g is not None}


def idle_variables(model: keras.Model, found: dict[str, np.ndarray], *excused: str) -> list[str]:
    """The trainable variables that no gradient moves, but for those whose path ends as `excused` says."""
    return [
        v.path
        for v in model.trainable_variables
        if not v.path.endswith(excused) and not np.abs(found.get(v.path, 0)).max() > 0
    ]
