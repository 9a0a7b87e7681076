"""New classes by a few records each: what they are by hand, that a saved run answers alike, and what cannot be."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.errors import MMZooError
from mmzoo.few_labels.features import features
from mmzoo.few_labels.linear import KINDS, fit, softened
from mmzoo.inference.embed import embed
from tests.conftest import LABELS, small_records, small_spec


@pytest.fixture(scope="module")
def run(learned_run: mmzoo.Run) -> mmzoo.Run:
    return learned_run


def records_of(*kept: str, count: int = 40, seed: int = 0, rename: dict[str, str] | None = None) -> Records:
    """Records of some classes of `small_records`, which may be called otherwise."""
    found = small_records(count, seed)
    found = found.select([k for k, label in enumerate(found.column("animal")) if label in kept])
    found.columns["animal"] = [(rename or {}).get(label, label) for label in found.column("animal")]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shots", [1, 2, 6])
def test_a_linear_function_tells_classes_apart(kind: str, shots: int) -> None:
    rng = np.random.default_rng(0)
    means = 5 * rng.normal(size=(4, 12))
    places = np.repeat(np.arange(4), shots)
    weights, bias = fit(kind, (means[places] + rng.normal(size=(4 * shots, 12))).astype(np.float32), places)
    asked = np.repeat(np.arange(4), 50)
    said = (means[asked] + rng.normal(size=(200, 12))) @ weights + bias
    assert (said.argmax(axis=1) == asked).mean() > 0.95
    assert (weights.dtype, weights.shape, bias.shape) == (np.float32, (12, 4), (4,))


def test_by_hand() -> None:
    """The nearest mean, and Fisher's discriminant, without the formulas that fold them into one product."""
    rng = np.random.default_rng(1)
    vectors, places = rng.normal(size=(30, 5)) * [1, 2, 3, 4, 5], np.repeat(np.arange(3), 10)
    vectors += places[:, None]
    asked = rng.normal(size=(50, 5)) * 3
    means = np.stack([vectors[places == k].mean(axis=0) for k in range(3)])
    weights, bias = fit("nearest", vectors, places)
    wanted = np.linalg.norm(asked[:, None] - means, axis=-1).argmin(axis=1)
    np.testing.assert_array_equal((asked @ weights + bias).argmax(axis=1), wanted)
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(vectors - means[places], assume_centered=True)
    away = asked[:, None] - means
    distances = np.einsum("nkd,de,nke->nk", away, np.linalg.inv(covariance), away)
    weights, bias = fit("lda", vectors, places)
    shares = np.exp(asked @ weights + bias)
    others = np.exp(-distances / 2)
    np.testing.assert_allclose(
        shares / shares.sum(1, keepdims=True), others / others.sum(1, keepdims=True), rtol=1e-3, atol=1e-6
    )
    two = fit("linear", vectors[:20], places[:20])
    assert two[0].shape == (5, 2)


@pytest.mark.parametrize("kind", ["lda", "linear"])
def test_few_records_promise_no_more_than_they_keep(kind: str) -> None:
    """Of classes that overlap the mean probability of what is said is about the share of it that is right."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(4, 200)) * 0.15
    places, asked = np.repeat(np.arange(4), 6), np.repeat(np.arange(4), 200)
    given, others = means[places] + rng.normal(size=(24, 200)), means[asked] + rng.normal(size=(800, 200))
    sharp, soft = fit(kind, given, places), softened(kind, given, places)
    shares = []
    for weights, bias in (sharp, soft):
        logits = others @ weights + bias
        each = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares.append(each / each.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(shares[0].argmax(axis=1), shares[1].argmax(axis=1))
    right = (shares[1].argmax(axis=1) == asked).mean()
    assert abs(shares[1].max(axis=1).mean() - right) < 0.15
    alone = fit(kind, given[::6], places[::6])  # of one record a class nothing can be left out
    for one, same in zip(alone, softened(kind, given[::6], places[::6]), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_class_is_added_in_a_second_and_saved_as_a_run(run: mmzoo.Run, tmp_path: Path) -> None:
    few = run.prototypes(records_of("cat", "dog", rename={"cat": "lynx"}))
    assert few.labels[0] in ("lynx", "dog")
    frame = pandas.DataFrame({"words": ["the cat", "a dog"]}, index=["x", "y"])
    found = few.predict(frame)
    one = few.predict({"words": "the cat"})
    assert list(found.index) == ["x", "y"] and found.loc["x"].to_dict() == pytest.approx(one)
    assert max(one, key=one.get) == "lynx"
    bird = records_of("bird", seed=2, rename={"bird": "owl"}).take(5)
    began = time.process_time()
    few.add(bird)
    assert time.process_time() - began < 5  # under a second on an idle machine
    asked = records_of(*LABELS, seed=3, rename={"cat": "lynx", "bird": "owl"})
    asked.columns["picture"][::3] = [None] * len(asked.columns["picture"][::3])
    said = few.predict(asked)
    right = [max(each, key=each.get) == label for each, label in zip(said, asked.column("animal"), strict=True)]
    assert np.mean(right) > 0.9

    few.save(tmp_path / "more")
    assert {path.name for path in (tmp_path / "more").iterdir()} >= {"model", "run.json", "prototypes.safetensors"}
    again = mmzoo.Run(tmp_path / "more")
    assert again.spec.tasks[0].labels == few.labels
    for row, wanted in zip(again.predict(asked), said, strict=True):
        assert {label: row[f"animal_p_{label}"] for label in few.labels} == pytest.approx(wanted, abs=1e-4)
    with pytest.raises(MMZooError, match=r"on a few records of each class; name .*--data 'TABLE#animal'"):
        again.records("test")
    more = again.prototypes()
    assert repr(more) == repr(few)
    more.add(records_of("dog", seed=4, rename={"dog": "wolf"}).take(1))
    assert more.labels == (*few.labels, "wolf")
    with pytest.raises(MMZooError, match="is there already; choose another folder, or say overwrite"):
        more.save(tmp_path / "more")
    more.save(tmp_path / "more", overwrite=True)
    again = mmzoo.Run(tmp_path / "more")
    assert again.prototypes().labels == (*few.labels, "wolf")
    damaged = bytearray((tmp_path / "more" / "prototypes.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "more" / "prototypes.safetensors").write_bytes(bytes(damaged))
    with pytest.raises(MMZooError, match=r"prototypes\.safetensors"):
        again.prototypes()
    told = json.loads((tmp_path / "more" / "run.json").read_text())
    (tmp_path / "more" / "run.json").write_text(json.dumps({**told, "prototypes": {"file": 1}}))
    with pytest.raises(MMZooError, match="was not made of prototypes"):
        mmzoo.Run(tmp_path / "more").prototypes()


def test_classes_that_are_known_stand_beside(run: mmzoo.Run) -> None:
    known = mmzoo.Run(run.folder)
    known.splits = {"train": small_records(60), "validation": small_records(30, 1), "test": small_records(30, 2)}
    fox = records_of("dog", seed=5, rename={"dog": "fox"}).take(4)
    fox.columns["words"] = ["a fox"] * 4
    few = known.prototypes(fox, known=6)
    assert sorted(few.labels) == ["bird", "cat", "dog", "fox"]
    assert np.bincount(few.places).max() == 6
    with pytest.raises(MMZooError, match="The task 'animal' knows the class 'dog' already"):
        known.prototypes(records_of("dog"), known=6)


def test_what_cannot_be_is_said(run: mmzoo.Run) -> None:
    def refused(match: str, records: Any, **options: Any) -> None:
        with pytest.raises(MMZooError, match=match):
            run.prototypes(records, **options)

    none = records_of("cat")
    none.columns["animal"] = [None, " "] * (len(none) // 2) + [None] * (len(none) % 2)
    refused("No record has a class in column 'animal'", none)
    refused("there is only 'cat'; give records of two", records_of("cat").take(1))
    refused("column in the records called 'race'", records_of("cat"), label="race")
    refused("none of the columns that the model reads", [{"other": 1, "animal": "cat"}])
    refused("kind of prototypes called 'nearst'.*Did you mean 'nearest'", records_of("cat", "dog"), kind="nearst")
    few = run.prototypes(records_of("cat", "dog"))
    with pytest.raises(MMZooError, match=r"They know the class '(cat|dog)' already"):
        few.add(records_of("cat"))
    assert few.labels in (("cat", "dog"), ("dog", "cat"))


def test_answers_that_are_joined_are_no_hindrance() -> None:
    """The towers are asked, and not the fusion; what is missing says nothing."""

    class Joins:
        spec = small_spec("decision_mean")
        model = mmzoo.build(spec)

    records = small_records(8)
    records.columns["sound"][2] = None
    found = features(Joins(), records)  # type: ignore[arg-type]
    assert np.isnan(found[2, 2]).all() and np.isfinite(found[:2]).all()
    raw = embed(Joins.model, records, towers=True)["words"]
    values, mask = (np.asarray(each) for each in _tokens(Joins.model, records))
    padded = np.pad(values, ((0, 0), (0, 0), (0, found.shape[2] - values.shape[2])))
    normed = (padded - padded.mean(-1, keepdims=True)) / np.sqrt(padded.var(-1, keepdims=True) + 1e-3)
    for k in range(8):
        np.testing.assert_allclose(found[k, 1], normed[k][mask[k]].mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(raw[k], values[k][mask[k]].mean(axis=0), atol=1e-4)


def _tokens(model: Any, records: Records) -> Any:
    """What the tower of the words puts out."""
    given = {name: model.input[name] for name in ("words", "present")}
    cut = model.parts.cut(given, list(model.parts.tower_tokens("words")))
    inputs = decode(model.spec, records)
    return cut({name: inputs[name] for name in given})
