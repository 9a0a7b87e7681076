"""The transformer block against KerasHub's, with the same weights."""

from __future__ import annotations

import keras
import keras_hub
import numpy as np
import pytest

from mmzoo.layers.transformer import transformer_block

RNG = np.random.default_rng(0)
PARTS = {  # ours -> KerasHub's
    "attention_norm": "self_attention_layer_norm",
    "attention": "self_attention_layer",
    "mlp_norm": "feedforward_layer_norm",
    "mlp_hidden": "feedforward_intermediate_dense",
    "mlp_output": "feedforward_output_dense",
}


def block(length: int, dropout: float = 0.0) -> keras.Model:
    values, mask = keras.Input((length, 12)), keras.Input((length,), dtype="bool")
    found = transformer_block(values, mask, "block", heads=3, hidden=20, dropout=dropout)
    return keras.Model([values, mask], found)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_transformer_block_is_keras_hubs(dropout: float) -> None:
    model = block(5, dropout)
    peer = keras_hub.layers.TransformerEncoder(20, 3, dropout=dropout, activation="gelu", normalize_first=True)
    peer.build((None, 5, 12))
    for ours, theirs in PARTS.items():
        weights = [w + RNG.normal(size=w.shape) * 0.2 for w in model.get_layer(f"block_{ours}").get_weights()]
        model.get_layer(f"block_{ours}").set_weights(weights)
        getattr(peer, f"_{theirs}").set_weights(weights)
    values = RNG.normal(size=(4, 5, 12)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 0]], bool)
    found = np.asarray(model([values, mask], training=False))
    np.testing.assert_allclose(found, peer(values, padding_mask=mask, training=False), atol=1e-5)
    assert sum(w.size for w in model.get_weights() if w.dtype == np.float32) == peer.count_params()
    poisoned = np.asarray(model([np.where(mask[..., None], values, 1e3), mask], training=False))
    np.testing.assert_array_equal(poisoned[mask], found[mask])


def test_a_block_over_one_token() -> None:
    assert np.isfinite(block(1)([np.ones((2, 1, 12), np.float32), np.ones((2, 1), bool)])).all()
