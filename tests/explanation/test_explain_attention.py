"""What a fusion attended to, against attention written out in NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import softmax

import mmzoo
from mmzoo.explanation.attention import (
    attention_layers,
    attention_maps,
    attention_weights,
    cross_modal_attention,
    mean_weights,
)
from mmzoo.explanation.explain import explain
from mmzoo.explanation.target import make_target
from mmzoo.fusions import fusions
from tests.conftest import small_records, small_spec, usual

FUSIONS = ["attention_pooling", "bottleneck", "cross_attention", "graph_attention", "joint_transformer", "perceiver"]
NAMES = ("picture", "words", "sound")


def record(*names: str) -> dict[str, Any]:
    return {name: small_records(1).column(name)[0] for name in names or NAMES}


def by_hand(layer: Any, query: np.ndarray, value: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mean over heads of `softmax(QK' / sqrt(d))` over the real keys, float64 (T, S)."""
    weights = {weight.path.split("/", 1)[1]: np.asarray(weight, np.float64) for weight in layer.weights}
    projected_query = np.einsum("td,dhk->htk", query, weights["query/kernel"]) + weights["query/bias"][:, None]
    projected_key = np.einsum("sd,dhk->hsk", value, weights["key/kernel"]) + weights["key/bias"][:, None]
    scores = projected_query @ projected_key.transpose(0, 2, 1) / np.sqrt(projected_query.shape[-1])
    return np.asarray(softmax(np.where(mask, scores, -np.inf), axis=-1).mean(axis=0))


@pytest.mark.long
def test_those_that_attend_say_so() -> None:
    assert [name for name in fusions.names() if mmzoo.build(small_spec(name)).parts.attention] == FUSIONS


@pytest.mark.parametrize("name", usual(FUSIONS, {"cross_attention", "graph_attention"}))
def test_shares_of_attention(name: str) -> None:
    """They sum to 1, an absent modality has none and asks nothing, and they are those of the definition."""
    keras.utils.set_random_seed(0)
    model = mmzoo.build(small_spec(name))
    for given in (NAMES, ("picture", "sound"), ("words",)):
        target = make_target(model, record(*given))
        rows = attention_maps(target)
        for row in rows:
            asked_itself = row.query in row.weights
            alone = name == "cross_attention" and not {*row.weights} <= {*given}
            assert sum(row.shares.values()) == pytest.approx(0 if alone else 1, abs=1e-6)
            assert all(row.shares[each] == 0 for each in {*NAMES} & row.weights.keys() - {*given})
            assert all((each >= 0).all() for each in row.weights.values())
            assert row.query in (*given, "learned queries", "bottlenecks")
            assert asked_itself == (name in ("joint_transformer", "bottleneck", "graph_attention"))
        inputs = {**target.tokens, "present": target.inputs["present"]}
        places, read = attention_layers(model)
        values, layers = read(inputs), model.parts.attention
        for each, weights, names in zip(layers, attention_weights(model, inputs), places, strict=True):
            assert weights.shape[0] == sum(count for _, count in each.query)
            if isinstance(each.layer, keras.layers.MultiHeadAttention):
                query, value, mask = (np.asarray(values[place])[0] for place in names)
                np.testing.assert_allclose(weights, by_hand(each.layer, query, value, mask), atol=1e-5)
        assert len(rows) >= len(layers) - (6 if name == "cross_attention" else 4 if name == "bottleneck" else 0)


def test_graph_attention_by_hand() -> None:
    """`softmax_j(leaky_relu(s . h_i + t . h_j))` over the modalities that are there."""
    keras.utils.set_random_seed(0)
    model = mmzoo.build(small_spec("graph_attention"))
    target = make_target(model, record("picture", "sound"))
    layers = {layer.name: layer for layer in model.layers}
    inputs = {**target.inputs}
    nodes = keras.Model(model.input, layers["fusion.dense"].input)(inputs)
    hidden = np.asarray(nodes[0], np.float64) @ np.asarray(layers["fusion.dense"].kernel, np.float64)
    heads = hidden.reshape(3, 4, -1)
    query, key = (np.asarray(layers[f"fusion.{part}"].vectors, np.float64) for part in ("query", "key"))
    scores = np.einsum("ihk,hk->hi", heads, query)[:, :, None] + np.einsum("jhk,hk->hj", heads, key)[:, None]
    scores = np.where(scores > 0, scores, 0.2 * scores)
    scores[:, :, 1] = -np.inf
    wanted = softmax(scores, axis=-1).mean(axis=0)
    found = {row.query: [row.shares[each] for each in NAMES] for row in attention_maps(target)}
    np.testing.assert_allclose(found["picture"], wanted[0], atol=1e-5)
    np.testing.assert_allclose(found["sound"], wanted[2], atol=1e-5)


def test_a_token_that_is_asked_for_is_found() -> None:
    """Where one token is changed, its weight changes most."""
    keras.utils.set_random_seed(0)
    model = mmzoo.build(small_spec("attention_pooling"))
    target = make_target(model, record("picture"))
    plain = mean_weights(attention_maps(target), "picture")
    assert plain is not None
    values, mask = target.tokens["picture"]
    louder = np.array(values)
    louder[0, 5] = -louder[0, 5] * 10
    changed = mean_weights(
        attention_maps(type(target)(**{**vars(target), "tokens": {**target.tokens, "picture": (louder, mask)}})),
        "picture",
    )
    assert changed is not None
    assert np.abs(changed - plain).argmax() == 5


@pytest.mark.long
@pytest.mark.parametrize("name", usual(["joint_transformer", "concat"], ["joint_transformer"]))
def test_attention_in_an_explanation(name: str, tmp_path: Path) -> None:
    model = mmzoo.build(small_spec(name))
    found = explain(model, record())
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    found.draw(tmp_path / "why.png")
    assert (tmp_path / "why.png").stat().st_size > 10_000
    if name == "concat":
        assert data["attention"] == []
        assert "attention" not in data["inside"]["picture"]
        return
    assert {row["layer"] for row in data["attention"]} == {"fusion.block0_attention", "fusion.block1_attention"}
    assert np.shape(data["inside"]["picture"]["attention"]) == (8, 8)
    assert len(data["inside"]["words"]["attention"]) == len(data["inside"]["words"]["pieces"])
    attention = cross_modal_attention(found.attention)
    assert attention.keys() == {*NAMES}
    total = sum(found.inside[each].maps["attention"].sum() for each in NAMES)
    assert total == pytest.approx(1, abs=1e-6)
