"""A model as one .tflite of builtin operations."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from mmzoo.errors import MMZooError
from mmzoo.export.serving import Serving


def convert(model: keras.Model) -> bytes:
    """The .tflite of `model` for one example at a time; signature `serving_default`.

    Inputs: images uint8 (1, S, S, 3), texts as UTF-8 bytes uint8 (1, max_bytes), sounds
    float32 (1, N), `present` bool (1, M). Outputs: each task's finished answer.

    Raises:
        MMZooError: an operation is not a builtin of TFLite; names it.
    """
    with tempfile.TemporaryDirectory() as folder:
        # By way of a SavedModel: made from a concrete function, the file silently lacks the weights.
        Serving(model, batch=1).save(Path(folder), "serve_tensors")
        return converted(folder)


def converted(folder: str) -> bytes:
    """The .tflite of a SavedModel's default signature."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter raises bare exceptions
        names = sorted(set(re.findall(r"tf\.([A-Z]\w+)", str(error))))
        culprit = f"operation {', '.join(names[:3])}" if names else " ".join(str(error).split())[:200]
        raise MMZooError(
            f"The model cannot become a .tflite of builtin operations because of {culprit}; "
            "choose another tower or fusion for the part that needs it, or export a SavedModel."
        ) from error
