"""A model with everything before and after it, as a SavedModel that needs TensorFlow alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mmzoo.modalities import Modality
from mmzoo.modalities.image import decode_graph
from mmzoo.spec import Spec


def answers(model: keras.Model, inputs: dict[str, Any]) -> dict[str, Any]:
    """Each task's finished answer: probabilities (B, labels), numbers (B, targets)."""
    outputs = model(inputs, training=False)
    return {task.name: task.finish(outputs[task.name]) for task in model.spec.tasks}


def fit_length(wave: Any, length: int) -> Any:
    """Sound (B, any) cut or padded with zeros to (B, length)."""
    wave = wave[:, :length]
    padded = tf.pad(wave, [[0, 0], [0, length - tf.shape(wave)[1]]])
    return tf.ensure_shape(padded, (None, length))


def from_strings(texts: Any, max_bytes: int) -> Any:
    """Strings (B,) to their first bytes, uint8 (B, max_bytes)."""
    cut = tf.strings.substr(texts, 0, max_bytes)
    return tf.ensure_shape(tf.io.decode_raw(cut, tf.uint8, fixed_length=max_bytes), (None, max_bytes))


def wav_to_wave(data: Any, item: Any) -> Any:
    """A WAV file of 16-bit samples at the model's rate, a scalar string, to float32 (N,)."""
    wave, rate = tf.audio.decode_wav(data)
    right = f"input '{item.name}' must be a WAV file with {item.sample_rate} samples a second"
    with tf.control_dependencies([tf.debugging.assert_equal(rate, item.sample_rate, right)]):
        mono = tf.reduce_mean(wave, axis=1)
    return fit_length(mono[None], item.shape[0])[0]


class Serving:
    """The signatures of an exported model.

    `serving_default`: arrays. Images uint8 (B, S, S, 3), texts as strings (B,),
    sounds float32 (B, any), `present` bool (B, M).
    `serve_bytes`: files as strings (B,): JPEG or PNG, UTF-8, WAV; "" where a modality is absent.
    `serve_tensors`: what the model itself takes, texts as uint8 (B, max_bytes); the one TFLite is made of.
    """

    def __init__(self, model: keras.Model, batch: int | None = None) -> None:
        self.model, self.batch = model, batch
        self.spec: Spec = model.spec
        # The signatures share one traced graph of the model.
        self.call = tf.function(lambda inputs: answers(model, inputs))

    def save(self, folder: Path, *signatures: str) -> None:
        """Write a SavedModel with the given signatures, the first of them the default."""
        present = {"present": tf.TensorSpec((self.batch, len(self.spec.inputs)), tf.bool, "present")}
        made = {
            "serving_default": (self.arrays, self.specs(self.array_spec) | present),
            "serve_bytes": (self.encoded, self.specs(self.file_spec)),
            "serve_tensors": (self.call, self.specs(self.tensor_spec) | present),
        }
        archive = keras.export.ExportArchive()
        archive.track(self.model)
        for name in signatures:
            function, specs = made[name]
            archive.add_endpoint(name, function, input_signature=[specs])
        archive.write_out(str(folder), verbose=False)

    def specs(self, make: Any) -> dict[str, tf.TensorSpec]:
        return {item.name: make(item) for item in self.spec.inputs}

    def array_spec(self, item: Modality) -> tf.TensorSpec:
        if item.kind == "audio":
            return tf.TensorSpec((self.batch, None), tf.float32, item.name)
        return self.file_spec(item) if item.kind == "text" else self.tensor_spec(item)

    def file_spec(self, item: Modality) -> tf.TensorSpec:
        return tf.TensorSpec((self.batch,), tf.string, item.name)

    def tensor_spec(self, item: Modality) -> tf.TensorSpec:
        return tf.TensorSpec((self.batch, *item.shape), item.dtype, item.name)

    def arrays(self, inputs: dict[str, Any]) -> dict[str, Any]:
        def tensor(item: Any) -> Any:
            value = inputs[item.name]
            if item.kind == "text":
                return from_strings(value, item.max_bytes)
            return fit_length(value, item.shape[0]) if item.kind == "audio" else value

        return self.call({item.name: tensor(item) for item in self.spec.inputs} | {"present": inputs["present"]})

    def encoded(self, inputs: dict[str, Any]) -> dict[str, Any]:
        def tensor(item: Any) -> Any:
            data = inputs[item.name]
            if item.kind == "text":
                return from_strings(data, item.max_bytes)
            read = (lambda b: decode_graph(b, item.size)) if item.kind == "image" else (lambda b: wav_to_wave(b, item))
            kind = tf.as_dtype(item.dtype)

            def one(b: Any) -> Any:
                return tf.cond(tf.equal(b, ""), lambda: tf.zeros(item.shape, kind), lambda: read(b))

            return tf.map_fn(one, data, fn_output_signature=tf.TensorSpec(item.shape, kind))

        present = tf.stack([tf.not_equal(inputs[item.name], "") for item in self.spec.inputs], axis=1)
        return self.call({item.name: tensor(item) for item in self.spec.inputs} | {"present": present})
