"""A folder for TensorFlow, which takes arrays, and files where its graph can read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mmzoo.aliases import Tensor
from mmzoo.errors import MMZooError
from mmzoo.export.formats import formats
from mmzoo.export.formats.base import Format, Job, Variant, examples, one_by_one
from mmzoo.export.rows import Figures
from mmzoo.files.folders import replacing
from mmzoo.messages.words import one_line

if TYPE_CHECKING:
    from mmzoo.export.formats.base import Arrays
    from mmzoo.spec import Spec

WRITTEN = re.compile(
    r"saved_model\.pb|fingerprint\.pb|assets|variables(/variables\.(index|data-[0-9]{5}-of-[0-9]{5}))?"
)
"""What TensorFlow writes into export/saved_model."""
SIGNATURES = {"saved_model": "serving_default", "saved_model_bytes": "serve_bytes"}


@formats.register("saved_model")
class SavedModel(Format):
    """A SavedModel for a server, which takes arrays or files."""

    variants: ClassVar = {
        "saved_model": Variant("asked with arrays", difference=1e-5),
        "saved_model_bytes": Variant("asked with files: JPEG or PNG, UTF-8, WAV", difference=1e-5),
    }

    def write(self, job: Job, wanted: Sequence[str]) -> Iterator[tuple[str, Path | MMZooError]]:
        import tensorflow as tf

        from mmzoo.export.serving import Serving

        target = job.folder / "saved_model"
        serving = Serving(job.model)
        with replacing(target, WRITTEN.fullmatch) as new:
            try:
                serving.save(new, *serving.signatures)
            except tf.errors.OpError as error:  # what TensorFlow makes of a full disk
                raise MMZooError(
                    f"'{target}' could not be written ({one_line(error)[:200]}); free some space or choose another "
                    "folder."
                ) from error
        for variant in wanted:
            if SIGNATURES[variant] in serving.signatures:
                yield variant, target

    def run(self, variant: str, path: Path, spec: Spec, inputs: Arrays) -> tuple[Arrays, Figures]:
        import tensorflow as tf

        signature = tf.saved_model.load(str(path)).signatures[SIGNATURES[variant]]

        def ask(example: dict[str, Tensor]) -> dict[str, Tensor]:
            if variant == "saved_model":
                given = as_arrays(spec, example)
            else:
                given = {name: [data] for name, data in as_files(spec, example).items()}
            return dict(signature(**{name: tf.constant(value) for name, value in given.items()}))

        return one_by_one(ask, inputs)

    def asked(self, variant: str, spec: Spec, inputs: Arrays) -> Arrays:
        """Sound in a file has 16 bits: the model is asked about what the file holds, not about what was rounded."""
        if variant == "saved_model":
            return inputs
        from mmzoo.data.records import Records, decode

        files = [as_files(spec, example) for example in examples(inputs)]
        return decode(spec, Records({item.name: [file[item.name] or None for file in files] for item in spec.inputs}))


def as_arrays(spec: Spec, example: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the signature `serving_default` takes: texts as strings."""
    texts = {i.name: [i.to_file(example[i.name][0])] for i in spec.inputs if i.array_spec[1] == "string"}
    return {**example, **texts}


def as_files(spec: Spec, example: dict[str, Tensor]) -> dict[str, bytes]:
    """What the signature `serve_bytes` takes: a file each, or b"" for what is absent."""
    here = example["present"][0]
    return {item.name: item.to_file(example[item.name][0]) * bool(here[k]) for k, item in enumerate(spec.inputs)}
