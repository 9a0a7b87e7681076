"""Numbers over powers of ten: their logarithms are learnt, and answers and ranges are above 0."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import lognorm

import mmzoo
from mmzoo.answers.rows.answered import ranges_of
from mmzoo.baselines import fit_baselines
from mmzoo.data.tables.labels import decided
from mmzoo.errors import MMZooError
from mmzoo.evaluation.analyses.conformal import conformal

RNG = np.random.default_rng(0)
PRICES = np.exp(RNG.normal(4, 3, (200, 2)))
TASK = mmzoo.LogRegression("price", targets=2).fit(PRICES)


def test_logits_are_the_deviations_of_logarithms() -> None:
    logs = np.log(PRICES)
    wanted = (logs - logs.mean(0)) / logs.std(0)
    np.testing.assert_allclose(TASK.to_logits(PRICES), wanted, atol=1e-5)
    np.testing.assert_allclose(TASK.to_predictions(wanted), PRICES, rtol=1e-9)
    graph = np.asarray(TASK.to_predictions(tf.constant(wanted, "float32")))
    np.testing.assert_allclose(graph, PRICES, rtol=1e-5)
    assert TASK.difference(graph.astype(float), PRICES).max() < 1e-5
    unfitted = mmzoo.LogRegression("price", targets=2)
    np.testing.assert_allclose(unfitted.to_predictions(np.asarray(unfitted.to_logits(PRICES))), PRICES, rtol=1e-5)
    far = np.array([[1e9, -1e9]])
    assert (TASK.to_predictions(far) > 0).all()
    assert np.isfinite(TASK.to_predictions(far)).all()


def test_metrics() -> None:
    answers = PRICES * np.exp(RNG.normal(0, 0.5, PRICES.shape))
    found = TASK.metrics(PRICES, answers)
    off = np.log(answers) - np.log(PRICES)
    assert found["mae_log"] == pytest.approx(np.abs(off).mean())
    assert found["r2_log"] == pytest.approx(np.mean(1 - (off**2).mean(0) / np.log(PRICES).var(0)))
    assert found["mae"] == pytest.approx(np.abs(answers - PRICES).mean())
    assert tuple(found) == TASK.metric_names
    assert -TASK.score(PRICES, answers).mean() == pytest.approx(found["mae_log"])


@pytest.mark.parametrize("value", [[1.0, 0.0], [-3.0, 1.0], [float("nan"), 1.0]])
def test_numbers_that_have_no_logarithm_are_refused(value: Any) -> None:
    with pytest.raises(MMZooError, match=r"Task 'price' (learns|needs)"):
        TASK.encode(value)


def test_ranges_hold_the_promise_and_are_above_zero() -> None:
    answers = PRICES * np.exp(RNG.normal(0, 0.5, PRICES.shape))
    found = conformal(TASK, PRICES[:100], answers[:100], (PRICES[100:], answers[100:]))
    assert found["coverage"] > 0.8
    low, high = ranges_of(TASK, answers[0], found["half_width"][0])
    assert (low > 0).all()
    np.testing.assert_allclose(low * high, answers[0] ** 2)
    assert not np.isfinite(ranges_of(TASK, answers[0], np.inf)).any()


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        (lognorm.rvs(2, size=200, random_state=0), "log_regression"),
        (1000 * lognorm.rvs(2, size=200, random_state=0) + 1e6, "regression"),  # all of one power of ten
        (lognorm.rvs(2, size=20, random_state=0), "regression"),  # too few to tell
        (lognorm.rvs(2, size=200, random_state=0) - 0.1, "regression"),  # some below 0
        (np.linspace(0.1, 1000, 200), "regression"),  # even, and not by the logarithms
    ],
)
def test_which_numbers_are_taken_for_it(numbers: np.ndarray, kind: str) -> None:
    assert decided([f"{number:.6g}" for number in numbers])[0] == kind


def test_a_table_of_prices(tmp_path: Path) -> None:
    """Boosted trees and the baselines learn the logarithms too, and every answer is above 0."""
    size = RNG.normal(size=300)
    prices = np.exp(4 + 3 * size + RNG.normal(0, 0.3, 300))
    table = mmzoo.read_table({"size": size.round(3).tolist(), "price": [f"{price:.4g}" for price in prices]})
    spec, records = mmzoo.table_spec(table, "price")
    assert spec.tasks[0].kind == "log_regression"
    parts = [records.select(list(range(*bounds))) for bounds in ((0, 200), (200, 240), (240, 300))]
    found = fit_baselines(spec, parts[0], parts[1])
    assert all((each.predict(parts[2]) > 0).all() for each in found)
    assert max(each.score for each in found) > 0.9
    (row,) = spec.inputs
    spec = replace(spec, inputs=[replace(row, tower=mmzoo.Tower("boosted_trees", trees=40, members=2))])
    run = mmzoo.train(spec, parts[0], parts[1], training=mmzoo.Training(epochs=1), out=tmp_path / "run")
    answers = [each["price_prediction"] for each in run.predict([{"size": each} for each in (-3.0, 0.0, 3.0)])]
    assert answers[0] > 0
    assert np.log(answers) == pytest.approx([-5, 4, 13], abs=1.5)
    run.evaluate(parts[2], validation=parts[1])
    rows = (tmp_path / "run" / "answers.csv").read_text().splitlines()
    names = rows[0].split(",")
    lows = [float(line.split(",")[names.index("price_low")]) for line in rows[1:]]
    assert min(lows) > 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert re.search(r"Half of the answers are below [\d.]+ times the truth", page)
    axis = re.findall(r'text-anchor="end">([^<]+)<', page[page.index("Answer by truth") :])[:5]
    assert all(re.fullmatch(r"[\d.]+[kMG]?|[\d.]+e-\d+", tick) for tick in axis)  # powers of ten, none below 0
