"""A text read off a sequence of frames, each of which says a token or none."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.tokens import far_below

BLANK = 0
"""What a frame says that says no token; and what pads an answer behind its end."""
IMPOSSIBLE = 1e6
"""A loss beyond it is that of a text for which there are too few frames."""


@keras.saving.register_keras_serializable("mmzoo")
class FrameReader(keras.layers.Layer):
    """Frames, and which of them are real -> the ids of what they say, and the log-probability of that.

    Values (B, T, any), real bool (B, T) -> float32 (B, tokens + 1): of the likeliest token of each frame those that
    follow one another as one, and without blanks; zeros behind the end, and in the last place the sum of the frames'
    log-probabilities. What trains it is `ctc_loss` of `taught`.

    Args:
        vocabulary: ids, `BLANK` among them.
        tokens: of an answer, at most; what is longer is cut.
    """

    def __init__(self, vocabulary: int, tokens: int, *, dropout: float = 0.1, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary, self.tokens, self.rate = vocabulary, tokens, dropout
        self.dropout = keras.layers.Dropout(dropout, dtype="float32", name="dropout")
        self.logits = keras.layers.Dense(vocabulary, dtype="float32", name="logits")

    def get_config(self) -> dict[str, object]:
        own = {"vocabulary": self.vocabulary, "tokens": self.tokens, "dropout": self.rate}
        return {**super().get_config(), **own}

    def build(self, values_shape: Shape, real_shape: Shape) -> None:
        self.logits.build(values_shape)

    def compute_output_spec(self, values: Tensor, real: Tensor, training: object = None) -> Tensor:
        return keras.KerasTensor((values.shape[0], self.tokens + 1), "float32")

    def taught(self, values: Tensor, real: Tensor, ids: Tensor, training: bool = False) -> Tensor:
        """`log_probs`, which do not depend on the ids of right answers."""
        return self.log_probs(values, real, training)

    def log_probs(self, values: Tensor, real: Tensor, training: bool) -> Tensor:
        """Of what each frame says, float32 (B, T, vocabulary); one that is not real says nothing for sure."""
        found = ops.log_softmax(self.logits(self.dropout(values, training=training)))
        nothing = ops.cast(ops.arange(self.vocabulary) == BLANK, "float32")
        return ops.where(real[..., None], found, (1.0 - nothing) * far_below(found))

    def call(self, values: Tensor, real: Tensor, training: bool | None = None) -> Tensor:
        log_probs = self.log_probs(values, real, bool(training))
        best = ops.max(log_probs, axis=-1, keepdims=True)
        # Keras's argmax looks at the sign of zeros by an operation that TFLite has no builtin of.
        ids = ops.where(log_probs >= best, ops.arange(self.vocabulary, dtype="int32"), self.vocabulary)
        said = ops.min(ids, axis=-1)
        before = ops.pad(said[:, :-1], ((0, 0), (1, 0)), constant_values=BLANK)
        new = ops.logical_and(said != BLANK, said != before)
        place = ops.cumsum(ops.cast(new, "int32"), axis=1) - 1
        at = ops.logical_and(place[:, None] == ops.arange(self.tokens, dtype="int32")[None, :, None], new[:, None])
        ids = ops.sum(ops.where(at, said[:, None], ops.zeros((), "int32")), axis=2)
        total = ops.sum(best, axis=1)
        return ops.concatenate([ops.cast(ids, "float32"), total], axis=1)


def ctc_loss(ids: Tensor, log_probs: Tensor) -> Tensor:
    """Minus the log-probability (B,) of texts, whichever frames say which token, by the number of their tokens.

    Graves et al. 2006, "Connectionist Temporal Classification" (ICML), equations 6 to 8. A text that the frames are too
    few for, as where there is no sound, has no loss.

    Args:
        ids: int32 (B, tokens), zeros behind their ends.
        log_probs: float32 (B, T, vocabulary), see `FrameReader.taught`.
    """
    never = far_below(log_probs)
    blanks = ops.zeros_like(ids)
    # What a path is in: before a token, at it, between it and the next, and behind the last.
    states = ops.reshape(ops.stack([blanks, ids], axis=2), (-1, 2 * ids.shape[1]))
    states = ops.concatenate([states, blanks[:, :1]], axis=1)
    said = ops.einsum("btv,bsv->tbs", log_probs, ops.one_hot(states, log_probs.shape[-1]))
    skips = ops.logical_and(states != BLANK, states != later(states, 2, BLANK))

    def step(reached: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        skipped = ops.where(skips, later(reached, 2, never), never)
        found = ops.logsumexp(ops.stack([reached, later(reached, 1, never), skipped]), axis=0) + frame
        return found, found

    places = ops.arange(states.shape[1], dtype="int32")[None]
    reached, _ = ops.scan(step, ops.where(places < 2, said[0], never), said[1:])
    count = ops.sum(ops.cast(ids != BLANK, "int32"), axis=1)
    last = ops.logical_or(places == 2 * count[:, None], places == 2 * count[:, None] - 1)
    found = -ops.logsumexp(ops.where(last, reached, never), axis=1)
    return ops.where(found < IMPOSSIBLE, found, 0.0) / ops.cast(ops.maximum(count, 1), "float32")


def later(values: Tensor, places: int, first: float) -> Tensor:
    """(B, S) moved on by so many places, `first` in those that become free."""
    return ops.pad(values[:, :-places], ((0, 0), (places, 0)), constant_values=first)
