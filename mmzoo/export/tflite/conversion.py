"""A model as .tflite files of builtin operations: exact, or smaller and nearly so."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError, require
from mmzoo.export.tflite.eight_bits import quantized
from mmzoo.export.tflite.flatbuffer import deduplicated, restored
from mmzoo.export.tflite.lookups import with_lookups
from mmzoo.files import write_file

if TYPE_CHECKING:
    import keras

    from mmzoo.data.records import Records
    from mmzoo.graph.build import Multimodal
    from mmzoo.spec import Spec

CALIBRATION = 200
SIGNATURES = "signatures.json"
"""Beside a SavedModel, the names of those of its signatures that are converted, where it is not the default one."""
SECONDS = 1800


def convert(
    model: Multimodal, variants: Sequence[str], training: Records | None = None
) -> dict[str, bytes | MMZooError]:
    """The .tflite of each variant, or why there is none, for one example at a time; signature `serving_default`.

    Inputs: images uint8 (1, S, S, 3), texts as UTF-8 bytes uint8 (1, max_bytes), sounds
    float32 (1, N), `present` uint8 (1, M), 0 or 1. Outputs: each task's prediction, float32.

    Args:
        training: `Records` by which "int8" learns the ranges of the activations.
    """
    from mmzoo.export.serving import Serving
    from mmzoo.export.tflite.measure import as_tensors

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # By way of a SavedModel: made from a concrete function, the file silently lacks the weights.
        Serving(model, batch=1).save(folder / "model", "serve_tensors")
        if "int8" in variants:
            require(training, "The variant 'int8' needs training records to see the ranges of the activations.")
            np.savez(folder / "examples.npz", **as_tensors(calibration(model.spec, training)))  # type: ignore[arg-type]
        (folder / "exact.json").write_text(json.dumps(exact_layers(model)))
        return apart(folder, variants)


def calibration(spec: Spec, training: Records) -> dict[str, np.ndarray]:
    """The first training records, every other one without one of its modalities, so that absence has its range too."""
    from mmzoo.data.records import decode

    inputs = decode(spec, training.take(CALIBRATION))
    present = inputs["present"]
    for row in range(1, len(present), 2):
        dropped = row // 2 % present.shape[1]
        if present[row].sum() > 1:
            present[row, dropped] = False
    return inputs


def exact_layers(model: keras.Model) -> list[str]:
    """The layers that stay in float32, as they say themselves: a spectrum spans more than 8 bits hold."""
    return [layer.name for layer in model._flatten_layers() if getattr(layer, "in_float32", False)]


def inside(layers: Sequence[str]) -> str:
    """A pattern that finds the name of an output where it comes from one of the layers."""
    return "|".join(rf"(?:^|[/;]){re.escape(name)}(?:_\d+)?/" for name in layers) or "$^"


def apart(folder: Path, variants: Sequence[str]) -> dict[str, bytes | MMZooError]:
    """The variants, made by a process of their own, by another one from where it crashed: that is not the end of us.

    Args:
        folder: with `model`, and what else a variant needs; or with such folders, of which "words/fp32" is a variant.
    """
    made: dict[str, bytes | MMZooError] = {}
    while left := [variant for variant in variants if variant not in made]:
        command = [sys.executable, "-m", __name__, str(folder), *left]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS * len(left))
            how = f"crashed ({ending(done.returncode, done.stderr)})"
        except subprocess.TimeoutExpired:
            how = f"was not done within {SECONDS * len(left) // 60} minutes"
        for variant in left:
            data, refusal = folder / f"{variant}.tflite", folder / f"{variant}.txt"
            if data.exists():
                made[variant] = data.read_bytes()
            elif refusal.exists():
                made[variant] = MMZooError(refusal.read_text("utf-8"))
            else:
                made[variant] = MMZooError(
                    f"TensorFlow's converter {how} on the variant '{variant}'; leave it out, or choose another tower "
                    "(a recurrent one cannot be quantized to int8)."
                )
                break
    return made


def ending(code: int, said: bytes) -> str:
    """How a process ended, in words: by which signal, or the last line that it has said."""
    if code < 0:
        return signal.Signals(-code).name
    last = said.decode(errors="replace").strip().rpartition("\n")[2][:200]
    return last or f"exit code {code}"


def converted(folder: str, variant: str = "fp32") -> bytes:
    """The .tflite of a SavedModel's default signature, "fp32", "fp16" or "dynamic".

    Raises:
        MMZooError: an operation is not a builtin of TFLite; names it.
    """
    import tensorflow as tf

    converter = converter_of(folder)
    if variant != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter raises bare exceptions
        names = sorted(set(re.findall(r"tf\.([A-Z]\w+)", str(error))))
        culprit = f"operation {', '.join(names[:3])}" if names else " ".join(str(error).split())[:200]
        raise MMZooError(
            f"The model cannot become a .tflite of builtin operations ({variant}) because of {culprit}; "
            "choose another tower or fusion for the part that needs it, or export a SavedModel."
        ) from error


@lru_cache(maxsize=1)
def exactly(folder: str) -> bytes:
    """The "fp32" of a SavedModel, with which most other variants begin: converted once."""
    return converted(folder)


def converter_of(folder: str) -> Untyped:
    import tensorflow as tf

    named = Path(folder).parent / SIGNATURES
    keys = json.loads(named.read_text()) if named.exists() else ["serving_default"]
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=keys)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter


def in_four_bits(data: bytes, exact: Sequence[str]) -> bytes:
    """The "int4" of a float32 .tflite: dense weights in 4 bits by channel, kernels of convolutions in 8.

    An embedding's table has 4 bits too, by row. The layers `exact` stay as they are.

    Raises:
        MMZooError: ai-edge-quantizer is not installed.
    """
    try:
        from ai_edge_quantizer import algorithm_manager, qtyping, quantizer
    except ImportError as error:
        raise MMZooError(
            "The variant 'int4' needs the package ai-edge-quantizer; pip install 'mmzoo[edge]'."
        ) from error
    kinds, ways = qtyping.TFLOperationName, algorithm_manager.AlgorithmName
    made = quantizer.Quantizer(bytearray(with_lookups(data)))
    for kind in (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D):
        made.add_weight_only_config(".*", kind, 8)
    # OCTAV clips where the error is least (Sakr et al. 2022, arXiv:2206.06501).
    made.add_weight_only_config(".*", kinds.FULLY_CONNECTED, 4, algorithm_key=ways.OCTAV)
    # Not weights only: that would turn the whole table into float32 before one row is looked up.
    made.add_dynamic_config(".*", kinds.EMBEDDING_LOOKUP, 4)
    made.update_quantization_recipe(f".*(?:{inside(exact)}).*", kinds.ALL_SUPPORTED, algorithm_key=ways.NO_QUANTIZE)
    return bytes(made.quantize().quantized_model)


def main(folder: Path, variants: Sequence[str]) -> None:
    """What the process of its own does: folder/model to folder/VARIANT.tflite, or VARIANT.txt that says why not."""
    for variant in variants:
        place, _, name = variant.rpartition("/")
        try:
            exact = json.loads((folder / place / "exact.json").read_text())
            write_file(folder / f"{variant}.tflite", deduplicated(variant_of(folder / place, name, exact)))
        except MMZooError as error:
            write_file(folder / f"{variant}.txt", str(error).encode())


def variant_of(folder: Path, variant: str, exact: Sequence[str]) -> bytes:
    """One variant of folder/model."""
    model = str(folder / "model")
    if variant == "int4":
        return in_four_bits(exactly(model), exact)
    if variant == "int8":
        return quantized(converter_of(model), exactly(model), dict(np.load(folder / "examples.npz")), inside(exact))
    if variant == "fp32":
        return exactly(model)
    data = converted(model, variant)
    return restored(data, exactly(model), inside(exact)) if variant == "dynamic" and exact else data


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
