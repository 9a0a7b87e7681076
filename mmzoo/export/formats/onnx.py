"""A model as an ONNX file for ONNX Runtime, converted by tf2onnx in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mmzoo.aliases import Tensor, Untyped
from mmzoo.errors import MMZooError
from mmzoo.export.formats import formats
from mmzoo.export.formats.base import Format, Job, Variant, one_by_one
from mmzoo.export.rows import Figures
from mmzoo.files import write_file
from mmzoo.files.folders import discard

if TYPE_CHECKING:
    from mmzoo.export.formats.base import Arrays, ClientFacts
    from mmzoo.graph.build import Multimodal
    from mmzoo.spec import Spec

OPSET = 17
ENTRY = "mmzoo.json"
"""The key of the file's metadata under which a client finds what it must know."""


@formats.register("onnx", needs=("tf2onnx", "onnx", "onnxruntime"), install="mmzoo[onnx]")
class Onnx(Format):
    """An .onnx for ONNX Runtime, for any number of records at once."""

    variants: ClassVar = {"onnx": Variant("float32, as trained, asked on one thread", difference=1e-5)}

    def write(self, job: Job, wanted: Sequence[str]) -> Iterator[tuple[str, Path | MMZooError]]:
        path = job.folder / "model.onnx"
        discard(path)
        write_file(path, convert(job.model, job.about))
        yield "onnx", path

    def run(self, variant: str, path: Path, spec: Spec, inputs: Arrays) -> tuple[Arrays, Figures]:
        return one_by_one(runner(path), inputs)


def convert(model: Multimodal, about: ClientFacts) -> bytes:
    """The file: inputs and outputs as those of a .tflite, but for any number of records.

    Raises:
        MMZooError: an operation has no counterpart in ONNX; names it.
    """
    from mmzoo.export.serving import Serving

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Serving(model).save(folder / "model", "serve_tensors")
        (folder / "about.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")
        command = [sys.executable, "-m", __name__, name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        out = folder / "model.onnx"
        if done.returncode or not out.exists():
            text = done.stdout + done.stderr
            names = sorted(set(re.findall(r"Tensorflow op \[(.*?)\] is not supported", text)))
            last = (done.stderr.strip().splitlines() or ["no message"])[-1][:200]
            why = f"of operation {', '.join(names[:3])}" if names else f"tf2onnx ended with: {last}"
            raise MMZooError(
                f"The model cannot become ONNX because {why}; choose another tower or fusion for the part that needs "
                "it, or export a .tflite or a SavedModel."
            )
        return out.read_bytes()


def runner(path: Path, threads: int = 1) -> Callable[[Arrays], Arrays]:
    """A function from a batch of what the model takes to its answers, by ONNX Runtime.

    Raises:
        MMZooError: it cannot load the file.
    """
    import onnxruntime

    from mmzoo.export.tflite.measure import as_tensors

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no class in common
        reason = " ".join(str(error).split())[-200:]
        raise MMZooError(
            f"ONNX Runtime cannot load what tf2onnx made ({reason}); choose another tower, or export a .tflite."
        ) from error
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, as_tensors(inputs)), strict=True))


def main(folder: Path) -> int:
    """What the process of its own does: folder/model to folder/model.onnx."""
    import numpy as np
    import onnx
    import tensorflow as tf
    import tf2onnx
    from tf2onnx.onnx_opset.controlflow import Select

    def erfc(context: Untyped, node: Untyped, name: str, args: object) -> None:
        """tf2onnx does not know it: `1 - erf(x)`."""
        (shape,), (kind,) = node.output_shapes, node.output_dtypes
        one = context.make_const(tf2onnx.utils.make_name("one"), np.array(1, np.float32)).output[0]
        inner = context.make_node("Erf", node.input).output[0]
        context.remove_node(node.name)
        context.make_node("Sub", [one, inner], name=name, outputs=node.output, shapes=[shape], dtypes=[kind])

    def select(context: Untyped, node: Untyped, name: str, args: object) -> None:
        """tf2onnx makes `c * x + (1 - c) * y` of it, where NaN in what is not chosen gets through."""
        if context.get_dtype(node.output[0]) == onnx.TensorProto.FLOAT:
            node.type = "Where"
        else:
            Select.version_9(context, node)

    loaded = tf.saved_model.load(str(folder / "model"))  # its variables live as long as it does
    served = loaded.signatures["serving_default"]
    _, keywords = served.structured_input_signature
    signature = [keywords[name] for name in sorted(keywords)]

    @tf.function(input_signature=signature)
    def answers(*tensors: object) -> dict[str, Tensor]:
        found: dict[str, Tensor] = served(**dict(zip(sorted(keywords), tensors, strict=True)))
        return found

    handlers: dict[str, tuple[Callable[..., None], list[str]]] = {"Erfc": (erfc, []), "SelectV2": (select, [])}
    made, _ = tf2onnx.convert.from_function(
        answers, signature, opset=OPSET, custom_op_handlers=handlers, large_model=False
    )
    made.metadata_props.add(key=ENTRY, value=(folder / "about.json").read_text("utf-8"))
    onnx.checker.check_model(made)
    onnx.save(made, str(folder / "model.onnx"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
