"""Why the model said so: shares that sum, gradients that complete, and planted causes that are found."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.evaluation.shapley import coalitions, interactions, shapley
from mmzoo.explanation.explain import explain
from mmzoo.explanation.gradients import at_layer, gradients, integrated_gradients
from mmzoo.explanation.target import make_target
from mmzoo.fusions import fusions
from tests.conftest import LABELS, small_records, small_spec, usual
from tests.test_evaluation import TASKS

GAPS = 0.01


def built(**changes: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return mmzoo.build(small_spec(**changes))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Not trained, and only asked, so that its functions are compiled once."""
    return built()


def record(**changes: Any) -> dict[str, Any]:
    found = {name: small_records(1).column(name)[0] for name in ("picture", "words", "sound")} | changes
    return {name: value for name, value in found.items() if value is not None}


def test_shapley_is_the_mean_over_all_orders() -> None:
    random = np.random.default_rng(0)
    names = list("abcd")
    values = {chosen: random.normal(size=3) for chosen in coalitions(names)}
    wanted = {name: np.zeros(3) for name in names}
    for order in permutations(names):
        here: set[str] = set()
        for name in order:
            with_it = values[tuple(sorted({*here, name}))]
            wanted[name] += (with_it - values[tuple(sorted(here))]) / 24
            here.add(name)
    found = shapley(values, names)
    for name in names:
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-12)
    np.testing.assert_allclose(sum(found.values()), values[tuple(names)] - values[()], atol=1e-12)


def test_interactions_of_a_game_that_is_known() -> None:
    """`v(S) = sum of single scores + 5 if a and b are both in it - 2 if b and c are`: the pairs get just that."""
    names = list("abcd")
    single = dict(zip(names, (1.0, 2.0, 3.0, 0.0), strict=True))
    values = {
        chosen: np.float64(sum(single[n] for n in chosen) + 5 * ({*"ab"} <= {*chosen}) - 2 * ({*"bc"} <= {*chosen}))
        for chosen in coalitions(names)
    }
    found = interactions(values, names)
    wanted = {"a+b": 5.0, "b+c": -2.0}
    assert found == {pair: pytest.approx(wanted.get(pair, 0.0), abs=1e-12) for pair in found}
    assert shapley(values, names)["d"] == pytest.approx(0.0), "who adds nothing gets nothing"
    with pytest.raises(MMZooError, match="at most 6 modalities, not 7"):
        coalitions(list("abcdefg"))


FEW = {"concat", "cross_attention", "hard_vote"}  # features, attention and votes; the others are long


@pytest.mark.parametrize("name", usual(fusions.names(), FEW))
def test_the_shares_sum_to_the_answer(name: str) -> None:
    """For every fusion, as logit and as probability, with a modality absent and with none."""
    model = built(fusion=name)
    for some in (record(), record(words=None), record(words=None, sound=None)):
        found = explain(model, some, inside=False).to_json()
        for scale, shares in found["modalities"].items():
            assert sum(shares.values()) == pytest.approx(found["output"][scale] - found["empty"][scale], abs=1e-6)
            assert all(shares[each] == 0 for each in shares.keys() - some.keys())
        answer = mmzoo.predict(model, some)["animal"]
        assert found["output"]["probability"] == pytest.approx(answer[found["answer"]], abs=1e-6)
        share = found["output"]["probability"]
        assert found["output"]["logit"] == pytest.approx(np.log(share / (1 - share)), abs=2e-3)


@pytest.mark.parametrize("kind", usual(TASKS, {"classification", "regression"}))
def test_every_task_can_be_explained(kind: str, tmp_path: Path) -> None:
    model = built(tasks=[TASKS[kind]])
    found = explain(model, record())
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["answer"] == ("number 1" if kind == "regression" else data["answer"])
    for name in ("picture", "sound"):
        assert data["inside"][name]["completeness_gap"] <= GAPS
    for shares, output, empty in ((data["modalities"][s], data["output"][s], data["empty"][s]) for s in data["output"]):
        assert sum(shares.values()) == pytest.approx(output - empty, abs=1e-6)
    assert data["inside"]["words"]["pieces"] == record()["words"].split()
    found.draw(tmp_path / "found.png")
    assert (tmp_path / "found.png").read_bytes()[:4] == b"\x89PNG"


def test_the_gradient_is_that_of_the_logit(model: keras.Model) -> None:
    """Against differences, at the gate of the picture and at the log-mel; and the cut changes no answer."""
    # Noise: a steady tone has frames that are equal, where the maximum of a pooling has a kink.
    noise = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    target = make_target(model, record(sound=noise))
    full = target.logit(target.with_subsets([tuple(target.names)]))[0]
    parts = model.parts.inputs
    for name, at, step in (("picture", parts["picture"].gate, 0.1), ("sound", parts["sound"].frozen, 0.001)):
        x, mask = at_layer(target, name, at)
        score, slope = gradients(target, name, at, x, mask)
        assert score[0] == pytest.approx(full, abs=1e-5)
        direction = np.sign(slope).astype(np.float32)
        ends, _ = gradients(target, name, at, np.concatenate([x + step * direction, x - step * direction]), mask)
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(np.abs(slope).sum(), rel=0.1)


def test_completeness(model: keras.Model) -> None:
    """What integrated gradients share out is the difference from the baseline, within 1 %."""
    for seed in range(5):
        some = {name: small_records(5, seed).column(name)[seed] for name in ("picture", "words", "sound")}
        found = explain(model, some)
        for name in ("picture", "words", "sound"):
            gap = found.inside[name].gap
            assert gap is not None
            assert gap <= GAPS


def test_few_points_of_the_line_find_what_many_do(model: keras.Model) -> None:
    """Against the midpoint rule in 512 even steps: most of the points are where the gradient changes."""
    noise = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    target = make_target(model, record(sound=noise))
    parts = model.parts.inputs
    for name, at in (("picture", parts["picture"].gate), ("sound", parts["sound"].frozen)):
        x, mask = at_layer(target, name, at)
        baseline = np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape).astype(np.float32)
        found, gap = integrated_gradients(target, name, at, x, baseline, mask)
        steps = ((np.arange(512) + 0.5) / 512).astype(np.float32).reshape(-1, *[1] * (x.ndim - 1))
        _, slopes = gradients(target, name, at, baseline + steps * (x - baseline), mask)
        wanted = (x - baseline)[0] * slopes.mean(axis=0)
        assert np.abs(found - wanted).sum() <= 0.03 * np.abs(wanted).sum()
        assert gap <= GAPS


def test_where_there_is_a_map_there_is_grad_cam(model: keras.Model) -> None:
    assert model.parts.of("picture").feature_map is model.get_layer("picture.pool1")
    heat = explain(model, record()).inside["picture"].maps["grad_cam"]
    assert heat.shape == (8, 8)
    assert heat.min() >= 0
    assert heat.max() <= 1


def test_what_cannot_be_explained_is_said(model: keras.Model) -> None:
    for some, options, words in (
        ({}, {}, "Give at least one of the inputs"),
        ({"nam": "x"}, {}, "no input 'nam'"),
        (record(), {"task": "animals"}, "Did you mean 'animal'"),
        (record(), {"label": "cow"}, "no label of task 'animal' called 'cow'"),
    ):
        with pytest.raises(MMZooError, match=words):
            explain(model, some, **options)
    asked = explain(model, record(), label="bird").to_json()
    assert asked["answer"] == "bird"


@pytest.mark.long
def test_from_the_command_line(learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(small_spec().inputs[0].to_file(record()["picture"]))
    asked = [str(learned), "--image", str(picture), "--text", "the dog"]
    assert main(["explain", *asked, "--png", str(tmp_path / "why.png"), "--label", "dog"]) == 0
    out = capsys.readouterr().out
    assert "animal: dog" in out
    assert {"without", "picture", "words", "sound", "all"} <= {line.split(" ")[0] for line in out.splitlines()}
    assert (tmp_path / "why.png").stat().st_size > 10_000
    assert main(["predict", *asked, "--explain"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["predictions"]["animal"][said["explanation"]["answer"]] == max(said["predictions"]["animal"].values())
    assert main(["explain", *asked, "--png", str(tmp_path / "no" / "why.png")]) == 2
    assert "could not be written" in capsys.readouterr().err


# Planted causes: one place of one modality tells a cat from a dog; where there is none it is a bird, so that
# no label can be told by what is missing.

COUNT, TESTED = 160, 40
FILL = ("a", "the", "seen", "by", "lake", "house", "some", "old", "day", "far")


def planted_pictures(random: np.random.Generator, labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Grey noise, and one 8 x 8 patch in one of 16 places, red or green."""
    pictures = np.repeat(random.integers(90, 170, (len(labels), 32, 32, 1)), 3, axis=-1).astype(np.uint8)
    places = random.integers(0, 16, len(labels))
    for picture, place, label in zip(pictures, places, labels, strict=True):
        row, column = 8 * np.array(divmod(place, 4))
        if label < 2:
            picture[row : row + 8, column : column + 8] = np.eye(3, dtype=np.uint8)[label] * 255
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
    [pytest.param(SENSOR, planted_channels, marks=pytest.mark.long), (TABLE, planted_columns)],
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
