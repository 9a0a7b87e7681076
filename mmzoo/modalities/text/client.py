"""Texts for a program without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.modalities.described import following
from mmzoo.tokenizers.normalizing import normalized

TRAINED = ("words", "wordpiece", "bpe", "sentencepiece")  # tokenizers whose vocabulary is in the description


def is_described(about: Mapping[str, Any]) -> bool:
    """Is it said whether capitals count, and for a model that takes ids, which tokenizer and vocabulary make them?"""
    if type(about.get("lowercase")) is not bool:
        return False
    if about["dtype"] == "uint8":
        return True
    tokenizer, vocabulary = about.get("tokenizer"), about.get("vocabulary")
    named = isinstance(tokenizer, dict) and type(tokenizer.get("name")) is str and tokenizer["name"] in TRAINED
    return named and isinstance(vocabulary, list) and all(type(word) is str for word in vocabulary)


def decoder(about: Mapping[str, Any]) -> Callable[[Raw], np.ndarray]:
    """The first UTF-8 bytes, or the ids of the first tokens, of a text in NFKC and the case described; then zeros."""
    name, dtype, length = about["name"], about["dtype"], about["shape"][1]
    tokenizer = None if dtype == "uint8" else trained(about)

    def decode(value: Raw) -> np.ndarray:
        if not isinstance(value, (str, bytes)):
            raise MMZooError(f"Text '{name}' must be a string, not {type(value).__name__}.")
        text = normalized(value, about["lowercase"])
        if tokenizer is None:
            found = list(text.encode())
        else:
            with following(name):
                found = [k + 1 for k in tokenizer.encode(text, add_special_tokens=False).ids]
        example = np.zeros(length, dtype)
        example[: len(found)] = found[:length]
        return example

    return decode


def trained(about: Mapping[str, Any]) -> Any:
    """The trained tokenizer, from its vocabulary in the description."""
    from mmzoo.tokenizers.trained import Trained

    (made,) = [each for each in Trained.__subclasses__() if each.name == about["tokenizer"]["name"]]
    return made.build(tuple(about["vocabulary"]))
