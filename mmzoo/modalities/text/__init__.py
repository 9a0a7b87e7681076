"""Text: a string of any length and language to its first UTF-8 bytes, or to the ids of its tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Shape, Tensor
from mmzoo.choice import Tokenizer, Tower
from mmzoo.errors import DataError, as_tuple, check_number, check_strings, require
from mmzoo.messages.truncation import note_truncation
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.described import InputDescription
from mmzoo.modalities.explanation import InputExplanation, Probe
from mmzoo.modalities.lengths import fitting_length
from mmzoo.modalities.text.client import decoder, is_described
from mmzoo.modalities.text.columns import as_text, joined
from mmzoo.modalities.text.corruption import CORRUPTIONS
from mmzoo.modalities.text.rebuilding import Tokens
from mmzoo.modalities.text.vectorizer import SHORT, TfIdf
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.normalizing import normalized
from mmzoo.weights import best_installed

if TYPE_CHECKING:
    import keras

MOST_WORDS = 64  # that are left out, one at a time
LONGEST = 4096  # bytes or tokens that are read
CASED = ("sentence", "sentence_bag")  # towers that were trained on texts with their capitals


@modalities.register("text")
@dataclass(frozen=True)
class Text(Modality):
    """A text, normalised (NFKC) and, for most towers, in lower case. An empty one counts as absent.

    With a tokenizer in the graph the decoded example is uint8 (max_bytes,): the UTF-8 bytes,
    then zeros, because a file on a phone has no other tokenizer than the one in its graph. With
    a trained tokenizer it is int32 (tokens,): ids, then zeros.

    Args:
        max_bytes: bytes read at most, where the tokenizer is in the graph.
        tokens: tokens read at most.
        tokenizer: a name (`mmzoo list tokenizers`), or `Tokenizer(name, option=...)`.
        vocabulary: of a trained tokenizer; `fit` fills it in.
        columns: of a table whose texts are read as one, "title: Alien. studio: Fox", see `joined`.
        lowercase: are capitals made small? None does what the tower was trained on.
    """

    max_bytes: int = 96
    tokens: int = 24
    tokenizer: Tokenizer | str = "hashed_words"
    vocabulary: Sequence[str] = field(default=(), repr=False)
    columns: Sequence[str] = ()
    lowercase: bool | None = None
    tower: Tower | str = "embedding_attention"
    kind: ClassVar[str] = "text"
    colour: ClassVar[str] = "#3f7f3a"
    is_text: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = True
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "int32")
    axes: ClassVar[tuple[int, ...]] = (1,)
    corruptions: ClassVar[dict[str, Corruption]] = CORRUPTIONS

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tokenizer", Tokenizer.of(self.tokenizer))
        object.__setattr__(self, "vocabulary", as_tuple(f"The vocabulary of text '{self.name}'", self.vocabulary))
        object.__setattr__(self, "columns", as_tuple(f"The columns of text '{self.name}'", self.columns))
        check_strings(f"The columns of text '{self.name}'", self.columns)
        check_number(f"The max_bytes of text '{self.name}'", self.max_bytes, 8, LONGEST, whole=True)
        check_number(f"The tokens of text '{self.name}'", self.tokens, 1, LONGEST, whole=True)
        require(
            self.lowercase is None or isinstance(self.lowercase, bool),
            f"The lowercase of text '{self.name}' must be true, false or null, not {self.lowercase!r}.",
        )
        chosen = Tokenizer.of(self.tokenizer)
        tokenizers.check_options(chosen.name, chosen.options)
        require(
            all(isinstance(entry, str) for entry in self.vocabulary) and (self.is_trained or not self.vocabulary),
            f"The vocabulary of text '{self.name}' must be strings, for a trained tokenizer, not '{chosen.name}'.",
        )

    @property
    def in_lower_case(self) -> bool:
        """Are capitals made small?"""
        cased = all(tower.name in CASED for tower in Tower.of(self.tower).parts)
        return not cased if self.lowercase is None else self.lowercase

    @property
    def in_graph(self) -> bool:
        """Is the tokenizer part of the model's graph?"""
        return bool(tokenizers.facts(Tokenizer.of(self.tokenizer).name)["where"] == "graph")

    @property
    def is_trained(self) -> bool:
        """Has the tokenizer a vocabulary, which `fit` learns?"""
        return not self.in_graph or "vocabulary" in tokenizers.facts(Tokenizer.of(self.tokenizer).name)

    @property
    def made_tokenizer(self) -> Any:
        """The tokenizer with its options."""
        chosen = Tokenizer.of(self.tokenizer)
        return tokenizers[chosen.name](**chosen.options)

    @property
    def size(self) -> int:
        """The number of ids, padding included."""
        return len(self.vocabulary) + 1 if self.is_trained else int(self.made_tokenizer.size)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.max_bytes if self.in_graph else self.tokens,)

    @property
    def dtype(self) -> str:
        return "uint8" if self.in_graph else "int32"

    @property
    def unit(self) -> str:
        """What a client has to send."""
        if self.in_graph:
            return f"UTF-8 bytes of the text in NFKC{' and lower case' if self.in_lower_case else ''}, then zeros"
        return f"token ids of tokenizer '{Tokenizer.of(self.tokenizer).name}', then zeros"

    def fit(self, values: Sequence[object]) -> Self:
        """With the tokenizer trained on these texts, if it is one that is trained and has no vocabulary yet."""
        if not self.unfitted:
            return self
        return replace(self, vocabulary=self.made_tokenizer.train(self._read(value) for value in values))

    @property
    def unfitted(self) -> str:
        return "" if self.vocabulary or not self.is_trained else "a tokenizer that is not trained yet"

    def _read(self, value: Raw) -> str:
        """What a tokenizer in the graph can see of a text; all of it, where it is another."""
        text = self._normal(value)
        return text.encode()[: self.max_bytes].decode("utf-8", "ignore") if self.in_graph else text

    def tokenizer_layer(self, name: str) -> keras.layers.Layer:
        """The tokenizer of the graph as a layer from uint8 (B, max_bytes) to ids int32 (B, tokens), and weights, if it
        has any."""
        self.check_fitted()
        given = (self.vocabulary,) if self.is_trained else ()
        return self.made_tokenizer.layer(self.tokens, name, *given)

    def gathered(self, columns: Mapping[str, Sequence[object]]) -> list[Raw] | None:
        """The texts of several columns of a table as one, where it has all of them."""
        if not self.columns or not {*self.columns} <= columns.keys():
            return None
        rows = zip(*(columns[name] for name in self.columns), strict=True)
        return [joined(dict(zip(self.columns, row, strict=True))) for row in rows]

    def _normal(self, value: Raw) -> str:
        if self.columns and isinstance(value, Mapping):
            found = joined({column: value.get(column) for column in self.columns})
            if isinstance(found, DataError):
                raise found
            value = found or ""
        if not isinstance(value, (str, bytes)):
            raise DataError(f"Text '{self.name}' must be a string, not {type(value).__name__}.", "bad_text")
        return normalized(value, self.in_lower_case)

    @property
    def described(self) -> dict[str, object]:
        return {"lowercase": self.in_lower_case}

    def check(self, value: Raw) -> None:
        self._normal(value)

    def decode(self, value: Raw) -> np.ndarray:
        """A string, or UTF-8 bytes, as uint8 (max_bytes,) or int32 (tokens,). What is longer is cut, and said."""
        text = self._normal(value)
        found = list(text.encode("utf-8", "replace")) if self.in_graph else self._ids(text)
        (length,) = self.shape
        if len(found) > length:
            unit, setting = ("bytes", "max_bytes") if self.in_graph else ("tokens", "tokens")
            note_truncation(self.name, len(found), length, unit, setting, LONGEST)
        example = np.zeros(length, self.dtype)
        example[: len(found)] = found[:length]
        return example

    def _ids(self, text: str) -> list[int]:
        self.check_fitted()
        return list(self.made_tokenizer.encoder(self.vocabulary)(text))

    @property
    def array_spec(self) -> tuple[Shape, str]:
        return ((), "string") if self.in_graph else (self.shape, self.dtype)

    def from_array(self, batch: Tensor) -> Tensor:
        """Strings (B,) to their first bytes, in lower case where it is asked for; ids as they are."""
        import tensorflow as tf

        if not self.in_graph:
            return batch
        text = tf.strings.lower(batch, encoding="utf-8") if self.in_lower_case else batch
        cut = tf.strings.substr(text, 0, self.max_bytes)
        return tf.ensure_shape(tf.io.decode_raw(cut, tf.uint8, fixed_length=self.max_bytes), (None, self.max_bytes))

    @property
    def has_files(self) -> bool:
        return self.in_graph

    def from_file(self, data: Tensor) -> Tensor:
        """UTF-8."""
        return self.from_array(data[None])[0]

    def to_file(self, example: np.ndarray) -> bytes:
        """UTF-8."""
        return example.tobytes().rstrip(b"\0")

    @classmethod
    def guessed(cls, name: str, values: Sequence[object]) -> Self:
        """As many bytes as the longest text has, or nineteen of twenty where it is much longer; n-grams, of long texts
        words alone, and beside them the best vectors that are installed."""
        lengths = [len(normalized(as_text(value)).encode()) for value in values]
        bytes_ = int(fitting_length(lengths, 32, LONGEST))
        # A short text has up to four different n-grams a byte; in a long one most come again.
        tokens = min(4 * bytes_, 3 * bytes_ // 2 + 512, LONGEST)
        tower = best_installed(("sentence_bag", "static_embedding_bag")) or "embedding_bag"
        long = np.mean(lengths) > SHORT
        tokenizer = Tokenizer("ngrams", size=32_768, characters=False) if long else Tokenizer("ngrams")
        return cls(name, max_bytes=bytes_, tokens=tokens, tokenizer=tokenizer, tower=tower)

    @classmethod
    def to_stored(cls, value: Raw) -> bytes:
        """UTF-8."""
        value = joined(value) or "" if isinstance(value, Mapping) else value
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")

    @classmethod
    def from_stored(cls, data: bytes, origin: str) -> Raw:
        return data.decode("utf-8", "replace")

    def value_of(self, example: np.ndarray) -> Raw:
        return self.to_file(example)

    def explain(self, probe: Probe) -> InputExplanation:
        """Each word left out; where a word is a token of an embedding, integrated gradients from zeros too."""
        pieces, losses = self._without_words(probe)
        maps, gap, at = {"occlusion": losses}, None, probe.embedding
        if at is not None:
            x, ids = probe.at(at)
            assert ids is not None
            if pieces and int((ids > 0).sum()) == len(pieces):
                shares, gap = probe.integrated_gradients(at, x, np.zeros_like(x), ids)
                maps["integrated_gradients"] = shares[: len(pieces)].sum(axis=-1)
        caption = "what each word says for the answer (blue) and against it (orange)"
        return InputExplanation(self.kind, maps, caption, pieces, gap, tokens="pieces")

    def _without_words(self, probe: Probe) -> tuple[list[str], np.ndarray]:
        """The first words of the text, and the logit lost without each."""
        text = probe.value.decode("utf-8", "replace") if isinstance(probe.value, bytes) else str(probe.value)
        spans = [match.span() for match in re.finditer(r"\S+", text)][:MOST_WORDS]
        if not spans:
            return [], np.zeros(0)
        variants = np.stack([self.decode((text[:a] + text[b:]).strip()) for a, b in spans])
        return [text[a:b] for a, b in spans], probe.lost(variants)

    def mixed(self, own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
        from mmzoo.modalities.text.mixing import words_of_both

        return words_of_both(own, other, share)

    def rebuilding(self) -> Tokens:
        return Tokens(self)

    def vectorizer(self) -> TfIdf:
        """TF-IDF of the whole text."""
        return TfIdf()

    def sequence(self, x: Tensor, width: int) -> Tensor:
        """Tokens in an embedding that trains from scratch."""
        from mmzoo.modalities.text.sequence import embedded

        return embedded(x, self, width)

    @classmethod
    def is_described(cls, about: InputDescription) -> bool:
        return is_described(about)

    @classmethod
    def client(cls, about: InputDescription) -> Callable[[Raw], np.ndarray]:
        return decoder(about)
