"""An exported model with NumPy and ai-edge-litert alone: neither TensorFlow nor Keras is imported.

>>> model = mmzoo.lite.Model("model.tflite")
>>> model.predict({"image": "cat.png", "name": "grinning cat"})
{'group': {'animals': 0.93, ...}}

Pictures in files need Pillow, sounds in files soundfile, a trained tokenizer the package tokenizers; arrays need none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.export.embedded import read
from mmzoo.export.measure import interpreter
from mmzoo.files import read_file
from mmzoo.index.query import asked_for, combined
from mmzoo.index.single import read_single
from mmzoo.index.vectors import Found
from mmzoo.modalities import modalities
from mmzoo.modalities.described import following

MAX_MEMORY = 2**33  # bytes of all tensors of a model together


class File:
    """A .tflite that `mmzoo export` wrote; what it takes and answers stands in `about`.

    The description in the file is held against a closed schema, the tensors against what it says and a limit. But what
    a .tflite computes is a program: LiteRT checks how a file is put together, not what its operations do with memory
    and time. Run a file of a stranger in a process of its own, with limits.

    Args:
        path: the file.
        threads: of the interpreter.

    Raises:
        MMZooError: the file is not one, is damaged, or LiteRT cannot run it.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        try:
            data = read_file(path)
        except OSError as error:
            raise MMZooError(f"The model '{path}' cannot be read ({error.strerror}); check the path.") from None
        self.about = read(data, f"The model '{path}'")
        self.inputs = {about["name"]: Input(about) for about in self.about["inputs"] if about["name"] != "present"}
        self.path = path
        with self._running():
            self._interpreter = interpreter()(model_content=data, num_threads=threads)
            check_memory(f"The model '{path}'", self._interpreter)
            self._run = self._interpreter.get_signature_runner("serving_default")
            self._check_signature()

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Inside, an error of LiteRT is one sentence."""
        try:
            yield
        except MMZooError:
            raise
        except Exception as error:  # its errors have no class in common
            reason = " ".join(str(error).split())[:200]
            raise MMZooError(f"LiteRT cannot run '{self.path}' ({reason}); update ai-edge-litert.") from error

    def _check_signature(self) -> None:
        """Raise unless the model takes and answers what its description says."""
        wrong = f"The model '{self.path}' does not take or answer what its description says; export it again."
        taken = {name: (tuple(it["shape"]), it["dtype"]) for name, it in self._run.get_input_details().items()}
        wanted = {it["name"]: (tuple(it["shape"]), np.dtype(it["dtype"]).type) for it in self.about["inputs"]}
        require(taken == wanted, wrong)
        answers = self._run.get_output_details()
        for task in self.about["outputs"]:
            shape = tuple(answers[task["name"]]["shape"]) if task["name"] in answers else ()
            require(len(shape) == 2 and shape[0] == 1 and len(task["labels"]) in (0, shape[1]), wrong)
            require(task.get("dim", shape[1]) == shape[1], wrong)


class Model(File):
    """A model in a .tflite, asked for answers.

    >>> model = mmzoo.lite.Model("model.tflite")
    """

    def predict(self, record: dict[str, Any]) -> dict[str, Any]:
        """The answer to one record: any subset of the inputs by name; None is absent too.

        Returns, by task, `{label: probability}` or a list of numbers.

        Raises:
            MMZooError: there is no such input, none is given, or one cannot be read.
        """
        whole = "model" not in self.about
        require(whole, f"'{self.path}' is an encoder, which gives vectors; open it by lite.Encoder.")
        names = ", ".join(self.inputs)
        for name in record:
            require(name in self.inputs, f"The model has no input '{name}'; it has: {names}.")
        given = {name: value for name, value in record.items() if value is not None}
        require(given, f"Give at least one of the inputs: {names}.")
        tensors = {
            name: each.decode(given[name])[None] if name in given else np.zeros((1, *each.shape), each.dtype)
            for name, each in self.inputs.items()
        }
        with self._running():
            answers = self._run(**tensors, present=np.array([[name in given for name in self.inputs]], np.uint8))
        found: dict[str, Any] = {}
        for task in self.about["outputs"]:
            numbers = [float(number) for number in answers[task["name"]][0]]
            found[task["name"]] = dict(zip(task["labels"], numbers, strict=True)) if task["labels"] else numbers
        return found


class Encoder(File):
    """One input of a model in a .tflite, which gives its vector.

    >>> encoder = mmzoo.lite.Encoder("encoders/image.tflite")
    >>> encoder.embed("cat.png").shape
    (128,)
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        super().__init__(path, threads)
        require("model" in self.about, f"'{path}' is a whole model and no encoder; give one of export/encoders/.")
        (self.input,) = self.inputs.values()

    def embed(self, value: Raw) -> np.ndarray:
        """The vector of a value, float32 (dim,) of length 1; NaN of one that says nothing, such as a silent sound.

        Raises:
            MMZooError: it cannot be read.
        """
        with self._running():
            found = np.array(self._run(**{self.input.name: self.input.decode(value)[None]})["vector"][0], np.float32)
        return found if found.any() else np.full_like(found, np.nan)


class Index:
    """An index in one file, searched by the encoders beside it: `mmzoo export RUN --index INDEX` writes both.

    >>> index = mmzoo.lite.Index("index.safetensors", "encoders")
    >>> index.search({"text": "a dog in the snow"}, k=5)[0].id

    Args:
        path: the file.
        encoders: the folder of the encoders, <input>.tflite each; those that are there can be asked by.

    Raises:
        MMZooError: the file is no index, or the encoders are of another model.
    """

    def __init__(self, path: str | Path, encoders: str | Path, threads: int = 1) -> None:
        self.about, self.vectors = read_single(path)
        there = {name: Path(encoders) / f"{name}.tflite" for name in self.about["inputs"]}
        self.encoders = {name: Encoder(file, threads) for name, file in there.items() if file.exists()}
        require(self.encoders, f"There is no encoder in '{encoders}' for '{path}'; export them together.")
        for encoder in self.encoders.values():
            same = encoder.about["model"] == self.about["model"] and encoder.about["outputs"][0]["dim"] == self.dim
            require(same, f"'{encoder.path}' and '{path}' are of different models; export them together.")

    @property
    def dim(self) -> int:
        """Numbers a vector."""
        return int(self.about["dim"])

    def search(
        self,
        query: dict[str, Any],
        k: int = 10,
        *,
        weights: dict[str, float] | None = None,
        among: Sequence[str] | None = None,
    ) -> list[Found]:
        """The records nearest to a query, as `mmzoo.Index.search` finds them."""
        given = asked_for(query, [*self.encoders], self.about["inputs"])
        vectors = {name: self.encoders[name].embed(value) for name, value in given.items()}
        ((scores, rows),) = self.vectors.nearest(combined(vectors, weights, self.dim)[None], k, among)
        return [self.vectors.found(*each) for each in zip(scores.tolist(), rows.tolist(), strict=True)]


class Input:
    """One input as the file describes it, and how anything a user has becomes its tensor."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.name, self.kind, self.dtype = about["name"], about["kind"], about["dtype"]
        self.shape = tuple(about["shape"][1:])

    def decode(self, value: Raw) -> np.ndarray:
        """`value` as the tensor (*shape): just as `mmzoo.predict` would, but for how a JPEG is decoded."""
        try:
            return np.asarray(self._decoder(value))
        except ImportError as error:
            raise MMZooError(
                f"Input '{self.name}' needs the package '{error.name}' to read this; "
                f"pip install {error.name}, or give an array."
            ) from error

    @cached_property
    def _decoder(self) -> Callable[[Any], np.ndarray]:
        """What its kind decodes with: nothing but NumPy is needed to make it."""
        with following(self.name):
            return modalities[self.kind].client(self.about)


def check_memory(origin: str, model: Any) -> None:
    """Raise if the tensors of a LiteRT interpreter, for which no memory was taken yet, are larger than any model's."""
    total = 0
    for graph in range(model.num_subgraphs()):
        for tensor in model.get_tensor_details(graph):
            total += math.prod(map(int, tensor["shape"])) * np.dtype(tensor["dtype"]).itemsize
            require(
                total <= MAX_MEMORY and all(side >= 0 for side in tensor["shape"]),
                f"{origin} has tensors of more than {MAX_MEMORY // 2**30} GB; export a smaller one.",
            )
