"""The alarm where a stream changes: what the paper of ADWIN promises, and that a checkpoint holds its state exactly."""

from __future__ import annotations

import json

import numpy as np

import mmzoo
from mmzoo.training.streaming.drift import BUCKETS, DELTA, FEWEST, Adwin, Drift, alarm, places_among
from mmzoo.training.streaming.numbers import Numbers, columns_of


def test_the_sums_are_those_of_the_window() -> None:
    random = np.random.default_rng(0)
    values, window = random.random(3_000), Adwin()
    for start in range(0, 3_000, 7):
        window.add(values[start : start + 7])
    assert sum(window.sizes) == 3_000
    assert len(window.sizes) <= BUCKETS * np.log2(3_000)  # of so many values
    ends = np.cumsum(window.sizes)
    for size, end, total, spread in zip(window.sizes, ends, window.totals, window.spreads, strict=True):
        held = values[end - size : end]
        np.testing.assert_allclose([total, spread], [held.sum(), np.square(held - held.mean()).sum()], rtol=1e-9)


def test_a_cut_is_where_the_theorem_has_one() -> None:
    """Beside the formula of the paper, written out over all places between two buckets."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        values = np.concatenate([random.random(200) < 0.2, random.random(60) < 0.2 + 0.02 * seed]).astype(float)
        window = Adwin()
        for value in values:
            window._insert(value)
        limits, start = [], 0
        for size in window.sizes[:-1]:
            start += size
            older, newer = values[:start], values[start:]
            mean = 1 / (1 / len(older) + 1 / len(newer))
            share = DELTA / np.log(len(values))
            limit = np.sqrt(2 / mean * values.var() * np.log(2 / share)) + 2 / (3 * mean) * np.log(2 / share)
            if min(len(older), len(newer)) >= FEWEST:
                limits.append(abs(older.mean() - newer.mean()) > limit)
        assert (window._cut() is not None) == any(limits)


def test_a_change_is_seen_and_chance_is_not() -> None:
    random, alarms = np.random.default_rng(0), 0
    for _ in range(20):
        calm = Adwin()
        for _ in range(60):
            alarms += calm.add(random.random(32) < 0.3)
        assert any(calm.add(random.random(32) < 0.5) for _ in range(12))
    assert alarms == 0
    falling = Adwin()  # what becomes better is no alarm, and the window is that of what is so now
    for mean in (0.8, 0.1):
        assert not any(falling.add(random.random(32) < mean) for _ in range(40))
    assert sum(falling.sizes) < 1_500


def test_records_elsewhere_are_told_by_their_embeddings() -> None:
    """By their places among those of the past, which are even whatever the weights make of all of them."""
    random = np.random.default_rng(1)
    drift, places = Drift(), []
    for step in range(200):  # the weights move and stretch all embeddings alike
        old, new = (random.normal(size=(16, 8)) * (1 + step) + 3 * step for _ in range(2))
        places.append(places_among(new, old))
        assert not drift.add(None, places[-1])
    assert abs(np.mean(places) - 0.5) < 0.05
    again = Drift.from_json(json.loads(json.dumps(drift.to_json())))
    assert again == drift
    found = []
    for _ in range(10):
        old, new = random.normal(size=(16, 8)), random.normal(size=(16, 8)) + 1.5
        found.append(drift.add(None, places_among(new, old)))
    assert ["embedding"] in found
    assert Drift().add(np.full(16, 0.3), None) == []


def test_an_alarm_names_what_has_moved() -> None:
    random = np.random.default_rng(0)
    items = [
        mmzoo.Tabular(
            "row", numbers=["age", "size"], quantiles=[[0, 1]] * 2, categories=["kind"], vocabularies=[["a"]]
        ),
        mmzoo.Sensor("wave", steps=4, means=[0], deviations=[1]),
    ]

    def some(count: int, age: float) -> dict[str, np.ndarray]:
        rows = random.normal(size=(count, 3)) + np.array([age, 0, 0])
        rows[random.random(count) < 0.2, 0] = np.nan
        present = random.random((count, 2)) < 0.9
        return {"row": rows, "wave": random.normal(size=(count, 4, 1)), "present": present}

    numbers, old = Numbers(), [some(count, 5.0) for count in (1, 40, 7, 100)]
    names = [name for name, _ in columns_of(items, old[0])]
    assert names == ["age", "size", "wave, channel 1"]
    for part in old:
        numbers.add(items, part)
        numbers.settle()
    for place in range(3):
        values = np.concatenate([columns_of(items, part)[place][1] for part in old])
        values = values[np.isfinite(values)]
        found = [numbers.every.counts[place], numbers.every.means[place], numbers.every.deviation(place)]
        np.testing.assert_allclose(found, [len(values), values.mean(), values.std(ddof=1)], rtol=1e-9)
    numbers.add(items, some(30, 5.0))
    assert numbers.moved(names) == []
    numbers.add(items, some(60, 9.0))
    (said,) = numbers.moved(names)
    assert said.startswith(("'age' 7", "'age' 8"))
    assert "(the loss): 'age'" in alarm("loss", 1_000, [said])
    assert Numbers.from_json(json.loads(json.dumps(numbers.to_json()))) == numbers
