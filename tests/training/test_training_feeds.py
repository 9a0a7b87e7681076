"""The feeds of a training: order and randomness are functions of (seed, step), from memory or from files."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.lazy.examples import Examples
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.graph.cut import Split, split
from mmzoo.layers import entry
from mmzoo.training.features.compute import compute_features, run_frozen_features, runner
from mmzoo.training.feeds.batches import Varied, chosen_variant, records_named, rows_at, stream
from mmzoo.training.feeds.feed import Stream
from tests.conftest import augmented_spec, small_records, small_spec, usual


def batches(steps: range, seed: int = 0, **changes: Any) -> list[Any]:
    rng = np.random.default_rng(0)
    features = {"a": rng.normal(size=(10, 3, 2)).astype(np.float32), "present": np.ones((10, 3), bool)}
    labels = {"t": np.arange(10, dtype=np.int32)}
    varied = Varied(changes.pop("modality_dropout", 0.5))
    made = stream(features, labels, varied, seed=seed, batch_size=4, **changes)(steps)
    return [keras.tree.map_structure(np.asarray, batch) for batch in made]


def test_the_order_is_tensorflows_shuffle_of_each_epoch() -> None:
    places = [tf.constant(place, tf.int64) for place in range(35)]
    alone = [tf.random.experimental.index_shuffle(place % 10, [5, place // 10], np.int64(9)) for place in places]
    assert rows_at(tf.stack(places), 10, 5).numpy().tolist() == [int(row) for row in alone]


def test_every_example_once_an_epoch() -> None:
    seen = np.concatenate([labels["t"] for _, labels in batches(range(10))])  # 40 places, four epochs of ten
    for epoch in range(4):
        assert sorted(seen[epoch * 10 : epoch * 10 + 10]) == list(range(10))
    assert seen[:10].tolist() != seen[10:20].tolist()


@pytest.mark.parametrize("start", range(5))
def test_the_stream_is_a_function_of_seed_and_step(start: int) -> None:
    whole, rest, other = batches(range(5)), batches(range(start, 5)), batches(range(5), seed=1)
    keras.tree.map_structure(np.testing.assert_array_equal, whole[start:], rest)
    assert any((a[1]["t"] != b[1]["t"]).any() for a, b in zip(whole, other, strict=True))


def test_the_feed_names_the_examples_of_a_step() -> None:
    feed = Stream({"present": np.ones((10, 1), bool)}, {"t": np.arange(10)}, Varied(), batch_size=4, seed=3)
    labels = [batch[1]["t"].numpy().tolist() for batch in feed.batches(range(5))]
    assert [feed.examples(step) for step in range(5)] == labels


def test_modality_dropout_leaves_one_and_drops_its_share() -> None:
    present = np.concatenate([inputs["present"] for inputs, _ in batches(range(400), modality_dropout=0.3)])
    assert present.any(axis=1).all()
    # Each is dropped with probability 0.3, less a third of the 0.027 in which one stays that would have gone.
    assert present.mean() == pytest.approx(1 - 0.3 + 0.027 / 3, abs=0.02)


def test_views_are_all_drawn() -> None:
    rows = np.concatenate([inputs["a"] for inputs, _ in batches(range(50))])
    assert len(np.unique(rows[:, 0])) == 30


@functools.cache
def lazy_stream(memory: float, augmented: bool, modality_dropout: float, worker: int, workers: int) -> Any:
    """Pictures and sounds; without `memory` they are decoded as they are asked for."""
    spec, records = augmented_spec() if augmented else small_spec(), small_records(10)
    arrays = decode(spec, records, memory=memory)
    assert isinstance(arrays["picture"], Examples) == (memory == 0)
    features = compute_features(Split({}, mmzoo.build(spec)), spec, arrays)
    labels = {"row": np.arange(10, dtype=np.int32)}
    part = {"worker": worker, "workers": workers}
    return stream(features, labels, Varied(modality_dropout), batch_size=4, seed=3, **part)


def lazy(
    steps: range,
    *,
    memory: float = 0.0,
    augmented: bool = True,
    modality_dropout: float = 0.5,
    worker: int = 0,
    workers: int = 1,
) -> list[Any]:
    made = lazy_stream(memory, augmented, modality_dropout, worker, workers)(steps)
    return [keras.tree.map_structure(np.asarray, batch) for batch in made]


PARTS = {"all": {}, "first of two": {"worker": 0, "workers": 2}, "second of two": {"worker": 1, "workers": 2}}


@pytest.mark.parametrize("which", usual(PARTS, {"all"}))
def test_a_stream_from_files_goes_on_at_every_step(which: str) -> None:
    part = PARTS[which]
    whole = lazy(range(6), **part)
    for start in range(6):
        keras.tree.map_structure(np.testing.assert_array_equal, whole[start:], lazy(range(start, 6), **part))


def test_a_stream_from_files_gives_what_memory_gives() -> None:
    for one, other in zip(lazy(range(6)), lazy(range(6), memory=1e9), strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, one, other)
    arrays = decode(small_spec(), small_records(10))
    for inputs, labels in lazy(range(6), augmented=False, modality_dropout=0.0):
        for name, array in arrays.items():
            np.testing.assert_array_equal(inputs[name], array[labels["row"]])


@pytest.mark.parametrize("source", [lazy, batches])
def test_two_workers_get_the_halves_of_a_batch(source: Any) -> None:
    for one, *parts in zip(source(range(5)), *(source(range(5), worker=k, workers=2) for k in (0, 1)), strict=True):
        both = keras.tree.map_structure(lambda *each: np.concatenate(each), *parts)
        keras.tree.map_structure(np.testing.assert_array_equal, both, one)


def test_what_is_computed_once_for_a_frozen_network_is_what_it_reads_elsewhere() -> None:
    """The variants that are kept, and those that are made where nobody keeps any (a data service), are one."""
    item = augmented_spec().inputs[0]
    arrays = decode(small_spec(inputs=[item]), small_records(10))
    given = {"picture": (x := entry(item.shape, "uint8", "picture")), "present": entry((1,), "bool", "present")}
    kept = run_frozen_features(keras.Model(given, x), item, arrays, 3, 5, "")
    rows, keys = tf.range(10, dtype=tf.int64), tf.range(7, 17, dtype=tf.int64)
    varied = Varied(num_variants=3, frozen=frozenset(["picture"]))
    drawn = varied.augmented(item, arrays["picture"], rows, keys, salt=1, seed=5)
    variants = chosen_variant(keys, 1, 3).numpy()
    assert set(variants.tolist()) == {0, 1, 2}
    np.testing.assert_array_equal(drawn, kept[np.arange(10), variants])


def test_of_examples_that_are_the_same_one_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture about which several things are asked; with a presence of its own it is another example."""
    item = augmented_spec().inputs[0]
    few = decode(small_spec(inputs=[item]), small_records(10))
    rows = np.random.default_rng(0).integers(0, 10, 150)
    arrays = {"picture": few["picture"][rows], "present": few["present"][rows]}
    arrays["present"][-1] = ~arrays["present"][-1]
    computed: list[int] = []

    def counted(*args: Any) -> Any:
        run = runner(*args)

        def counting(batch: Any) -> Any:
            computed.append(len(batch["picture"]))
            return run(batch)

        return counting

    monkeypatch.setattr("mmzoo.training.features.compute.runner", counted)
    given = {"picture": (x := entry(item.shape, "uint8", "picture")), "present": entry((1,), "bool", "present")}
    found = run_frozen_features(keras.Model(given, x), item, arrays, 1, 0, "")
    np.testing.assert_array_equal(found[:, 0], arrays["picture"])
    assert sum(computed) == len({*rows}) + 1


def test_the_trunk_of_an_augmented_input_is_not_computed_once() -> None:
    assert split(mmzoo.build(augmented_spec())).frozen.keys() == {"words"}
    assert split(mmzoo.build(small_spec())).frozen.keys() == {"words", "sound"}


@pytest.mark.parametrize("memory", [0, 1e9])
def test_variants_are_drawn_anew_in_each_epoch(memory: float) -> None:
    pictures = [inputs["picture"][k].tobytes() for inputs, _ in lazy(range(50), memory=memory) for k in range(4)]
    assert len(set(pictures)) > 190, "of twenty epochs of ten pictures"


def test_a_file_that_goes_bad_in_the_middle_is_named() -> None:
    spec, records = small_spec(), small_records(10)
    arrays = decode(spec, records, memory=0)
    arrays["picture"].values[7] = b"rust"
    made = stream(arrays, {}, Varied(), batch_size=5, seed=0)(range(2))
    with pytest.raises(MMZooError, match=r"Record '.*7': The image given as bytes"), records_named():
        list(made)
