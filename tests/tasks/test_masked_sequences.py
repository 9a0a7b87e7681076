"""Hidden words are told from the others, and the end of a series from its beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

import mmzoo
from mmzoo.data.records import Records
from mmzoo.draws import keys_of
from mmzoo.errors import MMZooError
from mmzoo.labels import encode_labels
from mmzoo.training.model.hiding import partly_hidden

PAIRS = (("red", "apple"), ("blue", "sky"), ("green", "leaf"), ("white", "snow"))


def texts(count: int, seed: int) -> Records:
    """Three words each, of which the first and the last belong together."""
    random = np.random.default_rng(seed)
    chosen = [(*PAIRS[random.integers(4)], random.integers(5)) for _ in range(count)]
    return Records({"words": [f"{a} {n} {b}" for a, b, n in chosen]}, [f"r{k}" for k in range(count)])


def words_spec(**changes: Any) -> mmzoo.Spec:
    tower = mmzoo.Tower("embedding_attention", width=16, heads=2)
    item = mmzoo.Text("words", tokens=5, tokenizer=mmzoo.Tokenizer("words", size=300), tower=tower)
    return mmzoo.Spec([item], "concat", [mmzoo.Reconstruction("words", **{"masked": 0.3, **changes})], dim=16)


@pytest.fixture(scope="module")
def fitted() -> mmzoo.Spec:
    return words_spec().fit(texts(60, 0))


def keys(count: int) -> Any:
    return keys_of(0, tf.range(count, dtype=tf.int64), tf.zeros(count, tf.int64))


def test_some_words_of_each_text_are_hidden(fitted: mmzoo.Spec) -> None:
    (item,), (task,) = fitted.inputs, fitted.tasks
    said = ["red 1 apple", "sky", "blue 2 sky green leaf", ""]
    batch = np.stack([item.decode(text) for text in said])
    labels = np.stack([task.encode(text) for text in said[:3]] + [task.missing_label])
    changed, asked = (np.asarray(each) for each in task.hidden(tf.constant(batch), tf.constant(labels), keys(4)))
    ends = asked == 0  # which are asked for too, where anything is hidden
    assert np.argwhere(ends).tolist() == [[0, 3]]
    hidden = np.isfinite(asked) & ~ends
    assert hidden.sum(axis=1).tolist() == [1, 0, 2, 0]  # of a single word none: nothing would be left
    np.testing.assert_array_equal(changed, np.where(hidden, 1, batch))  # an unknown word
    np.testing.assert_array_equal(asked[hidden], batch[hidden])
    made = task.rebuilding
    np.testing.assert_array_equal(made.target_of(tf.constant(batch[:3])), labels[:3])
    assert [made.readable(each) for each in labels[:3]] == said[:3]


def test_the_loss_is_the_cross_entropy_of_hidden_words(fitted: mmzoo.Spec) -> None:
    (task,) = fitted.tasks
    labels = np.stack([task.encode("red 1 apple"), task.encode("blue 2 sky green leaf")])
    labels[0, 1:] = np.nan
    logits = np.random.default_rng(0).normal(size=(2, task.units)).astype(np.float32)
    shares = log_softmax(logits.reshape(2, 5, -1).astype(float), axis=2)
    wanted = [
        -np.mean([shares[row, k, int(labels[row, k])] for k in range(5) if np.isfinite(labels[row, k])])
        for row in range(2)
    ]
    np.testing.assert_allclose(task.loss(tf.constant(labels), tf.constant(logits)), wanted, rtol=1e-5)


def test_hidden_words_are_told_from_the_others(tmp_path: Path) -> None:
    training = mmzoo.Training(epochs=25, batch_size=32, learning_rate=1e-2, patience=0)
    run = mmzoo.train(words_spec(), texts(160, 0), texts(40, 1), training=training, out=tmp_path / "run")
    (task,), (item,) = run.spec.tasks, run.spec.inputs
    batch = np.stack([item.decode("red 1 apple"), item.decode("blue 1 sky")])
    batch[:, 2] = 1  # the last word
    found = np.asarray(task.to_predictions(run.model({"words": batch, "present": np.ones((2, 1), bool)})[task.name]))
    said = [task.readable(each) for each in found]
    assert [text.split()[2] for text in said] == ["apple", "sky"], said  # of what is seen nobody asks


def test_the_end_of_a_series_is_hidden() -> None:
    item = mmzoo.Sensor("wave", steps=8, channels=2, means=[0, 0], deviations=[1, 1])
    spec = mmzoo.Spec([item], "concat", [mmzoo.Reconstruction("wave", masked=0.5, hidden_part="end")], dim=4)
    long, short = np.arange(16.0).reshape(8, 2), np.arange(10.0).reshape(5, 2)
    records = Records({"wave": [long, short, np.full((8, 2), np.nan), long[:1]]}, [*"abcd"])
    labels = encode_labels(spec.tasks, records)
    inputs = {
        "wave": np.stack([item.decode(each) for each in records.column("wave")]),
        "present": np.ones((4, 1), bool),
    }
    changed, asked = partly_hidden(spec, inputs, labels)
    wanted, given = asked["wave_rebuilt"].reshape(4, 8, 2), changed["wave"]
    assert np.isfinite(given[..., 0]).sum(axis=1).tolist() == [4, 3, 0, 1]
    np.testing.assert_array_equal(wanted[0], np.where(np.arange(8)[:, None] < 4, np.nan, long))
    np.testing.assert_array_equal(wanted[1][3:5], short[3:])
    assert not np.isfinite(wanted[2:]).any()  # of a single step nothing is hidden, and nothing else is asked for


def test_what_cannot_be_hidden_is_said() -> None:
    image = mmzoo.Image("image", size=32)
    for make, message in (
        (lambda: mmzoo.Reconstruction("wave", hidden_part="end"), "say how much of it"),
        (lambda: mmzoo.Reconstruction("wave", masked=0.5, hidden_part="ends"), "Did you mean 'end'"),
        (
            lambda: mmzoo.Spec([image], "concat", [mmzoo.Reconstruction("image", masked=0.5, hidden_part="end")]),
            "is no sensor with an end",
        ),
        (lambda: mmzoo.Spec([mmzoo.Text("t")], "concat", [mmzoo.Reconstruction("t")]), "words, wordpiece, bpe or"),
    ):
        with pytest.raises(MMZooError, match=message):
            make()
