"""A text that is chosen among those that training has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.errors import as_tuple, check_number, require
from mmzoo.tasks import tasks
from mmzoo.tasks.common.written import ALIKE, Written
from mmzoo.tasks.question import Question
from mmzoo.tokenizers import tokenizers

if TYPE_CHECKING:
    from mmzoo.tokens import Fused

MOST = 4096
"""Of landmarks, and of choices."""
BETA = 2.0
"""How much more a token counts that is lacking than one that is too much, as in chrF2 (Popovic 2015)."""


@tasks.register("text_choice", label="text")
@dataclass(frozen=True)
class TextChoice(Written):
    """The text of the training records that fits an example best: nothing is written that nobody has written.

    Where texts are too few to learn a language from, a `TextAnswer` says less than the text of a similar record does
    (Devlin et al. 2015, "Exploring nearest neighbor approaches for image captioning", arXiv:1505.04467); and where
    answers come again and again, they are classes (Teney et al. 2018, "Tips and tricks for visual question answering",
    arXiv:1708.02711).

    What a text is worth for an example is how alike it is to the right one, and that is learned by kernel ridge
    regression: in closed form, before the first step, from how near the example is to training records (the landmarks).
    The kernel is Gaussian, of the mean of the tokens that an input's tower gives; those of the inputs are multiplied,
    so that one decides what of the other counts. So it wants towers that know something before training: pretrained
    ones. What the head of the fused embedding learns by gradients is added. The answer is the text that is
    worth most, and has in place of a log-probability the logarithm of that, 0 where it is surely right.

    Args:
        tokens, tokenizer, vocabulary, references, lowercase: as of `TextAnswer`; by tokens texts are compared.
        choices: the texts; `Spec.fit` finds them in the training labels, the commonest where there are more than 4,096.
        landmarks: training records; `Spec.fit` makes them as many as have a text, if these are fewer.
        dropout: of the fused embedding, in training.
    """

    choices: Sequence[str] = field(default=(), kw_only=True, repr=False)
    landmarks: int = field(default=2000, kw_only=True)
    dropout: float = field(default=0.5, kw_only=True)
    kind: ClassVar[str] = "text_choice"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The landmarks of task '{self.name}'", self.landmarks, 1, MOST, whole=True)
        check_number(f"The dropout of task '{self.name}'", self.dropout, 0, 0.95)
        choices = as_tuple(f"The choices of task '{self.name}'", self.choices)
        object.__setattr__(self, "choices", choices)
        require(
            len(choices) <= MOST and all(isinstance(each, str) for each in choices),
            f"The choices of task '{self.name}' must be strings, {MOST:,} at most.",
        )

    # What it is.

    @property
    def summary(self) -> str:
        return f"{self.kind}: one of {len(self.choices):,} texts"

    def matches(self, other: Question) -> bool:
        return super().matches(other) and getattr(other, "choices", None) == self.choices

    # What it learns from.

    @property
    def unfitted(self) -> bool:
        return not (self.vocabulary and self.choices)

    def fit(self, labels: np.ndarray) -> Self:
        """The task with the vocabulary and the texts of the training labels, the commonest first."""
        task = super().fit(labels)
        answers = [texts for (texts,) in labels if texts]
        found: dict[bytes, str] = {}
        for text, _ in Counter(text for texts in answers for text in texts).most_common():
            if (ids := task.ids_of(text)).any():
                found.setdefault(ids.tobytes(), text)
        if len(found) > MOST:
            print(f"Task '{task.name}' chooses among the commonest {MOST:,} of {len(found):,} texts.")
        choices = [*found.values()][:MOST]
        return replace(task, choices=choices, landmarks=min(task.landmarks, len(answers)))

    def ids_of(self, text: str) -> np.ndarray:
        """Of a text, int32 (tokens,), zeros behind its end."""
        ids = tokenizers[self._tokenizer[0]].encoder(self.vocabulary)(text)[: self.tokens]
        return np.pad(np.asarray(ids, np.int32), (0, self.tokens - len(ids)))

    @property
    def table(self) -> np.ndarray:
        """The ids of the choices, int32 (C, tokens)."""
        return np.stack([self.ids_of(text) for text in self.choices])

    def alike(self, ids: Tensor) -> Tensor:
        """How alike texts, int32 (B, tokens), and the choices are, float32 (B, C) from 0 to 1.

        The F-score of the tokens that both have, the rarer ones counting more (inverse document frequency), and those
        that a choice lacks counting more than those that it has too much.
        """
        from keras import ops

        size = len(self.vocabulary) + 1
        has = np.zeros((len(self.choices), size), np.float32)
        np.put_along_axis(has, self.table, 1.0, axis=1)
        has[:, 0] = 0.0
        rarity = np.log1p(len(has) / np.maximum(has.sum(axis=0), 1.0)).astype(np.float32)
        wanted = ops.max(ops.one_hot(ids, size, dtype="float32"), axis=1) * rarity * (np.arange(size) > 0)
        both = ops.matmul(wanted, has.T)
        whole = (has @ rarity)[None] + BETA**2 * ops.sum(wanted, axis=1, keepdims=True)
        return (1.0 + BETA**2) * both / ops.maximum(whole, 1e-6)

    # How it answers.

    def check_fitted(self) -> None:
        super().check_fitted()
        require(self.choices, f"Task '{self.name}' has no choices yet; call spec.fit(records).")

    def alone(self, inputs: Sequence[str], decided: bool) -> Sequence[str]:
        require(
            not decided,
            f"Task '{self.name}' chooses a text by what is fused too, and this fusion joins answers; choose a fusion "
            "of features.",
        )
        return inputs

    def head(self, fused: Fused, name: str) -> Tensor:
        """Of one input, how far it is from each landmark, and how far nothing is, float32 (B, 2, landmarks).

        Of what is fused, what is added to what the choices are worth, float32 (B, choices): zeros at first.
        """
        from mmzoo.layers import head
        from mmzoo.layers.text_chooser import Apart

        self.check_fitted()
        if fused.tower is None:
            return head(len(self.choices), name, 0.0, self.dropout)(fused.embedding)
        return Apart(self.landmarks, name=f"{name}.apart")(fused.tower)

    def completed(
        self, fused: Tensor | None, single: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The answer itself, float32 (B, tokens + 1); see `mmzoo.layers.text_chooser.TextChooser`."""
        from keras import ops

        from mmzoo.layers.text_chooser import TextChooser

        apart: Any = 0.0
        for name, each in single.items():
            apart = apart + ops.where(present[name][:, None], each[:, 0], each[:, 1])
        near = ops.exp(-0.5 * apart)
        return TextChooser(self.table, name=f"{self.name}.chooser")(near, fused), {}, {}

    def difference(self, answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """How much more or less the text is worth, (N, 1); 1 where another is chosen.

        Of two texts that are worth the same either is right.
        """
        off = np.abs(np.exp(answers[:, -1:]) - np.exp(wanted[:, -1:]))
        other = (answers[:, :-1] != wanted[:, :-1]).any(axis=1, keepdims=True)
        return np.asarray(np.where(other & (off > ALIKE), 1.0, off))

    def loss_of_tokens(self, ids: Tensor, log_probs: Tensor) -> Tensor:
        """The squared error (B,) of what the choices are worth.

        Args:
            log_probs: that, float32 (B, C).
        """
        from keras import ops

        return ops.sum(ops.square(self.alike(ids) - log_probs), axis=1)
