"""Tokens back to texts, of tokenizers that lose nothing or little. Plain Python: a client needs no package for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from mmzoo.errors import MMZooError


def spelled(tokenizer: str, entries: Sequence[str]) -> str:
    """The text that entries of a tokenizer's vocabulary stand for, one after the other.

    Raises:
        MMZooError: what this tokenizer cuts cannot be put together again.
    """
    return spelling(tokenizer)(entries)


def spelling(tokenizer: str) -> Callable[[Sequence[str]], str]:
    """What `spelled` does for one tokenizer."""
    if tokenizer not in SPELLED:
        raise MMZooError(
            f"What tokenizer '{tokenizer}' has cut cannot be put together again, so it writes no texts; choose one of: "
            f"{', '.join(sorted(SPELLED))}."
        )
    return SPELLED[tokenizer]


def of_bytes(entries: Sequence[str]) -> str:
    """Of "bpe": each letter stands for a byte, "a b" for "ab"."""
    letters = "".join(entry.replace(" ", "") for entry in entries)
    return bytes(byte_of()[letter] for letter in letters if letter in byte_of()).decode("utf-8", "replace").strip()


@lru_cache(maxsize=1)
def byte_of() -> dict[str, int]:
    """The byte that each letter of GPT-2's alphabet stands for: those that can be printed for themselves."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + k): byte for k, byte in enumerate(others)}


def of_words(entries: Sequence[str]) -> str:
    """Of "wordpiece" and "words": what begins with ## goes on with a word; marks stand by themselves."""
    return "".join(entry[2:] if entry.startswith("##") and entry != "##" else f" {entry}" for entry in entries).strip()


def of_pieces(entries: Sequence[str]) -> str:
    """Of "sentencepiece": a piece, a space and its log-probability; a space is "▁"."""
    return "".join(entry.rpartition(" ")[0] for entry in entries).replace("\u2581", " ").strip()


SPELLED: dict[str, Callable[[Sequence[str]], str]] = {
    "bpe": of_bytes,
    "sentencepiece": of_pieces,
    "wordpiece": of_words,
    "words": of_words,
}
