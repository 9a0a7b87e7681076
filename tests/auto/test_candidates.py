"""Settings that follow the data, which candidates there are, how one is chosen, and the watch over their time."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.auto import watch as watch_module
from mmzoo.auto.candidates import by_promise, candidates, in_turn, linear, linear_input
from mmzoo.auto.choosing import Answers, choose
from mmzoo.auto.defaults import training_for, with_auxiliary
from mmzoo.auto.ensemble import greedy
from mmzoo.auto.summary import described
from mmzoo.auto.watch import TooSlowError, Watch
from mmzoo.choice import Tower
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.training.settings import Training
from tests.auto.case import LABELS, SMALL, words_records, words_spec


@pytest.mark.parametrize(
    ("count", "batch", "epochs"), [(30, 8, 100), (340, 8, 36), (1144, 16, 21), (8000, 64, 12), (10**6, 256, 10)]
)
def test_settings_follow_the_number_of_records(count: int, batch: int, epochs: int) -> None:
    found = training_for(words_spec("first", "second"), count)
    assert (found.batch_size, found.epochs) == (batch, epochs)
    assert 0 < found.patience <= found.epochs
    assert found.modality_dropout > 0
    assert training_for(words_spec("first"), count).modality_dropout == 0


def test_heads_for_each_modality_where_there_are_several() -> None:
    assert with_auxiliary(words_spec("first")).tasks[0].auxiliary == 0
    assert with_auxiliary(words_spec("first", "second")).tasks[0].auxiliary == 1
    told = words_spec("first", "second", tasks=[mmzoo.Classification("animal", labels=LABELS, auxiliary=0.3)])
    assert with_auxiliary(told) == told
    written = mmzoo.TextAnswer("said", 4, tokenizer=mmzoo.Tokenizer("words", size=300))
    assert with_auxiliary(replace(told, tasks=[written])).tasks[0].auxiliary == 0, "it writes one text of all"


def test_candidates_of_each_quality() -> None:
    spec = words_spec("first", "second")
    names = {quality: [each.name for each in candidates(spec, SMALL, quality)] for quality in ("fast", "good", "best")}
    assert names["fast"] == ["concat"]
    assert names["good"] == ["concat", "calibrated", "gated", "first_alone", "second_alone"]
    assert {*names["good"]} < {*names["best"]}
    single = candidates(words_spec("first"), SMALL, "good")
    assert len({each.training.learning_rate for each in single}) == 3
    row = mmzoo.Spec([mmzoo.Tabular("row", numbers=["a"])], "concat", [mmzoo.Classification("animal", labels=LABELS)])
    assert training_for(row, 800).batch_size == 100, "an eighth of the records"
    assert training_for(row, 800).epochs == math.ceil(1500 / 8)
    sensor = replace(row, inputs=[mmzoo.Sensor("motion", channels=3, steps=16, tower="cnn_1d")])
    others = [mmzoo.Tower.of(each.spec.inputs[0].tower).name for each in candidates(sensor, SMALL, "good")]
    assert {"rocket", "inception_time"} <= {*others}
    evidence = replace(spec, tasks=[mmzoo.Classification("animal", labels=LABELS, objective="evidential")])
    assert "calibrated" not in [each.name for each in candidates(evidence, SMALL, "good")], "it would lose the evidence"
    with pytest.raises(MMZooError, match="quality"):
        candidates(spec, SMALL, "better")


def bag_spec(*names: str) -> mmzoo.Spec:
    """Texts whose towers are linear in what tokens they have."""
    spec = words_spec(*names)
    return replace(spec, inputs=[replace(item, tower=mmzoo.Tower("embedding_bag", width=8)) for item in spec.inputs])


def test_linear_heads_are_tried_where_features_do_not_train() -> None:
    spec = with_auxiliary(bag_spec("first", "second"))
    row = mmzoo.Tabular("row", numbers=["a", "b"], tower=mmzoo.Tower("mlp", width=4))
    first, *others = candidates(replace(spec, inputs=[*spec.inputs, row]), SMALL, "good")
    heads = [each for each in others if not each.name.startswith("boosted_trees")][:2]
    assert (first.name, [each.name for each in heads]) == ("concat", ["linear", "linear_decayed"])
    assert heads[0].training.weight_decay < heads[1].training.weight_decay
    assert [task.auxiliary for each in heads for task in each.spec.tasks] == [0, 0]
    bags = [mmzoo.Tower.of(each.spec.inputs[0].tower).options for each in heads]
    assert [bag.get("dropout") for bag in bags] == [None, 0.0]
    assert mmzoo.Tower.of(heads[1].spec.inputs[2].tower).options["hidden"] is None
    assert "linear" not in [each.name for each in candidates(words_spec("first"), SMALL, "best")], "its tower attends"
    picture = {"weights": None}, {"weights": "imagenet"}, {"weights": "imagenet", "trainable_blocks": 1}
    towers = [mmzoo.Tower("efficientnet_lite0", resolution=64, **options) for options in picture]
    assert [linear_input(mmzoo.Image("photo", size=64, tower=each)) is not None for each in towers] == [
        False,
        True,
        False,
    ]
    (head,) = [each for each in candidates(bag_spec("linear"), SMALL, "good") if each.name.startswith("linear_d")]
    assert head.spec.input_names == ["linear"]


def test_a_linear_head_adds_up_what_the_inputs_say() -> None:
    """What one input changes does not depend on the other: f(a, b) - f(a, d) = f(c, b) - f(c, d)."""
    spec = bag_spec("first", "second")
    row = mmzoo.Tabular("row", numbers=["n"], tower=mmzoo.Tower("mlp", width=4))
    (head, _) = linear(replace(spec, inputs=[*spec.inputs, row]), SMALL)
    model = mmzoo.build(head.spec.fit(words_records(40, row=[{"n": float(k)} for k in range(40)])))
    texts = {"first": ["a cat", "a cat", "bird", "bird"], "second": ["dog 1", "cat 2", "dog 1", "cat 2"]}
    given = decode(model.spec, Records({**texts, "row": [{"n": 3.0}] * 4, "animal": ["cat"] * 4}))
    ab, ad, cb, cd = np.asarray(model(given, training=False)["animal"])
    assert np.abs(ab - ad).max() > 1e-4
    np.testing.assert_allclose(ab - ad, cb - cd, atol=1e-6)


def test_boosted_trees_are_tried_for_rows_and_answer_for_them() -> None:
    """Alone, and with other inputs joined with their answers or added to what a fusion makes of them."""
    row = mmzoo.Tabular("row", numbers=["n"])
    spec = replace(bag_spec("first"), inputs=[*bag_spec("first").inputs, row])
    found = {each.name: each for each in candidates(spec, SMALL, "good") if each.name.startswith("boosted_trees")}
    assert [*found] == ["boosted_trees_calibrated", "boosted_trees_concat", "boosted_trees_alone"]
    for name, each in found.items():
        towers = {item.name: Tower.of(item.tower).name for item in each.spec.inputs}
        assert towers.pop("row") == "boosted_trees"
        assert towers == ({} if name == "boosted_trees_alone" else {"first": "embedding_bag"})
    assert [each.name for each in candidates(spec.subset(["row"]), SMALL, "fast")] == ["row", "boosted_trees"]
    alone = candidates(spec.subset(["row"]), SMALL, "good")
    assert [each.name for each in by_promise(alone)][:2] == ["boosted_trees", "row"]
    assert [each.name for each in in_turn(alone)][:3] == ["boosted_trees", "linear", "row"]
    (trees,) = (each for each in alone if each.name == "boosted_trees")
    assert (trees.training.epochs, mmzoo.build(trees.spec.fit(rows_records())).trainable_weights) == (1, [])
    asked = replace(spec.subset(["row"]), tasks=[replace(spec.tasks[0], objective="evidential")])
    assert not [each for each in candidates(asked, SMALL, "good") if "boosted" in each.name]


def rows_records() -> Records:
    return Records({"row": [{"n": float(k)} for k in range(30)], "animal": [LABELS[k % 3] for k in range(30)]})


def test_another_is_chosen_only_if_it_is_better_by_more_than_a_standard_error() -> None:
    rng = np.random.default_rng(0)
    first, noise = rng.normal(size=100), rng.normal(size=100)
    noise = (noise - noise.mean()) / noise.std(ddof=1)  # so the standard error of the difference is a tenth
    assert choose([first, first + noise + 0.09, first - 1])[0] == 0
    place, gain, error = choose([first, first - 1, first + noise + 0.11])
    assert (place, round(gain, 6), round(error, 6)) == (2, 0.11, 0.1)
    assert choose([first, first + noise + 0.19], errors=2.0)[0] == 0
    assert choose([first, first + noise + 0.21], errors=2.0)[0] == 1
    assert choose([first])[0] == 0
    assert choose([np.array([0.0]), np.array([1.0])])[0] == 0, "one record says nothing"


def test_scores_are_those_of_the_metric_or_of_few_records_the_likelihood() -> None:
    rng = np.random.default_rng(0)
    spec = words_spec("first")
    for count in (50, 400):
        labels = {"animal": rng.integers(0, 3, count).astype(np.int32)}
        labels["animal"][:3] = -1
        logits = {"animal": rng.normal(size=(count, 3)).astype(np.float32)}
        scores = Answers(spec, logits, labels).scores
        known = labels["animal"] >= 0
        shifted = logits["animal"] - np.log(np.exp(logits["animal"]).sum(axis=1, keepdims=True))
        likely = shifted[known, labels["animal"][known]]
        right = logits["animal"].argmax(axis=1)[known] == labels["animal"][known]
        assert not scores[~known].any()
        np.testing.assert_allclose(scores.mean(), likely.mean() if count == 50 else right.mean(), rtol=1e-5)
    # Who always says what nearly all are is right as often as who sees something, and is no better than that.
    labels = {"animal": (np.arange(400) % 20 == 0).astype(np.int32)}
    blind = np.stack([np.full(400, 3.0), np.zeros(400), np.full(400, -9.0)], axis=1).astype(np.float32)
    seeing = blind + np.stack([-labels["animal"], labels["animal"], 0 * labels["animal"]], axis=1).astype(np.float32)
    both = [Answers(spec, {"animal": each}, labels) for each in (blind, seeing)]
    assert both[0].primary == both[1].primary == 0.95
    assert both[0].skewed
    assert choose([each.scores for each in both])[0] == 1
    numbers = words_spec("first", tasks=[mmzoo.Regression("animal")])
    labels = {"animal": rng.normal(5, 3, size=(50, 1)).astype(np.float32)}
    found = Answers(numbers, {"animal": labels["animal"] + rng.normal(size=(50, 1)).astype(np.float32)}, labels)
    np.testing.assert_allclose(found.scores.mean(), found.primary - 1, rtol=1e-4)


def clocked(monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Watch, list[float]]:
    """A watch over 100 epochs of 10 steps, and the clock that it reads."""
    now = [0.0]
    monkeypatch.setattr(watch_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    found = Watch(100.0, 100, 1000, [], **{"again": True, **options})
    found.set_model(type("Model", (), {"stop_training": False})())
    found.on_train_begin()
    return found, now


def test_a_training_that_does_not_fit_is_begun_again_with_fewer_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    found, now = clocked(monkeypatch)
    now[0] = 10.0  # the graph was traced
    found.on_train_batch_end(0)
    now[0] = 15.0
    with pytest.raises(TooSlowError) as slow:
        found.on_train_batch_end(10)  # half a second a step: 5 s an epoch, and what goes with it
    assert slow.value.epochs == int((100 - 15 - 10) / (5 * watch_module.VALIDATION))


def test_a_training_that_fits_goes_on_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found, now = clocked(monkeypatch)
    for step, now[0] in enumerate((1.0, 1.1, 99.0)):
        found.on_train_batch_end(step * 10)
    assert not found.model.stop_training
    now[0] = 100.0
    found.on_train_batch_end(30)
    assert found.model.stop_training
    assert found.over


def test_together_by_hand() -> None:
    """Three that are right in two of three parts each, surer where they are right: two together always are."""
    spec = words_spec("first")
    labels = {"animal": np.zeros(300, np.int32)}
    said = {}
    for name, part in (("a", 0), ("b", 1), ("c", 2)):
        logits = np.tile([2.0, 0.0, 0.0], (300, 1)).astype(np.float32)
        logits[part * 100 : part * 100 + 100] = [0.0, 1.0, 0.0]
        said[name] = Answers(spec, {"animal": logits}, labels)
    chosen = greedy(said)
    assert len({*chosen}) >= 2
    mean = np.mean(
        [np.exp(said[n].logits["animal"]) / np.exp(said[n].logits["animal"]).sum(1, keepdims=True) for n in chosen],
        axis=0,
    )
    assert (mean.argmax(1) == 0).mean() > 2 / 3
    assert greedy({"a": said["a"]}) == ["a"]


def test_the_spec_in_a_line_for_each_input() -> None:
    spec = mmzoo.Spec(
        [
            mmzoo.Image("photo", size=32, tower=mmzoo.Tower("efficientnet_lite0", resolution=64)),
            mmzoo.Text("note", max_bytes=40, tokens=8, tokenizer="hashed_words", tower="embedding_attention"),
            mmzoo.Audio("voice", sample_rate=8000, seconds=2.5),
            mmzoo.Tabular("row", numbers=["a", "b"], dates=["c"], multi_categories=["d"]),
        ],
        "concat",
        [mmzoo.Classification("animal", labels=LABELS)],
    )
    splits = [words_records(count) for count in (5, 3, 2)]
    photo, note, voice, row, asked, training = described(spec, Training(epochs=7, patience=3), splits)
    assert photo == "photo: image, 32 x 32 pixels; tower efficientnet_lite0, weights imagenet, frozen"
    assert note.startswith("note: text, up to 40 bytes, 8 tokens, tokenizer hashed_words; tower embedding_attention")
    assert voice.startswith("voice: audio, 2.5 s, 8,000 Hz; tower")
    assert row.startswith("row: tabular, 2 numbers, 1 date, 1 set of categories; tower")
    assert asked == "concat fusion -> animal (classification)"
    assert training.startswith("5 train, 3 validation, 2 test; up to 7 epochs of batches of 32")
    assert training.endswith("ends after 3 without gain")
    once = described(spec, Training(epochs=1, patience=3), splits)[-1]
    assert once.startswith("5 train, 3 validation, 2 test; 1 epoch of batches of 32") and "gain" not in once
