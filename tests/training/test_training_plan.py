"""What is found out before a run starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.graph.parts import Parts
from mmzoo.training.feeds.batches import Varied
from mmzoo.training.feeds.feed import Stream
from mmzoo.training.plan import check_division, make_plan
from mmzoo.training.trainer import Trainer
from tests.conftest import small_records, small_spec

SPEC = small_spec().subset(["words"])


class Fixed:
    """A feed of one batch."""

    count = 100

    def __init__(self, inputs: dict[str, Any], labels: dict[str, Any]) -> None:
        self.batch = inputs, labels

    def batches(self, steps: range, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(self.batch)

    def examples(self, step: int) -> list[int]:
        return [7, 9]


def batch(rows: int = 2) -> dict[str, Any]:
    return {"words": tf.zeros((rows, 32), tf.uint8) + 97, "present": tf.ones((rows, 1), bool)}


@pytest.fixture(scope="module")
def words() -> keras.Model:
    return mmzoo.build(SPEC)


def plan(model: keras.Model, inputs: Any, labels: Any, **settings: Any) -> Any:
    training = mmzoo.Training(**{"batch_size": 2, **settings})
    return make_plan(SPEC, model, Fixed(inputs, labels), training, [f"r{k}" for k in range(10)])


def test_the_state_is_what_a_trainer_has(words: keras.Model) -> None:
    training = mmzoo.Training(batch_size=2)
    found = plan(words, batch(), {"animal": tf.constant([0, 1])})
    trainer = Trainer(SPEC, words, training, 10)
    held = sum(array.nbytes for array in trainer.arrays().values())
    gradient = sum(v.numpy().nbytes for v in words.trainable_variables)
    best = sum(v.numpy().nbytes for v in words.variables)
    # Beside the arrays of the same size as weights there are counters and rates, a few bytes each.
    assert found.state == pytest.approx(held + gradient + best, abs=100)
    assert (found.trainable, found.parameters) == (
        sum(int(np.prod(v.shape)) for v in words.trainable_variables),
        sum(int(np.prod(v.shape)) for v in words.variables),
    )
    assert found.steps == 30 * 100 // 2


def test_the_activations_are_what_the_layers_put_out() -> None:
    x = {"words": keras.Input((8,), name="words"), "present": keras.Input((1,), dtype="bool", name="present")}
    inner = keras.Sequential([keras.layers.Dense(16), keras.layers.Dense(3)], name="animal.head")
    model = keras.Model(x, {"animal": inner(keras.layers.Dense(4)(x["words"]))})
    model.parts = Parts(model, {}, {}, ())
    inputs = {"words": tf.zeros((6, 8)), "present": tf.ones((6, 1), bool)}
    spec = small_spec(tasks=[mmzoo.Classification("animal", labels=("cat", "dog", "bird"))]).subset(["words"])
    feed, labels = Fixed(inputs, {"animal": tf.zeros(6, tf.int32)}), []
    found = make_plan(spec, model, feed, mmzoo.Training(batch_size=6, grad_accum_steps=2), labels)
    # Two inputs of the graph, Dense(4), and inside the head its input, Dense(16) and Dense(3); 3 rows at a time.
    assert found.activations == 3 * (8 * 4 + 1 + 4 * 4 + 4 * 4 + 16 * 4 + 3 * 4)


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        ({"present": tf.ones((2, 1), bool)}, [0, 1], "The feed gives present, but the model takes present, words"),
        ({**batch(), "words": tf.zeros((2, 31), tf.uint8)}, [0, 1], r"A batch of 'words' is \(2, 31, 'uint8'\)"),
        ({**batch(), "words": tf.zeros((2, 32))}, [0, 1], "'float32'.* takes .*'uint8'"),
        (batch(), [0, 1, 2], "A batch has 3 labels of 'animal' for 2 examples"),
        (batch(3), [0, 1, 2], r"A batch of 'words' is \(3, 32"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(inputs: Any, labels: list[int], message: str, words: keras.Model) -> None:
    with pytest.raises(MMZooError, match=message):
        plan(words, inputs, {"animal": tf.constant(labels)})


def test_records_whose_loss_is_not_finite_are_named(words: keras.Model) -> None:
    kept = words.variables[0].numpy()
    words.variables[0].assign(np.full_like(kept, np.nan))
    with pytest.raises(MMZooError, match=r"The loss of the first batch is nan before any training.*'r7', 'r9'"):
        plan(words, batch(), {"animal": tf.constant([0, 1])})
    words.variables[0].assign(kept)


def test_a_batch_is_divided_evenly() -> None:
    check_division(mmzoo.Training(batch_size=12, grad_accum_steps=2), 3)
    with pytest.raises(MMZooError, match=r"a multiple of 8: --set training.batch_size=40"):
        check_division(mmzoo.Training(batch_size=36, grad_accum_steps=4), 2)


def test_the_plan_is_said_before_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mmzoo.train(SPEC, small_records(24), training=mmzoo.Training(epochs=2, batch_size=4), out=tmp_path / "run")
    said = capsys.readouterr().out
    assert "24 examples in batches of 4: 12 steps in 2 epochs." in said
    assert said.index("parameters train") < said.index("epoch 1/2")


def test_the_feed_of_a_run_fits_its_plan(words: keras.Model) -> None:
    arrays = {"words": np.full((5, 1, 32), 97, np.uint8), "present": np.ones((5, 1), bool)}
    feed = Stream(arrays, {"animal": np.zeros(5, np.int32)}, Varied(modality_dropout=0.5), batch_size=2, seed=0)
    assert make_plan(SPEC, words, feed, mmzoo.Training(batch_size=2), []).examples == 5
