"""Noise: each kind is as strong as it says, and a model is measured under it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.analyses.noise import noise_curves
from mmzoo.evaluation.evaluate import Evaluation, evaluate
from mmzoo.modalities.audio.corruption import babble, white
from mmzoo.modalities.image.corruption import blur, grain, jpeg
from mmzoo.modalities.sensor.corruption import steps_lost
from mmzoo.modalities.tabular.corruption import columns_lost
from mmzoo.modalities.text.corruption import drop_words, mistype
from tests.conftest import small_records, small_spec, usual
from tests.evaluation.test_evaluation import TASKS, records_for

ITEM: Any = None


def test_sound_has_the_ratio_that_is_asked_for() -> None:
    random = np.random.default_rng(0)
    waves = np.zeros((6, 4000), np.float32)
    waves[:, :3000] = random.normal(0, [[0.01], [0.1], [0.3]] * 2, (6, 3000))
    for kind in (white, babble):
        for level in (20, 0, -10):
            noise = kind([], waves, level, random, ITEM) - waves
            ratio = np.square(waves).sum(axis=1) / np.square(noise).sum(axis=1)
            np.testing.assert_allclose(10 * np.log10(ratio), level, atol=0.01)
            assert not noise[:, 3000:].any(), "the padding stays padding"
    silent = np.zeros((2, 100), np.float32)
    np.testing.assert_array_equal(babble([], silent, 0, random, ITEM), silent)


def test_pictures_get_worse_with_each_step() -> None:
    random = np.random.default_rng(0)
    pictures = np.repeat(random.integers(0, 255, (3, 8, 8, 3)), 4, axis=1).repeat(4, axis=2).astype(np.uint8)
    for name, kind in mmzoo.Image.corruptions.items():
        errors = [
            np.square(kind.apply([], pictures, level, random, ITEM) - pictures.astype(float)).mean()
            for level in kind.levels
        ]
        assert errors == sorted(errors), name
        assert errors[0] < errors[-1] / 2
    for make in (jpeg, blur, grain):
        assert make([], pictures, 10, random, ITEM).dtype == np.uint8


def test_words_and_letters_go_at_their_rate() -> None:
    random = np.random.default_rng(0)
    text = " ".join(["word"] * 2000)
    assert len(drop_words(text, 0.3, random).split()) == pytest.approx(1400, abs=70)
    assert drop_words("one two", 1.0, random) == "one"
    changed = mistype("abcdefghij" * 200, 0.2, random)
    assert 0.02 < abs(len(changed) / 2000 - 1) + 0.05 < 0.2
    assert mistype("unchanged", 0.0, random) == "unchanged"


def test_gaps() -> None:
    random = np.random.default_rng(0)
    series = np.ones((4, 500, 2), np.float32)
    gone = np.isnan(steps_lost([], series, 0.4, random, mmzoo.Sensor("s", channels=2)))
    assert gone.mean() == pytest.approx(0.4, abs=0.03)
    np.testing.assert_array_equal(gone[..., 0], gone[..., 1])
    table = mmzoo.Tabular("t", numbers=["a"], categories=["b"])
    row = columns_lost([], np.full((50, 2), 3, np.float32), 1.0, random, table)
    assert np.isnan(row[:, 0]).all()
    assert (row[:, 1] == 0).all()


@pytest.mark.parametrize("kind", usual(["classification", "regression"], {"classification"}))
def test_a_model_under_noise(kind: str) -> None:
    model = mmzoo.build(small_spec(tasks=[TASKS[kind], mmzoo.Regression("age")]))
    records = records_for(kind)
    records.columns["words"] = [None, *records.columns["words"][1:]]
    every = json.loads(json.dumps(noise_curves(model, records), allow_nan=False))
    assert every.keys() == {"animal", "age"}
    found = every["animal"]
    assert {name: len(kinds) for name, kinds in found.items()} == {"picture": 3, "words": 2, "sound": 2}
    clean = evaluate(model, records)
    metric = {"classification": "animal_accuracy", "regression": "animal_mae"}[kind]
    for name, kinds in found.items():
        for curve in kinds.values():
            assert len(curve["levels"]) == len(curve["fused"]) == len(curve["unimodal"]) == 4
            assert curve["clean"]["fused"] == pytest.approx(clean.subsets[clean.everything][metric], abs=1e-5)
            assert curve["clean"]["unimodal"] == pytest.approx(clean.subsets[name][metric], abs=1e-5)
            assert curve["clean"]["late"] == pytest.approx(late_fusion(clean), abs=1e-5)
            lost = [np.mean(curve[how]) - curve["clean"][how] for how in ("fused", "late")]
            assert curve["effective"] == pytest.approx((lost[0] - lost[1]) * (1 if "acc" in metric else -1))
    assert noise_curves(model, records) == noise_curves(model, records), "the same noise each time"


def late_fusion(found: Evaluation) -> float:
    """The metric of the mean of what the modalities of each record answer by themselves."""
    task, answers, wanted = found.spec.tasks[0], found.subset_predictions, []
    for row, here in enumerate(answers.present):
        each = [answers.predictions[name][task.name][row] for name in np.array(found.spec.input_names)[here]]
        wanted.append(np.mean(each, axis=0))
    known = answers.known(task)
    score = task.score(answers.labels[task.name][known], np.array(wanted)[known])
    return float(score.mean() if isinstance(task, mmzoo.Classification) else -score.mean())


@pytest.mark.long
def test_noise_that_hides_the_cause_costs(tmp_path: Path) -> None:
    """A model of the text alone falls to chance as words go, and not under noise of nothing."""
    training = mmzoo.Training(epochs=12, batch_size=8, learning_rate=1e-2)
    spec = small_spec().subset(["words"])
    run = mmzoo.train(spec, small_records(60), small_records(30, 1), training=training, out=tmp_path / "run")
    model = run.model
    curve = noise_curves(model, small_records(90, 2))["animal"]["words"]["words left out"]
    assert curve["clean"]["fused"] > 0.9
    assert curve["fused"][-1] < curve["clean"]["fused"] - 0.2
    assert curve["relative"] == pytest.approx(np.mean(curve["fused"]) / curve["clean"]["fused"])
