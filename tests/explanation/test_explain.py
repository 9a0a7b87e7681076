"""Why the model said so: shares that sum, and gradients that complete."""

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
from mmzoo.errors import MMZooError
from mmzoo.evaluation.shapley import coalitions, interactions, shapley
from mmzoo.explanation.explain import explain
from mmzoo.explanation.gradients import at_layer, gradients, integrated_gradients
from mmzoo.explanation.target import make_target
from mmzoo.fusions import fusions
from tests.conftest import small_records, small_spec, usual
from tests.evaluation.test_evaluation import TASKS
from tests.explanation.test_explain_planted import GAPS


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


@pytest.mark.long
@pytest.mark.parametrize("name", fusions.names())
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


@pytest.mark.parametrize("kind", usual(TASKS, {"classification"}))
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


def test_one_input_alone_shares_with_none() -> None:
    """What a model of one input says without it no record has taught, so that it is not told."""
    one = explain(mmzoo.build(small_spec().subset(["words"])), {"words": "red fox"}, inside=False).text()
    assert "without any" not in one and "all of them" not in one
    assert one.splitlines()[2].startswith("words ")
    several = explain(mmzoo.build(small_spec()), {"words": "red fox"}, inside=False).text()
    assert "without any" in several and "all of them" in several
