"""Teacher forcing: while it trains, a decoder is given the right answer up to each token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
from keras import ops

from mmzoo.aliases import Tensor, Tree
from mmzoo.graph.parts import writer_of
from mmzoo.layers import entry
from mmzoo.names import given_input, taught_output
from mmzoo.tasks.common.written import writes

if TYPE_CHECKING:
    from mmzoo.graph.parts import Parts
    from mmzoo.spec import Spec


class Taught(keras.layers.Layer):
    """The loss of right answers under teacher forcing: what a writer asks, and int32 (B, R * W) -> float32 (B, 1).

    Args:
        teach: its `taught`; the writer stays the model's own layer, where its weights are.
        loss: from ids (B, T) and log-probabilities (B, T, V) to (B,).
        tokens: of the W numbers of a right answer so many are its ids; of several right answers the mean counts.
        width: W.
    """

    def __init__(
        self,
        teach: Callable[..., Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
        tokens: int,
        width: int,
        **kwargs: object,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.teach, self.loss, self.tokens, self.width = teach, loss, tokens, width

    def compute_output_spec(self, first: Tensor, *_: object, **__: object) -> Tensor:
        return keras.KerasTensor((first.shape[0], 1), "float32")

    def call(self, *asked_and_ids: Tensor, training: bool | None = None) -> Tensor:
        *asked, ids = asked_and_ids
        several = ids.shape[1] // self.width
        ids = ops.reshape(ids, (-1, self.width))[:, : self.tokens]
        asked = [ops.repeat(each, several, axis=0) if several > 1 else each for each in asked]
        losses = ops.reshape(self.loss(ids, self.teach(*asked, ids, training=bool(training))), (-1, several))
        given = ops.cast(ops.reshape(ids[:, 0] > 0, (-1, several)), "float32")
        given = ops.concatenate([ops.ones_like(given[:, :1]), given[:, 1:]], axis=1)  # finite where none is known
        return ops.sum(losses * given, axis=1, keepdims=True) / ops.sum(given, axis=1, keepdims=True)


def teaching(spec: Spec, parts: Parts) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the model takes and puts out beside its own while it trains, by name: the right texts, and their losses."""
    inputs, outputs = {}, {}
    for task in spec.tasks:
        if not writes(task):
            continue
        writer = writer_of(parts, task.name)
        ids = entry(task.missing_label.shape, "int32", given_input(task.name))
        name = f"{task.name}.taught"
        layer = Taught(writer.taught, task.loss_of_tokens, writer.tokens, task.label_width, name=name)
        inputs[given_input(task.name)] = ids
        outputs[taught_output(task.name)] = layer(*parts.arguments(writer), ids)
    return inputs, outputs


def with_given(spec: Spec, inputs: dict[str, Tree], labels: Tree) -> dict[str, Tree]:
    """What a feed gives with the right texts, which a model that `teaching` was added to takes."""
    texts = [task.name for task in spec.tasks if task.tags.texts]
    return {**inputs, **{given_input(name): labels[name] for name in texts}} if texts else inputs
