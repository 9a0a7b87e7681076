"""Draws: the published generator, even, independent, and the same in whatever batch."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy import stats

from mmzoo.draws import GOLDEN, between, keys_of, mixed, normals, signed, uniforms

KEYS = keys_of(7, tf.range(500, dtype=tf.int64), tf.zeros(500, tf.int64))


def test_the_output_function_is_splitmix64s() -> None:
    """The first numbers of seed 1234567 as the authors' program prints them."""
    states = [(1234567 + GOLDEN * k) % 2**64 for k in (1, 2, 3)]
    found = np.asarray(mixed(tf.constant([signed(state) for state in states], tf.int64))).astype(np.uint64)
    assert found.tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_even_and_normal() -> None:
    drawn = np.asarray(uniforms(KEYS, 1, (20,))).ravel()
    assert stats.kstest(drawn, "uniform").pvalue > 0.01
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert stats.kstest(np.asarray(normals(KEYS, 2, (20,))).ravel(), "norm").pvalue > 0.01
    assert np.all((np.asarray(between(KEYS, 3, -2, 5)) >= -2) & (np.asarray(between(KEYS, 3, -2, 5)) < 5))


def test_keys_salts_places_and_epochs_are_independent() -> None:
    columns = [np.asarray(uniforms(KEYS, salt, (3,))) for salt in (1, 2)]
    other = keys_of(7, tf.range(500, dtype=tf.int64), tf.ones(500, tf.int64))
    columns += [np.asarray(uniforms(other, 1, (1,))), np.asarray(uniforms(KEYS, 1, (3,)))[::-1]]
    found = np.corrcoef(np.concatenate(columns, axis=1).T)
    assert np.abs(found - np.eye(len(found))).max() < 0.2
    assert len(np.unique(np.asarray(uniforms(KEYS, 1)))) == 500


def test_an_example_is_drawn_the_same_in_any_batch_and_compiled() -> None:
    whole = np.asarray(normals(KEYS, 5, (4, 2)))
    np.testing.assert_array_equal(normals(KEYS[100:103], 5, (4, 2)), whole[100:103])
    compiled = tf.function(lambda keys: uniforms(keys, 5, (4,)), jit_compile=True)(KEYS)
    np.testing.assert_array_equal(compiled, uniforms(KEYS, 5, (4,)))
