"""What a layer says of its output before it is called is what it gives: Keras builds the rest of a model upon it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mmzoo.layers import Presence
from mmzoo.modalities.audio.spectrogram import LogMel, Mfcc
from mmzoo.tokenizers.hashed_words import HashedWords
from mmzoo.tokenizers.longest_match import LongestMatch
from mmzoo.tokenizers.ngrams import Ngrams, NgramsTokenizer
from mmzoo.tokenizers.unigram import Unigram
from mmzoo.tokens import Tokens

TEXT = np.frombuffer(b"a cab, and a cat" + bytes(24), np.uint8)[None].repeat(3, axis=0)
LAYERS = {
    "hashed_words": (HashedWords(6, 64), TEXT),
    "longest_match": (LongestMatch(6, [" a", "ca", "b"]), TEXT),
    "ngrams": (Ngrams(6, NgramsTokenizer().train(["a cab", "a cat"])), TEXT),
    "unigram": (Unigram(4, 3, 6), TEXT),
    **{f"log_mel_{samples}": (LogMel(8000), np.ones((2, samples), np.float32)) for samples in (256, 400, 4000)},
    "mfcc": (Mfcc(8000, num_mel_bins=20), np.ones((2, 1000), np.float32)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_one_input(name: str) -> None:
    layer, batch = LAYERS[name]
    check(layer.compute_output_spec(keras.KerasTensor((None, *batch.shape[1:]), batch.dtype.name)), layer(batch))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_presence(dtype: str) -> None:
    tokens, here = Tokens(np.ones((2, 5, 3), np.float32), np.ones((2, 5), bool)), np.ones(2, bool)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        layer = Presence(4)
        given = layer(tokens, here)
    finally:
        keras.config.set_dtype_policy(before)
    check(layer.compute_output_spec(tokens, here), given)
    assert isinstance(given, Tokens)


def check(said: object, given: object) -> None:
    """The shapes, but for the number of examples, and the types are the same."""
    for one, other in zip(keras.tree.flatten(said), keras.tree.flatten(given), strict=True):
        assert one.shape[1:] == tuple(other.shape[1:])
        assert one.dtype == keras.backend.standardize_dtype(other.dtype)
