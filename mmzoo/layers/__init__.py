"""The layers that stand between the towers and the fusion in every model, and those of its heads."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from mmzoo.aliases import Shape, Tensor
from mmzoo.names import ENTRY
from mmzoo.tokens import Tokens, masked_max, masked_mean

HEAD_DROPOUT = 0.3


@keras.saving.register_keras_serializable("mmzoo")
class Entry(keras.layers.InputLayer):
    """Where an input enters a graph: the layer is called `<name>.input`, and its tensor as the input is.

    A layer that has the input's own name would meet one that Keras gives its name, for an input called `cast`.
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.output.name = self.name.removesuffix(ENTRY)


def entry(shape: Shape, dtype: str, name: str) -> Tensor:
    """`keras.Input` of that name, (B, *shape), for models that take dicts."""
    return Entry(batch_shape=(None, *shape), dtype=dtype, name=name + ENTRY).output


@keras.saving.register_keras_serializable("mmzoo")
class Gate(keras.layers.Layer):
    """Zeros in place of an absent modality's values: (B, ...), bool (B, M) -> (B, ...); uint8 becomes int32."""

    def __init__(self, index: int, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})  # a waveform must not be rounded before its log-mel
        self.index = index

    def call(self, x: Tensor, present: Tensor) -> Tensor:
        if x.dtype == "uint8":
            x = ops.cast(x, "int32")  # TFLite has no builtin that selects bytes
        here = ops.reshape(present[:, self.index], (-1,) + (1,) * (len(x.shape) - 1))
        # One zero, not `zeros_like(x)`, which would stand in a .tflite as an array as large as x.
        return ops.where(here, x, ops.zeros((), x.dtype))


@keras.saving.register_keras_serializable("mmzoo")
class Withheld(keras.layers.Layer):
    """What is present but for inputs that no tower may read: bool (B, M) -> bool (B, M).

    Args:
        kept: may each be read?
    """

    def __init__(self, kept: Sequence[bool], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.kept = list(kept)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "kept": self.kept}

    def call(self, present: Tensor) -> Tensor:
        return ops.logical_and(present, ops.convert_to_tensor([self.kept], "bool"))


@keras.saving.register_keras_serializable("mmzoo")
class IsPresent(keras.layers.Layer):
    """Is a modality really there? When `present` says so and at least one of its tokens is real.

    Mask bool (B, T), `present` bool (B, M) -> bool (B,). Whoever counts modalities asks these layers: a text without
    words and a silent sound are as absent as what was never given.
    """

    def __init__(self, index: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.index = index

    def call(self, mask: Tensor, present: Tensor) -> Tensor:
        return ops.logical_and(present[:, self.index], ops.any(mask, axis=1))


@keras.saving.register_keras_serializable("mmzoo")
class Presence(keras.layers.Layer):
    """A tower's tokens at the common width, or the modality's learned embedding where it is not here.

    `Tokens` (B, T, any), bool (B,) -> `Tokens` (B, T, dim).
    """

    def __init__(self, dim: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(dim, name="dense")
        self.norm = keras.layers.LayerNormalization(name="norm")

    def build(self, tokens_shape: tuple[Shape, Shape], here_shape: Shape) -> None:
        self.dense.build(tokens_shape[0])
        self.norm.build(self.dense.compute_output_shape(tokens_shape[0]))
        self.missing = self.add_weight(shape=(self.dense.units,), initializer="random_normal", name="missing")

    def compute_output_spec(self, tokens: Tokens, here: Tensor) -> Tokens:
        """Said, because Keras finds it out by tracing the layer, which is a quarter of building a model."""
        values, mask = tokens
        shape = (*values.shape[:2], self.dense.units)
        return Tokens(keras.KerasTensor(shape, self.compute_dtype), keras.KerasTensor(mask.shape, "bool"))

    def call(self, tokens: Tokens, here: Tensor) -> Tokens:
        values, mask = tokens
        first = ops.arange(mask.shape[1]) == 0
        values = ops.where(here[:, None, None], self.norm(self.dense(values)), self.missing)
        return Tokens(values, ops.where(here[:, None], mask, first[None]))


@keras.saving.register_keras_serializable("mmzoo")
class Scores(keras.layers.Layer):
    """A tower's tokens as they are, zeros where the modality is not here: what answers by itself has no other width.

    `Tokens` (B, T, D), bool (B,) -> `Tokens` (B, T, D).
    """

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, tokens: Tokens, here: Tensor) -> Tokens:
        values, mask = tokens
        first = ops.arange(mask.shape[1]) == 0
        return Tokens(ops.where(here[:, None, None], values, 0.0), ops.where(here[:, None], mask, first[None]))


@keras.saving.register_keras_serializable("mmzoo")
class Numbers(keras.layers.Layer):
    """Learned numbers that are the same for each example: anything (B, any) -> float32 (B, count).

    Args:
        initial: what they are before training.
    """

    def __init__(self, initial: Sequence[float], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.initial = [float(number) for number in initial]

    def build(self, shape: Shape) -> None:
        def first(shape: Shape, dtype: str) -> Tensor:
            return ops.convert_to_tensor(self.initial, dtype)

        self.values = self.add_weight(shape=(len(self.initial),), initializer=first, name="values")

    def call(self, x: Tensor) -> Tensor:
        return ops.zeros_like(ops.cast(x[:, :1], "float32")) + self.values[None]


def pooled(tokens: Tokens) -> Tensor:
    """One vector (B, 2 D) a modality: the mean and the maximum of its real tokens."""
    return ops.concatenate([masked_mean(tokens.values, tokens.mask), masked_max(tokens.values, tokens.mask)], axis=-1)


def stacked(tokens: dict[str, Tokens]) -> Tensor:
    """One vector a modality, side by side: (B, M, 2 D)."""
    return ops.stack([pooled(each) for each in tokens.values()], axis=1)


def head(units: int, name: str, scale: float = 1.0, dropout: float = HEAD_DROPOUT) -> keras.Sequential:
    """An embedding (B, D) to logits (B, units), in float32 whatever the towers compute in.

    Args:
        scale: of the first weights, as a factor on Glorot's; 0 for zeros.
    """
    first = keras.initializers.VarianceScaling(scale**2, mode="fan_avg", distribution="uniform") if scale else "zeros"
    return keras.Sequential(
        [
            keras.layers.Dropout(dropout, name=f"{name}.dropout"),
            keras.layers.Dense(units, dtype="float32", kernel_initializer=first, name=f"{name}.logits"),
        ],
        name=f"{name}.head",
    )
