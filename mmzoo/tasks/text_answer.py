"""A text: a caption, the answer to a question, a transcript, a translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from mmzoo.aliases import Tensor
from mmzoo.choice import Objective
from mmzoo.errors import check_number, require
from mmzoo.objectives import objectives
from mmzoo.tasks import tasks
from mmzoo.tasks.common.learned import Learned
from mmzoo.tasks.common.written import Written
from mmzoo.tasks.tags import Tags

if TYPE_CHECKING:
    from mmzoo.tokens import Fused

LONGEST = 512
MOST_REFERENCES = 16
ALIKE = 1e-4  # log-probabilities a token that are equal but for rounding
MOST_CACHED = 2**25  # numbers that all beams of an answer remember


@tasks.register("text_answer", label="text")
@dataclass(frozen=True)
class TextAnswer(Written, Learned):
    """A text, written token by token by a Transformer decoder that asks the tokens of what is present.

    So pictures are captioned, questions about them answered, sounds transcribed and texts translated, whatever the
    inputs are. The decoder asks the fused embedding, and the tokens that the fusion hands on, or else those of all
    towers. It learns by teacher forcing: each token from the right ones before it. Several right answers may be given;
    the loss is their mean, and the metrics count the nearest.

    Args:
        tokens: of an answer, its end among them; longer labels are cut, and counted.
        tokenizer: that is trained on the answers and can put a text together again: "bpe", "sentencepiece", or in
            words "wordpiece", "words".
        vocabulary: of the tokenizer; `Spec.fit` learns it from the training labels.
        objective: of each token, one that reads log-probabilities.
        smoothing: moves that share of a token's mass evenly to all (label smoothing).
        references: right answers that a record may have; with 0 `Spec.fit` counts them.
        lowercase: are capitals made small?
        width, blocks, heads, dropout: of the decoder.
        beams, length_penalty: of the search for an answer, see `mmzoo.decoding.Beam`; 1 is greedy.
    """

    objective: Objective | str = field(default="cross_entropy", kw_only=True)
    smoothing: float = field(default=0.1, kw_only=True)
    width: int = field(default=128, kw_only=True)
    blocks: int = field(default=2, kw_only=True)
    heads: int = field(default=4, kw_only=True)
    dropout: float = field(default=0.1, kw_only=True)
    beams: int = field(default=4, kw_only=True)
    length_penalty: float = field(default=0.6, kw_only=True)
    kind: ClassVar[str] = "text_answer"
    reads: ClassVar[tuple[str, ...]] = ("log_probs",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for what, low, high in (
            ("width", 8, 2048),
            ("blocks", 1, 24),
            ("heads", 1, 64),
            ("beams", 1, 64),
        ):
            check_number(f"The {what} of task '{self.name}'", getattr(self, what), low, high, whole=True)
        check_number(f"The smoothing of task '{self.name}'", self.smoothing, 0, 0.9)
        check_number(f"The dropout of task '{self.name}'", self.dropout, 0, 0.95)
        check_number(f"The length penalty of task '{self.name}'", self.length_penalty, 0, 10)
        require(
            self.beams * self.tokens * self.width * self.blocks <= MOST_CACHED,
            f"The beams of task '{self.name}' would remember too much; take fewer, fewer tokens or less width.",
        )
        require(self.width % self.heads == 0, f"The width of task '{self.name}' must be a multiple of its heads.")
        name, _ = self._chosen
        require(
            objectives.facts(name).get("needs") != "priors",
            f"Objective '{name}' needs the shares of the labels, which the tokens of a text have not; choose another.",
        )

    # What it is.

    @property
    def tags(self) -> Tags:
        return Tags(texts=True, stepwise=True)

    # How it answers.

    def alone(self, inputs: Sequence[str], decided: bool) -> Sequence[str]:
        require(
            not decided,
            f"Task '{self.name}' writes a text of what is fused, and this fusion joins answers; choose a fusion of "
            "features.",
        )
        return ()

    def head(self, fused: Fused, name: str) -> Tensor:
        """The answer itself, float32 (B, tokens + 1); see `mmzoo.layers.text_decoder.TextDecoder`."""
        from mmzoo.layers.text_decoder import TextDecoder

        self.check_fitted()
        assert fused.tokens is not None  # `build` hands on those of the towers where a fusion has none
        decoder = TextDecoder(
            len(self.vocabulary) + 1,
            self.tokens,
            width=self.width,
            blocks=self.blocks,
            heads=self.heads,
            dropout=self.dropout,
            beams=self.beams,
            length_penalty=self.length_penalty,
            name=f"{name}.decoder",
        )
        return decoder(fused.embedding, *fused.tokens)

    def loss_of_tokens(self, ids: Tensor, log_probs: Tensor) -> Tensor:
        """The mean loss (B,) over the tokens of answers and their ends.

        Args:
            ids: int32 (B, tokens).
            log_probs: float32 (B, tokens, vocabulary), of each token where those before it are right.
        """
        from keras import ops

        size = log_probs.shape[-1]
        targets = ops.one_hot(ids, size) * (1.0 - self.smoothing) + self.smoothing / size
        real = ops.cast(ids > 0, "float32")
        counted = ops.concatenate([ops.ones_like(real[:, :1]), real[:, :-1]], axis=1)  # the end is learned too
        return ops.sum(self.distance(targets, log_probs) * counted, axis=1) / ops.sum(counted, axis=1)
