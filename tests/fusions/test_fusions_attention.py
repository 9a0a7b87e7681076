"""The fusions that attend, calculated again with NumPy in float64, one example of real tokens at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mmzoo.errors import MMZooError
from tests.fusions.fusion_case import (
    COUNT,
    DIM,
    LENGTHS,
    MASKS,
    PRESENT,
    VALUES,
    Weights,
    attention,
    block,
    dense,
    fusion_model,
    mean_and_max,
    norm,
    pooled,
    run,
)


def here(k: int) -> list[str]:
    """The modalities that example k has."""
    return [name for m, name in enumerate(LENGTHS) if PRESENT[k, m]]


def real(k: int, name: str) -> np.ndarray:
    return VALUES[name][k][MASKS[name][k]]


def embedded(k: int, weights: Weights) -> np.ndarray:
    """The real tokens of what example k has, each with the embedding of its modality."""
    return np.concatenate([real(k, name) + weights[f"fusion.{name}.embedding/vectors"] for name in here(k)])


def test_cross_attention() -> None:
    found, weights = run("cross_attention", heads=2)
    enriched = {}
    for target, values in VALUES.items():
        rows = []
        for k in range(COUNT):
            x = values[k].copy()
            for source in here(k):
                if source != target:
                    x += attention(
                        values[k], VALUES[source][k], MASKS[source][k], weights, f"fusion.{target}.from.{source}"
                    )
            rows.append(norm(x, weights, f"fusion.{target}.norm", 1e-3))
        enriched[target] = np.array(rows)
    np.testing.assert_allclose(found, dense(pooled(enriched).reshape(COUNT, -1), weights), atol=1e-5)


def test_attention_pooling() -> None:
    found, weights = run("attention_pooling", queries=3, heads=2)
    query = weights["fusion.queries/vectors"]
    answers = [attention(query, embedded(k, weights), True, weights, "fusion.attention") for k in range(COUNT)]
    np.testing.assert_allclose(found, dense(np.reshape(answers, (COUNT, -1)), weights), atol=1e-5)


def test_joint_transformer() -> None:
    found, weights = run("joint_transformer", layers=2, heads=2)
    wanted = []
    for k in range(COUNT):
        x = embedded(k, weights)
        for layer in range(2):
            x = block(x, weights, f"fusion.block{layer}")
        wanted.append(mean_and_max(norm(x, weights, "fusion.norm")))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_bottleneck() -> None:
    found, weights = run("bottleneck", bottlenecks=2, layers=3, heads=2)
    wanted = []
    for k in range(COUNT):
        state, shared = {name: real(k, name) for name in here(k)}, weights["fusion.bottlenecks/vectors"]
        for layer in range(3):
            passed = {n: block(np.r_[x, shared], weights, f"fusion.{n}.block{layer}") for n, x in state.items()}
            state = {name: x[:-2] for name, x in passed.items()}
            shared = np.mean([x[-2:] for x in passed.values()], axis=0)
        wanted.append(np.mean([mean_and_max(norm(x, weights, f"fusion.{n}.norm")) for n, x in state.items()], axis=0))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_bottleneck_needs_a_second_layer_to_exchange() -> None:
    with pytest.raises(MMZooError, match="'layers' of fusion 'bottleneck' must be a whole number from 2"):
        run("bottleneck", layers=1)


def test_perceiver() -> None:
    found, weights = run("perceiver", latents=3, rounds=2, heads=2)
    wanted = []
    for k in range(COUNT):
        state = weights["fusion.latents/vectors"]
        for n in range(2):
            state = block(state, weights, f"fusion.cross{n}", source=embedded(k, weights))
            state = block(state, weights, f"fusion.latent{n}")
        wanted.append(norm(state, weights, "fusion.norm").mean(0))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_graph_attention() -> None:
    found, weights = run("graph_attention", heads=2)
    query, key = (weights[f"fusion.{part}/vectors"] for part in ("query", "key"))
    wanted = []
    for x, present in zip(pooled(VALUES), PRESENT, strict=True):
        heads = []
        for head, hidden in enumerate(np.split(x[present] @ weights["fusion.dense/kernel"], 2, axis=1)):
            scores = (hidden @ query[head])[:, None] + hidden @ key[head]
            mixed = softmax(np.where(scores > 0, scores, 0.2 * scores), axis=1) @ hidden
            heads.append(np.where(mixed > 0, mixed, np.expm1(mixed)))
        wanted.append(np.concatenate(heads, axis=1).mean(0))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "count"),
    {
        "attention_pooling": 4,  # the answers to the queries
        "bottleneck": sum(LENGTHS.values()),
        "cross_attention": sum(LENGTHS.values()),
        "graph_attention": len(LENGTHS),
        "joint_transformer": sum(LENGTHS.values()),
        "perceiver": 5,  # the latents
    }.items(),
)
def test_tokens_are_handed_on(name: str, count: int) -> None:
    """Real ones do not see what is absent or padding, and none is real of what is absent."""
    model = fusion_model(name, tokens=True, **({"latents": 5} if name == "perceiver" else {}))
    inside = np.concatenate([MASKS[k] & PRESENT[:, [m]] for m, k in enumerate(LENGTHS)], axis=1)

    def tokens(values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        data = [array for k in values for array in (values[k].astype(np.float32), MASKS[k])]
        found = model([*data, PRESENT], training=False)
        return np.asarray(found[0]), np.asarray(found[1])

    found, real = tokens(VALUES)
    assert found.shape == (COUNT, count, DIM)
    assert np.isfinite(found).all()
    other = {k: np.where((MASKS[k] & PRESENT[:, [m]])[..., None], v, 9.0) for m, (k, v) in enumerate(VALUES.items())}
    if name == "cross_attention":  # which attends to the learned embedding of what is absent
        other = {k: np.where(MASKS[k][..., None], v, 9.0) for k, v in VALUES.items()}
    np.testing.assert_allclose(tokens(other)[0][real], found[real], atol=1e-5)
    if count == sum(LENGTHS.values()):
        np.testing.assert_array_equal(real, inside)
    elif name == "graph_attention":
        np.testing.assert_array_equal(real, PRESENT)
    else:
        assert real.all()
