"""Texts for a program without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NotRequired, TypedDict, TypeGuard

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.modalities.described import InputDescription, following
from mmzoo.tokenizers.normalizing import normalized

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TRAINED = ("words", "wordpiece", "bpe", "sentencepiece")  # tokenizers whose vocabulary is in the description


class Chosen(TypedDict):
    """A tokenizer that is chosen by its name."""

    name: str


class TextDescription(InputDescription):
    """What a text's description says beside: whether capitals are made small, and what makes ids of it."""

    lowercase: bool
    tokenizer: NotRequired[Chosen]
    vocabulary: NotRequired[list[str]]


def is_described(about: InputDescription) -> TypeGuard[TextDescription]:
    """Is it said whether capitals count, and for a model that takes ids, which tokenizer and vocabulary make them?"""
    if type(about.get("lowercase")) is not bool:
        return False
    if about["dtype"] == "uint8":
        return True
    tokenizer, vocabulary = about.get("tokenizer"), about.get("vocabulary")
    named = isinstance(tokenizer, dict) and type(tokenizer.get("name")) is str and tokenizer["name"] in TRAINED
    return named and isinstance(vocabulary, list) and all(type(word) is str for word in vocabulary)


def decoder(about: InputDescription) -> Callable[[Raw], np.ndarray]:
    """The first UTF-8 bytes, or the ids of the first tokens, of a text in NFKC and the case described; then zeros."""
    assert is_described(about)
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


def trained(about: TextDescription) -> Tokenizer:
    """The trained tokenizer, from its vocabulary in the description."""
    from mmzoo.tokenizers.trained import Trained

    (made,) = [each for each in Trained.__subclasses__() if each.name == about["tokenizer"]["name"]]
    found: Tokenizer = made.build(tuple(about["vocabulary"]))
    return found
