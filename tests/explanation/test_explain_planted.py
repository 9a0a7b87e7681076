"""Planted causes: one place of one modality tells a cat from a dog, and it is found.

Where there is none it is a bird, so that no label can be told by what is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import Records
from mmzoo.explanation.explain import explain
from tests.conftest import LABELS, small_spec

GAPS = 0.01


COUNT, TESTED = 160, 40
FILL = ("a", "the", "seen", "by", "lake", "house", "some", "old", "day", "far")


def planted_pictures(random: np.random.Generator, labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Grey noise, and in one of 16 places a patch that is red or green, and as large as what is covered at a time."""
    pictures = np.repeat(random.integers(90, 170, (len(labels), 32, 32, 1)), 3, axis=-1).astype(np.uint8)
    places = random.integers(0, 16, len(labels))
    for picture, place, label in zip(pictures, places, labels, strict=True):
        row, column = 8 * np.array(divmod(place, 4))
        if label < 2:
            picture[row : row + 4, column : column + 4] = np.eye(3, dtype=np.uint8)[label] * 255
    return list(pictures), places


def planted_words(random: np.random.Generator, labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Five words that say nothing, and one that does, anywhere among them."""
    texts, places = [], random.integers(0, 6, len(labels))
    for place, label in zip(places, labels, strict=True):
        words = list(random.choice(FILL, 5))
        words.insert(place, (*LABELS[:2], "and")[label])
        texts.append(" ".join(words))
    return texts, places


def planted_sounds(random: np.random.Generator, labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Noise, and for a quarter of the time one of two tones; the place is the quarter, and the half of the pitches."""
    time = np.arange(1000) / 8000
    sounds, places = [], random.integers(0, 4, len(labels))
    for place, label in zip(places, labels, strict=True):
        sound = random.normal(0, 0.01, 4000).astype(np.float32)
        tone = 0.3 * np.sin(2 * np.pi * (500, 1500, 0)[label] * time)
        sound[place * 1000 : place * 1000 + 1000] += tone.astype(np.float32)
        sounds.append(sound)
    return sounds, places * 2 + labels


def trained(column: str, values: list[Any], labels: np.ndarray) -> keras.Model:
    spec = small_spec().subset([column])
    spec = mmzoo.Spec(spec.inputs, "concat", [mmzoo.Classification("animal", labels=LABELS)], dim=16)
    records = Records({column: values, "animal": [LABELS[k] for k in labels]})
    training = mmzoo.Training(epochs=16, batch_size=16, learning_rate=1e-2, ema_decay=0.9)
    return mmzoo.train(
        spec, records.take(COUNT - TESTED), records.select(range(COUNT - TESTED, COUNT)), training=training
    ).model


def strongest(maps: dict[str, np.ndarray], how: str, sides: tuple[int, ...]) -> int:
    """Which of the blocks that a map is cut into has the largest sum; of covered tiles, the one with the largest."""
    heat = maps[how]
    for axis, parts in enumerate(sides):
        edges = np.linspace(0, heat.shape[axis], parts, endpoint=False).round().astype(int)
        heat = (np.maximum if how == "occlusion" else np.add).reduceat(heat, edges, axis=axis)
    return int(heat.argmax())


@pytest.mark.parametrize(
    ("column", "plant", "methods", "sides"),
    [
        pytest.param(
            "picture", planted_pictures, ("integrated_gradients", "occlusion"), (4, 4), marks=pytest.mark.long
        ),
        ("words", planted_words, ("integrated_gradients", "occlusion"), (6,)),
        pytest.param("sound", planted_sounds, ("integrated_gradients", "occlusion"), (4, 2), marks=pytest.mark.long),
    ],
)
def test_a_planted_cause_is_found(
    column: str, plant: Any, methods: tuple[str, ...], sides: tuple[int, ...], tmp_path: Path, monkeypatch: Any
) -> None:
    """Where only a known patch, word or stretch of a band matters, it is the strongest in at least 95 of 100."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, COUNT)
    values, places = plant(random, labels)
    model = trained(column, values, labels)
    hits: dict[str, list[bool]] = {how: [] for how in methods}
    for k in np.flatnonzero(labels < 2)[-TESTED:]:
        found = explain(model, {column: values[k]}, label=LABELS[labels[k]]).inside[column]
        for how in methods:
            hits[how].append(strongest(found.maps, how, sides) == places[k])
    shares = {how: float(np.mean(each)) for how, each in hits.items()}
    assert min(shares.values()) >= 0.95, shares


NUMBERS = [f"n{k}" for k in range(6)]
SENSOR = mmzoo.Sensor("motion", channels=6, steps=16, tower=mmzoo.Tower("cnn_1d", width=16))
TABLE = mmzoo.Tabular("row", numbers=NUMBERS, tower=mmzoo.Tower("mlp", hidden=[16], width=8))


def planted_channels(random: np.random.Generator, labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Noise in all channels, with gaps, and in one of them a step upwards or downwards."""
    found, places = [], random.integers(0, 6, len(labels))
    for place, label in zip(places, labels, strict=True):
        motion = random.normal(0, 0.3, (16, 6)).astype(np.float32)
        motion[:, place] += (3.0, -3.0, 0.0)[label]
        motion[random.integers(0, 16, 3), random.integers(0, 6, 3)] = np.nan
        found.append(motion)
    return found, places


def planted_columns(random: np.random.Generator, labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Small numbers, some of them missing, and one large one, above or below all others."""
    found, places = [], random.integers(0, 6, len(labels))
    for place, label in zip(places, labels, strict=True):
        row = random.normal(0, 0.3, 6)
        row[place] += (3.0, -3.0, 0.0)[label]
        row[(place + 1) % 6] = np.nan if random.random() < 0.3 else row[(place + 1) % 6]
        found.append({name: None if np.isnan(x) else float(x) for name, x in zip(NUMBERS, row, strict=True)})
    return found, places


@pytest.mark.parametrize(
    ("item", "plant"),
    [
        pytest.param(SENSOR, planted_channels, marks=pytest.mark.long),
        pytest.param(TABLE, planted_columns, marks=pytest.mark.long),
    ],
)
def test_a_planted_channel_or_column_is_found(item: Any, plant: Any, tmp_path: Path) -> None:
    """By both methods in at least 95 of 100, and what integrated gradients share out is the difference."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 400)
    values, places = plant(random, labels)
    spec = mmzoo.Spec([item], "concat", [mmzoo.Classification("animal", labels=LABELS)], dim=16)
    records = Records({item.name: values, "animal": [LABELS[k] for k in labels]})
    training = mmzoo.Training(epochs=20, batch_size=16, learning_rate=1e-2, ema_decay=0.9)
    model = mmzoo.train(spec, records.take(360), training=training, out=tmp_path / "run").model
    hits: dict[str, list[bool]] = {"occlusion": [], "integrated_gradients": []}
    for k in np.flatnonzero(labels < 2)[-TESTED:]:
        found = explain(model, {item.name: values[k]}, label=LABELS[labels[k]])
        inside = found.inside[item.name]
        assert inside.gap is not None
        assert inside.gap <= GAPS
        for how, each in hits.items():
            each.append(int(inside.maps[how].argmax()) == places[k])
    shares = {how: float(np.mean(each)) for how, each in hits.items()}
    assert min(shares.values()) >= 0.95, shares
    found.draw(tmp_path / "why.png")
    assert (tmp_path / "why.png").stat().st_size > 10_000
