"""Distributions that are joined: means, variances, draws and the divergence against NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.fusions.variational import Latent
from tests.conftest import small_spec

SAID = np.random.default_rng(0).normal(size=(5, 3, 8)).astype(np.float32)
PRESENT = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]], bool)


def layer(experts: str, **options: Any) -> Latent:
    made = Latent(experts, options.get("beta", 0.1), options.get("warmup", 4))
    made.build(SAID.shape, PRESENT.shape)
    return made


def test_a_product_of_normal_distributions() -> None:
    """Precisions add up, that of the prior among them; with nothing present the prior is left."""
    mean, variance = (np.asarray(each) for each in layer("product").joined(tf.constant(SAID), tf.constant(PRESENT)))
    for row in range(5):
        total, weighed = np.ones(4), np.zeros(4)
        for expert in np.flatnonzero(PRESENT[row]):
            precision = 1 / np.exp(8 * np.tanh(SAID[row, expert, 4:] / 8))
            total, weighed = total + precision, weighed + precision * SAID[row, expert, :4]
        np.testing.assert_allclose(mean[row], weighed / total, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(variance[row], 1 / total, rtol=1e-5)


def test_a_mixture_has_the_moments_of_its_parts() -> None:
    mean, variance = (np.asarray(each) for each in layer("mixture").joined(tf.constant(SAID), tf.constant(PRESENT)))
    means, spread = SAID[2, 1:, :4], np.exp(8 * np.tanh(SAID[2, 1:, 4:] / 8))
    np.testing.assert_allclose(mean[2], means.mean(axis=0), rtol=1e-5)
    wanted = (spread + means**2).mean(axis=0) - means.mean(axis=0) ** 2
    np.testing.assert_allclose(variance[2], wanted, rtol=1e-4)


@pytest.mark.parametrize(("experts", "subsets"), [("product", 1), ("mixture", 3), ("mixture_of_products", 7)])
def test_each_subset_of_experts_comes_as_often(experts: str, subsets: int) -> None:
    present = np.ones((14_000, 3), bool)
    present[:, 2] = True
    drawn = np.asarray(layer(experts).chosen(tf.constant(present)))
    counts = np.bincount(drawn @ [1, 2, 4], minlength=8)
    assert counts[0] == 0 and np.count_nonzero(counts) == subsets
    # All of them come twice as often, for nothing at all.
    shares = counts / len(present)
    if experts == "mixture_of_products":
        assert shares[1:7] == pytest.approx(np.full(6, 1 / 8), abs=0.015) and shares[7] == pytest.approx(
            2 / 8, abs=0.02
        )
    lacking = np.asarray(layer(experts).chosen(tf.constant(np.tile(PRESENT, (40, 1)))))
    assert not lacking[~np.tile(PRESENT, (40, 1))].any()
    assert (lacking.any(axis=1) == np.tile(PRESENT, (40, 1)).any(axis=1)).all()


def test_the_divergence_is_added_to_the_loss_and_grows() -> None:
    made = layer("product")
    mean, variance = (np.asarray(each) for each in made.joined(tf.constant(SAID), tf.constant(PRESENT)))
    nats = 0.5 * (mean**2 + variance - np.log(variance) - 1).sum(axis=1).mean()
    for step in range(6):
        drawn = made(tf.constant(SAID), tf.constant(PRESENT), training=True)
        assert float(made.losses[0]) == pytest.approx(0.1 * min((step + 1) / 4, 1) * nats, rel=1e-4)
    assert float(made.divergence) == pytest.approx(nats, rel=1e-4)
    assert np.abs(np.asarray(drawn) - mean).max() > 1e-3
    np.testing.assert_allclose(made(tf.constant(SAID), tf.constant(PRESENT)), mean, rtol=1e-5)
    assert not made.losses and not made.said_after_training()
    made.divergence.assign(0.001)
    assert "has vanished (0.001 nats an example)" in made.said_after_training()


@pytest.mark.long
def test_with_reconstructions_it_is_an_autoencoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It trains, the divergence is part of its loss, and one input is rebuilt of another."""
    levels = np.random.default_rng(0).random(48)
    columns = {
        "row": [{"age": 20 + 40 * x} for x in levels],
        "series": [np.full((4, 1), x, np.float32) for x in levels],
    }
    inputs = [
        mmzoo.Tabular("row", numbers=["age"], tower=mmzoo.Tower("mlp", hidden=[8], width=4)),
        mmzoo.Sensor("series", steps=4, tower=mmzoo.Tower("cnn_1d", width=8)),
    ]
    fusion = mmzoo.Fusion("variational", experts="mixture_of_products", latent=4, warmup=4)
    spec = mmzoo.Spec(inputs, fusion, [mmzoo.Reconstruction("row"), mmzoo.Reconstruction("series")], dim=8)
    training = mmzoo.Training(epochs=12, batch_size=16, learning_rate=1e-2)
    records = mmzoo.Records(columns)
    run = mmzoo.train(spec, records, records, training=training, out=tmp_path / "run")
    history = [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]
    assert history[0]["layers_loss"] > 0 and history[-1]["loss"] < history[0]["loss"]
    assert 0 < float(run.model.get_layer("fusion.latent").step) <= 36  # of the epoch that is kept
    assert "has vanished" not in capsys.readouterr().out
    low, high = (run.predict({"row": {"age": age}})["series_rebuilt"].mean() for age in (20, 60))
    assert high - low > 0.3


def test_other_experts_are_refused() -> None:
    with pytest.raises(MMZooError, match="mixture_of_products"):
        small_spec({"name": "variational", "experts": "sum"})
