"""More than one answer to one record: what a model draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from mmzoo.aliases import Raw, Tensor, Tree, Untyped
from mmzoo.errors import check_number, require
from mmzoo.graph.parts import kept_on
from mmzoo.inference.asked import asked_task
from mmzoo.inference.predict import inputs_of
from mmzoo.inference.running import BATCH
from mmzoo.layers.drawing import Drawing, drawn
from mmzoo.names import PRESENT
from mmzoo.spec import Spec
from mmzoo.tasks.question import Readable
from mmzoo.tasks.reconstruction import Reconstruction, rebuilds

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

MOST = 10_000  # answers to one record


def generate(
    model: Multimodal, record: Mapping[str, Raw], *, count: int = 16, seed: int = 0, task: str = ""
) -> list[Readable]:
    """What a model draws for one record: pictures uint8 (side, side, 3), spectrograms, series or rows.

    Args:
        record: any subset of the inputs by name.
        count: how many.
        seed: another one gives others.
        task: of several that rebuild, the name of one; the first, if not given.

    Raises:
        MMZooError: the model draws nothing, has no such input, one cannot be decoded, or none says anything.
    """
    check_number("The count", count, 1, MOST, whole=True)
    check_number("The seed", seed, 0, 2**32 - 1, whole=True)
    spec: Spec = model.spec
    asked = rebuilding_task(spec, task)
    require(
        layers_that_draw(model),
        f"The model gives one answer to a record and draws no others; train one with noise, "
        f"mmzoo.Reconstruction('{asked.column}', noise=64) with the method 'gan', or with the fusion 'variational'.",
    )
    inputs = inputs_of(spec, record)
    copies = keras.tree.map_structure(lambda x: np.repeat(x, count, axis=0), inputs)
    outputs = draw(model, copies, seed)
    readable = [name for name in spec.input_names if all(each.withholds != name for each in spec.tasks)]
    require(
        outputs[PRESENT][0].any(),
        f"There is nothing in the record to draw from; give one that has something in {' or '.join(readable)}.",
    )
    return [asked.readable(answer) for answer in np.asarray(asked.to_predictions(outputs[asked.name]))]


def rebuilding_task(spec: Spec, name: str = "") -> Reconstruction:
    """The task of a spec that rebuilds an input.

    Raises:
        MMZooError: there is none.
    """
    none = (
        "The model makes no pictures, sounds or rows, since none of its tasks is a mmzoo.Reconstruction; ask it for "
        "its answers (mmzoo predict)."
    )
    found = asked_task(spec, name, rebuilds, what="task that rebuilds an input", none=none)
    assert rebuilds(found)
    return found


def layers_that_draw(model: keras.Model) -> Sequence[Drawing]:
    """The layers of a model that draw in training."""
    return [layer for layer in model.layers if isinstance(layer, Drawing)]


def draw(model: keras.Model, inputs: dict[str, Tree], seed: int) -> dict[str, np.ndarray]:
    """The outputs of a model that draws for each of its examples, and what is really there, as `PRESENT`.

    Args:
        inputs: what the model takes, (B, ...).
    """
    widths = {layer.name: layer.width for layer in layers_that_draw(model)}
    call = kept_on(model, "drawing", lambda: _compiled(model, widths))
    generator, parts = np.random.default_rng(seed), []
    for start in range(0, len(inputs["present"]), BATCH):
        batch = keras.tree.map_structure(lambda x, s=start: tf.constant(x[s : s + BATCH]), inputs)
        rows = len(batch["present"])
        numbers = {
            name: tf.constant(generator.standard_normal((rows, width), np.float32)) for name, width in widths.items()
        }
        parts.append({name: each.numpy() for name, each in call(batch, numbers).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _compiled(model: keras.Model, widths: dict[str, int]) -> Untyped:
    """From examples and what is drawn to the outputs, as one graph."""
    whole = model.parts.cut(model.input, {**model.output, PRESENT: model.parts.present})
    signature = keras.tree.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), model.input)
    numbers = {name: tf.TensorSpec((None, width), tf.float32) for name, width in widths.items()}

    def call(inputs: dict[str, Tree], normals: dict[str, Tensor]) -> Tree:
        with drawn(normals):
            return whole(inputs, training=False)

    return tf.function(call, input_signature=[signature, numbers], autograph=False)
