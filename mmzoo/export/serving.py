"""A model with everything before and after it, as a SavedModel that needs TensorFlow alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from mmzoo.aliases import Shape, Tensor
from mmzoo.spec import Spec

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal
    from mmzoo.modalities.base import Modality


class Serving:
    """The signatures of an exported model.

    `serving_default`: arrays. Images uint8 (B, S, S, 3), texts as strings (B,),
    sounds float32 (B, any), `present` bool (B, M).
    `serve_bytes`: files as strings (B,): JPEG or PNG, UTF-8, WAV; "" where a modality is absent. Only
    where every input has a kind of file that TensorFlow's graph can read.
    `serve_tensors`: what the model itself takes, texts as uint8 (B, max_bytes), but `present` as uint8: browsers
    have no other small number. The one TFLite is made of.
    """

    def __init__(self, model: Multimodal, batch: int | None = None) -> None:
        self.model, self.batch = model, batch
        self.spec: Spec = model.spec
        # The signatures share one traced graph of the model.
        self.call: Callable[[dict[str, Tensor]], dict[str, Tensor]] = tf.function(self.predictions)

    @property
    def signatures(self) -> list[str]:
        """The signatures that this model can have."""
        files = ["serve_bytes"] if all(item.has_files for item in self.spec.inputs) else []
        return ["serving_default", *files, "serve_tensors"]

    def save(self, folder: Path, *signatures: str) -> None:
        """Write a SavedModel with the given signatures, the first of them the default."""
        items = self.spec.inputs
        present = {"present": tf.TensorSpec((self.batch, len(items)), tf.bool, "present")}
        flags = {"present": tf.TensorSpec((self.batch, len(items)), tf.uint8, "present")}

        def specs(shapes: dict[str, tuple[Shape, str]]) -> dict[str, tf.TensorSpec]:
            return {name: tf.TensorSpec((self.batch, *shape), dtype, name) for name, (shape, dtype) in shapes.items()}

        made = {
            "serving_default": (self.arrays, specs({i.name: i.array_spec for i in items}) | present),
            "serve_bytes": (self.files, specs({i.name: ((), "string") for i in items})),
            "serve_tensors": (self.tensors, specs({i.name: (i.shape, i.dtype) for i in items}) | flags),
        }
        # Not by keras.export.ExportArchive: it tracks Keras' variables beside the TensorFlow variables that they
        # wrap, and each of the two is written.
        tracked = tf.Module()
        tracked.kept = [variable.value for variable in self.model.variables]
        traced = {}
        for name in signatures:
            function, signature = made[name]
            traced[name] = tf.function(function, input_signature=[signature], autograph=False).get_concrete_function()
        traced.setdefault("serving_default", traced[signatures[0]])
        tf.saved_model.save(tracked, str(folder), signatures=traced)

    def predictions(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Each task's prediction: probabilities (B, labels), numbers (B, targets); and its uncertainty (B, 1)."""
        outputs = self.model(inputs, training=False)
        answers = {name: answer for task in self.spec.tasks for name, answer in task.answers(outputs).items()}
        uncertainties = {task.uncertainty_name: task.uncertainty(outputs[task.name]) for task in self.spec.tasks}
        return {
            **answers,
            **{name: uncertainty for name, uncertainty in uncertainties.items() if uncertainty is not None},
        }

    def tensors(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Answers to the model's own tensors, `present` as 0 and 1."""
        return self.call({**inputs, "present": tf.cast(inputs["present"], tf.bool)})

    def arrays(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Answers to arrays."""
        tensors = {item.name: item.from_array(inputs[item.name]) for item in self.spec.inputs}
        return self.call({**tensors, "present": inputs["present"]})

    def files(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Answers to encoded files; what is empty is absent."""

        def tensor(item: Modality) -> Tensor:
            kind = tf.as_dtype(item.dtype)

            def one(data: Tensor) -> Tensor:
                return tf.cond(tf.equal(data, ""), lambda: tf.zeros(item.shape, kind), lambda: item.from_file(data))

            return tf.map_fn(one, inputs[item.name], fn_output_signature=tf.TensorSpec(item.shape, kind))

        present = tf.stack([tf.not_equal(inputs[item.name], "") for item in self.spec.inputs], axis=1)
        return self.call({**{item.name: tensor(item) for item in self.spec.inputs}, "present": present})
