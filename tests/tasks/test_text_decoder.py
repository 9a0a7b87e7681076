"""The decoder of texts: taught, step by step and as a loop in the graph it says the same."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.decoding import Beam, Greedy, Sample, decode
from mmzoo.layers.text_decoder import TextDecoder

COUNT, TOKENS, VOCABULARY = 5, 6, 11


@pytest.fixture(scope="module")
def given() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, tokens and which of them are real."""
    rng = np.random.default_rng(0)
    real = rng.random((COUNT, 4)) > 0.3
    real[0] = False  # all inputs are missing
    return rng.normal(size=(COUNT, 7)).astype("f"), rng.normal(size=(COUNT, 4, 6)).astype("f"), real


def made(beams: int = 1) -> TextDecoder:
    """A decoder whose answers are of several lengths."""
    keras.utils.set_random_seed(3)
    decoder = TextDecoder(VOCABULARY, TOKENS, width=16, heads=2, beams=beams, length_penalty=0.7)
    decoder.build((None, 7), (None, 4, 6), (None, 4))
    rng = np.random.default_rng(1)
    for weight in decoder.weights:
        if weight.trainable and weight.ndim > 1:
            weight.assign(rng.normal(size=weight.shape) * (0.3 if weight.name == "words" else 0.5))
    return decoder


def stepping(decoder: TextDecoder) -> Any:
    """A decoder as `mmzoo.decoding` takes it."""

    def step(tokens: np.ndarray, caches: Any, position: int) -> tuple[Any, Any]:
        return decoder.step(tf.constant(tokens), {name: tf.constant(x) for name, x in caches.items()}, position)

    return step


@pytest.mark.parametrize("beams", [1, 3])
def test_the_loop_in_the_graph_is_the_search_outside(beams: int, given: Any) -> None:
    decoder = made(beams)
    found = tf.function(decoder)(*given, training=False).numpy()
    caches = {name: each.numpy() for name, each in decoder.begin(*given).items()}
    wanted = decode(stepping(decoder), caches, np.zeros(COUNT), end=0, most=TOKENS, how=Beam(beams, 0.7))
    np.testing.assert_array_equal(found[:, :-1], wanted.ids)
    np.testing.assert_allclose(found[:, -1], wanted.log_probs, atol=1e-5)
    assert len({*wanted.lengths}) > 1  # some end, and not all at once
    if beams == 1:
        np.testing.assert_array_equal(
            decode(stepping(decoder), caches, np.zeros(COUNT), end=0, most=TOKENS).ids, wanted.ids
        )


def test_the_cache_changes_nothing(given: Any) -> None:
    """Each step gives what the whole sequence gives at that place."""
    decoder = made()
    ids = np.random.default_rng(2).integers(0, VOCABULARY, (COUNT, TOKENS)).astype(np.int32)
    whole = decoder.taught(*given, tf.constant(ids)).numpy()
    caches, before = decoder.begin(*given), np.zeros(COUNT, np.int32)
    for place in range(TOKENS):
        found, caches = decoder.step(tf.constant(before), caches, place)
        np.testing.assert_allclose(found, whole[:, place], atol=1e-5)
        before = ids[:, place]
    np.testing.assert_allclose(np.exp(whole).sum(axis=-1), 1.0, atol=1e-5)


def test_no_token_sees_those_behind_it(given: Any) -> None:
    decoder = made()
    ids = np.ones((COUNT, TOKENS), np.int32)
    other = ids.copy()
    other[:, 3:] = 5
    first, second = (decoder.taught(*given, tf.constant(each)).numpy() for each in (ids, other))
    np.testing.assert_array_equal(first[:, :4], second[:, :4])
    assert (first[:, 4:] != second[:, 4:]).any()


def test_what_is_not_real_changes_nothing_and_a_batch_is_as_one_by_one(given: Any) -> None:
    decoder = made(2)
    embedding, values, real = given
    writing = tf.function(decoder, reduce_retracing=True)
    wanted = writing(*given).numpy()
    masked = np.where(real[..., None], values, np.nan).astype("f")
    np.testing.assert_array_equal(writing(embedding, masked, real), wanted)
    changed = writing(embedding, values + 1, real).numpy()
    np.testing.assert_array_equal(changed[0], wanted[0])
    assert (changed[1:] != wanted[1:]).any()
    for row in range(COUNT):
        alone = writing(*(each[row : row + 1] for each in given)).numpy()[0]
        np.testing.assert_allclose(alone, wanted[row], atol=1e-5)


def test_an_answer_that_does_not_end_is_cut(given: Any) -> None:
    decoder = made()
    bias = np.zeros(VOCABULARY)
    bias[0] = -1e4
    decoder.bias.assign(bias)
    found = decoder(*given).numpy()
    assert (found[:, :-1] > 0).all()
    assert np.isfinite(found).all()


def test_draws_are_of_the_decoder(given: Any) -> None:
    decoder = made()
    caches = {name: each.numpy() for name, each in decoder.begin(*given).items()}
    first, cold = (
        decode(stepping(decoder), caches, np.zeros(COUNT), end=0, most=TOKENS, how=how)
        for how in (Greedy(), Sample(temperature=1e-3))
    )
    np.testing.assert_array_equal(first.ids, cold.ids)


def test_it_is_made_again_from_its_configuration() -> None:
    decoder = made(3)
    again = TextDecoder.from_config(decoder.get_config())
    assert again.get_config() == decoder.get_config()
