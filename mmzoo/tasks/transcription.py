"""A text read off the frames of one input, such as what is said in a sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

from mmzoo.aliases import Tensor
from mmzoo.errors import check_number, require, unknown
from mmzoo.tasks import tasks
from mmzoo.tasks.common.written import Written

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality
    from mmzoo.tokens import Fused


@tasks.register("transcription", label="text")
@dataclass(frozen=True)
class Transcription(Written):
    """What is said in a sound, read off its tower's tokens before they are fused: each says one of the text, or none.

    The loss is that of connectionist temporal classification (CTC; Graves et al. 2006), which asks for no alignment.
    It reads on in time, and writes nothing that is not heard; `TextAnswer`, which writes of all that is present, may
    turn the order around and make things up. The tower must give one token at least for each of the text: "whisper" has
    50 a second. The answer is what the likeliest tokens say together, found in the graph of every export.

    Args:
        input: whose tokens are read; may be left out where one input of the spec is a sound.
        tokens: of an answer at most; longer labels are cut, and counted.
        tokenizer: that is trained on the answers and can put a text together again: "bpe", "sentencepiece", or in
            words "wordpiece", "words".
        vocabulary: of the tokenizer; `Spec.fit` learns it from the training labels.
        references: right answers that a record may have; with 0 `Spec.fit` counts them.
        lowercase: are capitals made small?
        dropout: of the tower's tokens, in training.
    """

    input: str = field(default="", kw_only=True)
    dropout: float = field(default=0.1, kw_only=True)
    kind: ClassVar[str] = "transcription"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(isinstance(self.input, str), f"The input of task '{self.name}' must be a name, not {self.input!r}.")
        check_number(f"The dropout of task '{self.name}'", self.dropout, 0, 0.95)

    # What it is.

    def of_inputs(self, inputs: Sequence[Modality]) -> Self:
        if self.input:
            if self.input not in [item.name for item in inputs]:
                raise unknown(f"input for task '{self.name}' called", self.input, [item.name for item in inputs])
            return self
        sounds = [item.name for item in inputs if item.kind == "audio"]
        require(
            len(sounds) == 1,
            f"Task '{self.name}' reads one input, and {len(sounds)} of the spec are sounds; name it: "
            f"mmzoo.Transcription('{self.name}', input=...).",
        )
        return replace(self, input=sounds[0])

    def left_with(self, inputs: Sequence[str]) -> Self | None:
        return self if self.input in inputs else None

    # How it answers.

    @property
    def fuses(self) -> bool:
        return False

    def alone(self, inputs: Sequence[str], decided: bool) -> Sequence[str]:
        return (self.input,)

    def head(self, fused: Fused, name: str) -> Tensor:
        """The answer itself, float32 (B, tokens + 1); see `mmzoo.layers.ctc.FrameReader`."""
        from mmzoo.layers.ctc import FrameReader

        self.check_fitted()
        assert fused.tokens is not None  # those of an input
        frames = int(fused.tokens.values.shape[1])
        require(
            frames >= self.tokens,
            f"Task '{self.name}' reads up to {self.tokens} tokens off the {frames} that the tower of input "
            f"'{self.input}' gives; set its 'tokens' to {frames} at most, or choose a tower that gives more, such as "
            "'whisper'.",
        )
        return FrameReader(len(self.vocabulary) + 1, self.tokens, dropout=self.dropout, name=f"{name}.reader")(
            *fused.tokens
        )

    def completed(
        self, fused: Tensor | None, single: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """What is read of the input; nothing where it is absent."""
        from keras import ops

        here = ops.cast(present[self.input], "float32")[:, None]
        return single[self.input] * here, {}, {}

    def loss_of_tokens(self, ids: Tensor, log_probs: Tensor) -> Tensor:
        from mmzoo.layers.ctc import ctc_loss

        return ctc_loss(ids, log_probs)
