"""Files of TFLite's builtin operations, exact or smaller; how they are made says `mmzoo.export.tflite.conversion`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mmzoo.errors import MMZooError, require
from mmzoo.export.formats import formats
from mmzoo.export.formats.base import INDEX, Format, Job, Variant
from mmzoo.export.rows import Figures, Row
from mmzoo.files import read_file, write_file
from mmzoo.files.folders import discard
from mmzoo.messages.words import json_bytes

if TYPE_CHECKING:
    from mmzoo.export.formats.base import Arrays
    from mmzoo.spec import Spec


@formats.register("tflite")
class TFLite(Format):
    """A .tflite for a phone or a small computer, asked by LiteRT."""

    variants: ClassVar = {
        "fp32": Variant("float32, as trained", difference=1e-5),
        "fp16": Variant("weights in 16 bits, arithmetic in float32"),
        "dynamic": Variant("weights in 8 bits, activations as they come"),
        "int8": Variant(
            "the products of convolutions and dense layers in 8 bits, by ranges seen on training records",
            calibrated=True,
        ),
        "int4": Variant(
            "weights of dense layers and embeddings in 4 bits, of convolutions in 8, arithmetic in float32"
        ),
    }
    choice = True
    suffix = ".tflite"
    examples = 1000

    def write(self, job: Job, wanted: Sequence[str]) -> Iterator[tuple[str, Path | MMZooError]]:
        from mmzoo.export.tflite.conversion import convert
        from mmzoo.export.tflite.embedded import attach

        for variant, data in convert(job.model, wanted, job.training).items():
            path = job.folder / ("model.tflite" if variant == "fp32" else f"model_{variant}.tflite")
            discard(path)
            found: Path | MMZooError = path
            try:
                if isinstance(data, MMZooError):
                    raise data
                write_file(path, attach(data, {"variant": variant, **job.about}))
            except MMZooError as error:
                found = error
            yield variant, found
        write_file(job.folder / "model.json", json_bytes(job.about))

    def complete(self, job: Job, chosen: Row) -> None:
        """Of a model that gives vectors: an encoder of each input, and the index as one file. Of one that writes: a
        writer of each such task."""
        from mmzoo.export.tflite.encoders import has_vectors, write_encoders
        from mmzoo.index.single import write_single
        from mmzoo.index.store import Store

        if any(task.tags.stepwise for task in job.model.spec.tasks):
            from mmzoo.export.tflite.writers import write_writers

            chosen["writers"] = write_writers(job)
        require(
            job.index is None or has_vectors(job),
            "An index goes with a model that gives vectors; leave --index out, or train a mmzoo.Retrieval.",
        )
        if has_vectors(job):
            chosen["encoders"] = write_encoders(job, chosen["variant"])
        if job.index is not None:
            write_single(Store(job.index), job.seal, job.folder / INDEX)

    def run(self, variant: str, path: Path, spec: Spec, inputs: Arrays) -> tuple[Arrays, Figures]:
        from mmzoo.export.tflite.measure import measure
        from mmzoo.export.tflite.operations import operations

        answers, figures = measure(path, inputs)
        ops = Counter(name for name, _ in operations(read_file(path, links=False)))
        return answers, {**figures, "ops": dict(sorted(ops.items()))}

    def in_turns(self, paths: Sequence[Path], inputs: Arrays) -> list[Figures]:
        from mmzoo.export.tflite.measure import in_turns

        return in_turns(paths, inputs)
