"""More than six inputs: a sample of their subsets is tried, and it is said."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.shapley import coalitions, sampled_shapley, shapley
from mmzoo.inference.subsets import MOST, evaluated_subsets, orders, subset_count, subsets
from mmzoo.reports.report import table


def spec_of(count: int) -> mmzoo.Spec:
    tower = mmzoo.Tower("mlp", hidden=[4], width=4)
    inputs = [mmzoo.Tabular(f"t{k}", numbers=["x"], quantiles=[[-2, -1, 0, 1, 2]], tower=tower) for k in range(count)]
    return mmzoo.Spec(inputs, "mean", [mmzoo.Classification("kind", labels=["a", "b"])], dim=4)


def records_of(spec: mmzoo.Spec, count: int) -> mmzoo.Records:
    random = np.random.default_rng(0)
    x = random.normal(size=(count, len(spec.inputs)))
    kind = ["ab"[int(row[0] + 0.5 * row[1] > 0)] for row in x]
    return mmzoo.Records({f"t{k}": [{"x": v} for v in x[:, k]] for k in range(len(spec.inputs))} | {"kind": kind})


@pytest.mark.parametrize("count", [7, 8, 10, 16, 40])
def test_what_is_in_the_sample(count: int) -> None:
    spec = spec_of(count)
    names, told, drawn = spec.input_names, subsets(spec), orders(spec)
    sizes = {size: [each for each in told if len(each) == size] for size in (1, 2, count - 1, count)}
    assert sum(map(len, sizes.values())) == len(told) == len(set(told))
    assert sizes[1] == [(name,) for name in names]
    assert len(sizes[2]) == min(count * (count - 1) // 2, 66)
    assert len(sizes[count - 1]) == count
    assert told[-1] == tuple(names)
    assert all(sorted(order) == sorted(names) for order in drawn)
    assert drawn[1::2] == [order[::-1] for order in drawn[::2]]
    every = evaluated_subsets(spec)
    assert len(set(every)) == len(every) <= 66 + 2 * count + 1 + max(128, 4 * count)
    assert every[: len(told)] == told
    assert all([name for name in names if name in chosen] == list(chosen) for chosen in every)
    assert {len(chosen) for chosen in every} == set(range(1, count + 1))
    assert evaluated_subsets(spec) == every, "drawn with a seed"
    assert subset_count(spec) == 2**count - 1


def test_up_to_six_all_are_tried() -> None:
    spec = spec_of(MOST)
    assert len(subsets(spec)) == len(evaluated_subsets(spec)) == 63
    assert orders(spec) == []


def test_sampled_shares_and_their_errors() -> None:
    """They sum to the whole, are as far from the exact ones as they say, and are these where nothing interacts."""
    random, names = np.random.default_rng(0), list("abcde")
    values = {chosen: random.normal(size=200) for chosen in coalitions(names)}
    drawn = [tuple(names[k] for k in random.permutation(5)) for _ in range(100)]
    found, errors = sampled_shapley(values, names, [each for order in drawn for each in (order, order[::-1])])
    exact = shapley(values, names)
    np.testing.assert_allclose(sum(found.values()), values[tuple(names)] - values[()], atol=1e-9)
    off = np.concatenate([(found[name] - exact[name]) / errors[name] for name in names])
    assert 0.5 < np.var(off) < 2, "in units of the estimated errors; all games share the orders, so it is not just 1"
    worth = dict(zip(names, range(5), strict=True))
    added = {chosen: float(sum(worth[name] for name in chosen)) for chosen in coalitions(names)}
    found, errors = sampled_shapley(added, names, [tuple(names), tuple(names[::-1])] * 2)
    assert {name: float(share) for name, share in found.items()} == worth
    assert max(map(float, errors.values())) == 0


@pytest.mark.long
def test_a_run_with_eight(tmp_path: Path) -> None:
    spec = spec_of(8)
    records = records_of(spec, 64)
    training = mmzoo.Training(epochs=30, batch_size=16, learning_rate=0.02)
    run = mmzoo.train(spec, records.take(40), records.select(range(40, 64)), training=training, out=tmp_path / "run")
    layer = run.model.parts.heads["kind"].temperature
    fitted = np.asarray(layer.temperatures)
    assert fitted.shape == (9,)
    assert (fitted != 1).all(), "of each number of modalities"

    data = run.evaluate(records, validation=records)
    assert len(data["subsets"]) == 8 + 28 + 8 + 1 == len(data["intervals"])
    assert data["subsets_in_all"] == 255
    said = "A sample: 45 of 255 subsets were tried; each alone, pairs, all but one, and all."
    assert said in (run.folder / "report.html").read_text("utf-8")
    assert table(data).endswith(said)
    assert data["gains"][1]["over"] in {"+".join(pair) for pair in combinations(spec.input_names, 2)}
    shares = data["shapley_values"]
    assert shares["orders"] == 16
    assert shares["values"].keys() == shares["standard_errors"].keys() == set(spec.input_names)
    assert all(0 <= error < 0.2 for error in shares["standard_errors"].values())
    assert max(shares["values"], key=shares["values"].__getitem__) == "t0"
    assert len(data["calibration"]["subsets"]) == 45
    record = {name: records.column(name)[0] for name in spec.input_names}
    why = run.explain(record, inside=False).to_json()
    whole = why["output"]["logit"] - why["empty"]["logit"]
    assert sum(why["modalities"]["logit"].values()) == pytest.approx(whole, abs=1e-5)
    del record["t5"]
    assert run.explain(record, inside=False).to_json()["modalities"]["logit"]["t5"] == 0
