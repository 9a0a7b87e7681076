"""Texts as answers: what they are learnt from, how they are told, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, TypeGuard

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.choice import Tokenizer
from mmzoo.decoding import WrittenText
from mmzoo.errors import DataError, as_tuple, check_number, require, require_data
from mmzoo.messages.truncation import note_truncation
from mmzoo.names import taught_output
from mmzoo.tasks.base import Task
from mmzoo.tasks.metrics.cider import cider
from mmzoo.tasks.metrics.text_scores import bleu, chrf, exact, rouge_l, word_errors
from mmzoo.tasks.question import Question
from mmzoo.tasks.tags import Tags
from mmzoo.tokenizers import tokenizers
from mmzoo.tokenizers.normalizing import normalized
from mmzoo.tokenizers.spelling import spelling

LONGEST = 512
LONGEST_LABEL = 4096  # bytes
MOST_REFERENCES = 16
ALIKE = 1e-4  # log-probabilities a token that are equal but for rounding


@dataclass(frozen=True)
class Written(Task):
    """A task whose answer is a text.

    An encoded label is int32 (references * (tokens + label_bytes),): of each right answer the ids, zeros behind its
    end, and the text itself in UTF-8, since ids do not tell words that the vocabulary lacks. An answer is float32
    (tokens + 1,): ids likewise, and the log-probability of the whole.

    Args:
        tokens: of an answer at most; longer labels are cut, and counted.
        tokenizer: that is trained on the answers and can put a text together again: "bpe", "sentencepiece", or in
            words "wordpiece", "words".
        vocabulary: of the tokenizer; `Spec.fit` learns it from the training labels.
        references: right answers that a record may have; with 0 `Spec.fit` counts them.
        lowercase: are capitals made small?
        label_bytes: of a right answer that are kept as they stand, to hold answers against; `Spec.fit` makes it twice
            the longest one. With 0 right answers are told by their ids.
    """

    tokens: int = 32
    tokenizer: Tokenizer | str = field(default="bpe", kw_only=True)
    vocabulary: Sequence[str] = field(default=(), kw_only=True, repr=False)
    references: int = field(default=0, kw_only=True)
    lowercase: bool = field(default=False, kw_only=True)
    label_bytes: int = field(default=0, kw_only=True, repr=False)
    primary_metric: ClassVar[str] = "chrf"
    metric_names: ClassVar[tuple[str, ...]] = ("chrf", "exact_match", "bleu", "rouge_l", "cider", "wer")
    metric_range: ClassVar[float] = 100.0
    score_name: ClassVar[str] = "chrf"
    score_words: ClassVar[str] = "chrF"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The tokens of task '{self.name}'", self.tokens, 2, LONGEST, whole=True)
        check_number(f"The references of task '{self.name}'", self.references, 0, MOST_REFERENCES, whole=True)
        check_number(f"The label_bytes of task '{self.name}'", self.label_bytes, 0, LONGEST_LABEL, whole=True)
        require(isinstance(self.lowercase, bool), f"The lowercase of task '{self.name}' must be true or false.")
        require(
            not self.auxiliary, f"Task '{self.name}' writes one answer of all that is present; leave out 'auxiliary'."
        )
        object.__setattr__(self, "tokenizer", Tokenizer.of(self.tokenizer))
        tokenizers.check_options(*self._tokenizer)
        spelling(self._tokenizer[0])
        vocabulary = as_tuple(f"The vocabulary of task '{self.name}'", self.vocabulary)
        object.__setattr__(self, "vocabulary", vocabulary)
        require(
            all(isinstance(entry, str) for entry in vocabulary),
            f"The vocabulary of task '{self.name}' must be strings.",
        )

    @property
    def _tokenizer(self) -> tuple[str, dict[str, object]]:
        assert isinstance(self.tokenizer, Tokenizer)
        return self.tokenizer.name, self.tokenizer.options

    # What it is.

    @property
    def tags(self) -> Tags:
        return Tags(texts=True)

    @property
    def units(self) -> int:
        return self.tokens + 1

    @property
    def summary(self) -> str:
        return f"{self.kind}: up to {self.tokens} tokens of {len(self.vocabulary)}"

    def matches(self, other: Question) -> bool:
        theirs = (getattr(other, "vocabulary", None), getattr(other, "tokenizer", None))
        return super().matches(other) and theirs == (self.vocabulary, self.tokenizer)

    def describe(self) -> dict[str, object]:
        text = {"tokenizer": self._tokenizer[0], "vocabulary": list(self.vocabulary), "tokens": self.tokens}
        return {**super().describe(), "text": text}

    # What it learns from.

    @property
    def label_width(self) -> int:
        """Numbers of one right answer in an encoded label: its ids, and the text itself."""
        return self.tokens + self.label_bytes

    def texts_of(self, value: Raw) -> list[str]:
        """The right answers of a label: a string, or a list of them, as they are read."""
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)) or not all(isinstance(each, str) for each in given):
            wrong = f"Task '{self.name}' needs a text, or a list of texts, not {value!r:.80}."
            raise DataError(wrong, "bad_label")
        texts = [text for each in given if (text := " ".join(normalized(each, self.lowercase).split()))]
        require_data(texts, "empty_answer", f"The answer of task '{self.name}' has no words; give one, or none at all.")
        return texts

    def encode(self, value: Raw) -> np.ndarray:
        """A text, or a list of those that are right, as int32 (references * (tokens + label_bytes),).

        Without a vocabulary the texts themselves, in an array (1,), which `fit` learns from.
        """
        texts = self.texts_of(value)
        if not self.vocabulary:
            whole = np.empty(1, object)
            whole[0] = texts
            return whole
        made, _ = self._tokenizer
        encoder = tokenizers[made].encoder(self.vocabulary)
        found = np.zeros((max(self.references, 1), self.label_width), np.int32)
        for row, text in zip(found, texts, strict=False):
            ids, kept = encoder(text), text.encode()[: self.label_bytes]
            if len(ids) > self.tokens:
                note_truncation(self.name, len(ids), self.tokens, "tokens", "tokens", LONGEST)
            row[: min(len(ids), self.tokens)] = ids[: self.tokens]
            row[self.tokens : self.tokens + len(kept)] = np.frombuffer(kept, np.uint8)
        if not found[0, 0]:
            raise DataError(f"The answer of task '{self.name}' has no token of its vocabulary.", "empty_answer")
        return found.reshape(-1)

    @property
    def missing_label(self) -> np.ndarray:
        if not self.vocabulary:
            return np.full(1, None, object)
        return np.zeros(max(self.references, 1) * self.label_width, np.int32)

    def label_ids(self, labels: np.ndarray) -> np.ndarray:
        """The ids of encoded labels, (N, references, tokens)."""
        return labels.reshape(len(labels), -1, self.label_width)[:, :, : self.tokens]

    def known(self, labels: Tensor) -> Tensor:
        return labels[:, 0] > 0

    @property
    def unfitted(self) -> bool:
        return not self.vocabulary

    def fit(self, labels: np.ndarray) -> Self:
        """The task with the vocabulary of the training labels, and as many references as one of them has."""
        answers = [texts for (texts,) in labels if texts]
        require(answers, f"No record has a label for task '{self.name}', so no words can be learnt; give some.")
        name, options = self._tokenizer
        vocabulary = tokenizers[name](**options).train(text for texts in answers for text in texts)
        most = min(max(len(texts) for texts in answers), MOST_REFERENCES)
        longest = max(len(text.encode()) for texts in answers for text in texts)
        return replace(
            self,
            vocabulary=vocabulary,
            references=self.references or most,
            label_bytes=self.label_bytes or min(2 * longest, LONGEST_LABEL),
        )

    # How it answers.

    def check_fitted(self) -> None:
        """Raise unless there is a vocabulary."""
        require(self.vocabulary, f"Task '{self.name}' has no vocabulary yet; call spec.fit(records).")

    @property
    def loss_output(self) -> str:
        return taught_output(self.name)

    def loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        """What `loss_output` has of each example, (B,): the loss is computed beside what writes."""
        return logits[:, 0]

    def loss_of_tokens(self, ids: Tensor, log_probs: Tensor) -> Tensor:
        """The loss (B,) of right answers.

        Args:
            ids: int32 (B, tokens), zeros behind their ends.
            log_probs: float32 (B, any, vocabulary + 1), what the task's layer gives where it is `taught`.
        """
        raise NotImplementedError

    def to_predictions(self, logits: Tensor) -> Tensor:
        return logits

    def to_logits(self, predictions: Tensor) -> Tensor:
        return predictions

    def difference(self, answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """How much less or more likely a token of the answer is on average, (N, 1); 1 where another text is written.

        Of two texts that are equally likely either is right.
        """
        off = np.abs(answers[:, -1:] - wanted[:, -1:]) / np.maximum((wanted[:, :-1] > 0).sum(axis=1, keepdims=True), 1)
        other = (answers[:, :-1] != wanted[:, :-1]).any(axis=1, keepdims=True)
        return np.asarray(np.where(other & (off > ALIKE), np.maximum(off, 1.0), off))

    # How its answers are told.

    def text(self, ids: np.ndarray) -> str:
        """The text of ids up to the first 0, or all."""
        numbers = [int(number) for number in ids]
        end = numbers.index(0) if 0 in numbers else len(numbers)
        return spelling(self._tokenizer[0])([self.vocabulary[number - 1] for number in numbers[:end]])

    def texts(self, predictions: np.ndarray) -> list[str]:
        """The text of each answer (N, tokens + 1)."""
        return [self.text(row[:-1]) for row in predictions]

    def right(self, labels: np.ndarray) -> list[list[str]]:
        """The right answers of encoded labels (N, any); without `label_bytes`, as far as they go into `tokens`."""
        rows = labels.reshape(len(labels), -1, self.label_width)
        return [[self.right_text(row) for row in several if row.any()] for several in rows]

    def right_text(self, label: np.ndarray) -> str:
        """One right answer, int32 (tokens + label_bytes,), as a text."""
        if not self.label_bytes:
            return self.text(label)
        kept = label[self.tokens :]
        return kept[kept > 0].astype(np.uint8).tobytes().decode(errors="ignore")

    def readable(self, prediction: np.ndarray) -> WrittenText:
        """`{"text": what is written, "log_prob": the logarithm of its probability}`."""
        return {"text": self.text(prediction[:-1]), "log_prob": float(prediction[-1])}

    def label_text(self, label: Tensor) -> str:
        return " / ".join(self.right(np.asarray(label)[None])[0])

    # How good they are.

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Means over the records, but for BLEU and WER, which are of all together.

        chrF and BLEU from 0 to 100, the share of exact matches, ROUGE-L from 0 to 1, CIDEr-D from 0 to 10, and the word
        error rate.
        """
        found, right = self.texts(predictions), self.right(labels)
        return {
            "chrf": float(chrf(found, right).mean()),
            "exact_match": float(exact(found, right).mean()),
            "bleu": bleu(found, right),
            "rouge_l": float(rouge_l(found, right).mean()),
            "cider": float(cider(found, right).mean()),
            "wer": word_errors(found, right),
        }

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """chrF of each."""
        return chrf(self.texts(predictions), self.right(labels))


def writes(task: Task) -> TypeGuard[Written]:
    """Are a task's answers texts, so that it has what the tasks of this file have?"""
    return task.tags.texts
