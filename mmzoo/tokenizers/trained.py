"""Tokenizers whose vocabulary is learnt from the training texts; Hugging Face's `tokenizers` does the work.

Each keeps its vocabulary as plain strings, so that a spec holds all of it. Texts come
normalised (NFKC, lower case). Training is deterministic.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from mmzoo.aliases import Untyped
from mmzoo.options import Range
from mmzoo.tokenizers import tokenizers

UNKNOWN = "[UNK]"

Vocabulary = tuple[str, ...]


class Trained:
    """A vocabulary of at most `size` entries; one of the models of the subclasses on top of it."""

    name = ""

    def __init__(self, *, size: Annotated[int, Range(300, 65_536)] = 8000) -> None:
        self.size = size

    def train(self, texts: Iterable[str]) -> Vocabulary:
        """The vocabulary of the texts, most useful entries first."""
        raise NotImplementedError

    @classmethod
    def build(cls, vocabulary: Vocabulary) -> Tokenizer:
        """The tokenizer of a vocabulary; entry k has id k."""
        raise NotImplementedError

    @classmethod
    def encoder(cls, vocabulary: Vocabulary) -> Callable[[str], list[int]]:
        """A function from a text to the ids of its tokens: entry k of the vocabulary is k + 1."""
        made = built(cls.name, vocabulary)
        return lambda text: [k + 1 for k in made.encode(text, add_special_tokens=False).ids]


@lru_cache(maxsize=16)
def built(name: str, vocabulary: Vocabulary) -> Tokenizer:
    """Made once: a tokenizer of some thousand entries takes milliseconds to put together."""
    made: Tokenizer = tokenizers[name].build(vocabulary)
    return made


def as_words(tokenizer: Tokenizer) -> Tokenizer:
    """Set to split at spaces and around punctuation and every Han character, as BERT does."""
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@tokenizers.register("words", where="python")
class Words(Trained):
    """Whole words: the most frequent of the training texts; all others are one unknown word."""

    name = "words"

    def train(self, texts: Iterable[str]) -> Vocabulary:
        made = as_words(Tokenizer(models.WordLevel(unk_token=UNKNOWN)))
        made.train_from_iterator(
            texts, trainers.WordLevelTrainer(vocab_size=self.size, special_tokens=[UNKNOWN], show_progress=False)
        )
        return in_order(made)

    @classmethod
    def build(cls, vocabulary: Vocabulary) -> Tokenizer:
        return as_words(Tokenizer(models.WordLevel(numbered(vocabulary), unk_token=UNKNOWN)))


@tokenizers.register("wordpiece", where="python")
class WordPiece(Trained):
    """Words in the longest known pieces from the left, "##" before all but the first (BERT; arXiv:1810.04805).

    Wu et al. 2016, arXiv:1609.08144. The pieces are those into which BPE cuts the training texts, and all characters.
    """

    name = "wordpiece"

    def train(self, texts: Iterable[str]) -> Vocabulary:
        texts = list(texts)
        # The trainer of WordPiece itself, and that of BPE with a prefix, give another vocabulary in every process.
        made = as_words(Tokenizer(models.BPE()))
        made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=self.size, show_progress=False))
        counts: Counter[str] = Counter()
        for encoding in made.encode_batch(texts):
            for token, word, before in zip(
                encoding.tokens, encoding.word_ids, [None, *encoding.word_ids[:-1]], strict=True
            ):
                counts[token if word != before else f"##{token}"] += 1
        characters = sorted({character for text in texts for character in text if not character.isspace()})
        whole = [UNKNOWN, *characters, *(f"##{character}" for character in characters)]
        others = sorted(counts.keys() - set(whole), key=lambda piece: (-counts[piece], piece))
        return (*whole, *others)[: max(self.size, len(whole))]

    @classmethod
    def build(cls, vocabulary: Vocabulary) -> Tokenizer:
        return as_words(Tokenizer(models.WordPiece(numbered(vocabulary), unk_token=UNKNOWN)))


@tokenizers.register("bpe", where="python")
class Bpe(Trained):
    """Bytes, merged pair by pair as often as they stand together (Sennrich et al. 2016, arXiv:1508.07909).

    Over bytes, as GPT-2 does, so that no text is unknown. An entry "a b" merges a and b.
    """

    name = "bpe"

    def train(self, texts: Iterable[str]) -> Vocabulary:
        made = self._bytes(Tokenizer(models.BPE()))
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        made.train_from_iterator(
            texts, trainers.BpeTrainer(vocab_size=self.size, initial_alphabet=alphabet, show_progress=False)
        )
        merges = read(made)["merges"]
        return (*alphabet, *(" ".join(pair) for pair in merges))

    @classmethod
    def build(cls, vocabulary: Vocabulary) -> Tokenizer:
        merges = [(first, second) for first, space, second in (entry.partition(" ") for entry in vocabulary) if space]
        pieces = {entry.replace(" ", ""): k for k, entry in enumerate(vocabulary)}
        return cls._bytes(Tokenizer(models.BPE(pieces, merges)))

    @staticmethod
    def _bytes(tokenizer: Tokenizer) -> Tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        return tokenizer


@tokenizers.register("sentencepiece", where="python")
class SentencePiece(Trained):
    """The likeliest pieces under a unigram model (Kudo 2018, arXiv:1804.10959); spaces are characters like others.

    Trained by Google's SentencePiece. An entry is a piece, a space and its log probability.
    """

    name = "sentencepiece"

    def train(self, texts: Iterable[str]) -> Vocabulary:
        import sentencepiece

        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=out,
            vocab_size=self.size,
            hard_vocab_limit=False,
            normalization_rule_name="identity",  # the texts are normalised already
            character_coverage=1.0,
            num_threads=1,  # sums in another order would give other pieces
            minloglevel=2,
        )
        made = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
        kept = [k for k in range(made.get_piece_size()) if not made.is_control(k)]
        return tuple(f"{made.id_to_piece(k)} {made.get_score(k)!r}" for k in kept)

    @classmethod
    def build(cls, vocabulary: Vocabulary) -> Tokenizer:
        pairs = [entry.rsplit(" ", 1) for entry in vocabulary]
        made = Tokenizer(models.Unigram([(piece, float(score)) for piece, score in pairs], 0))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        return made


def in_order(tokenizer: Tokenizer) -> Vocabulary:
    """The entries by their ids."""
    return tuple(piece for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1]))


def numbered(vocabulary: Vocabulary) -> dict[str, int]:
    """Entry k has id k."""
    return {piece: k for k, piece in enumerate(vocabulary)}


def read(tokenizer: Tokenizer) -> Untyped:
    """What the tokenizer's model has learnt, as data."""
    import json

    return dict(json.loads(tokenizer.to_str())["model"])
