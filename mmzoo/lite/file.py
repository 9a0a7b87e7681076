"""A .tflite that is opened with NumPy and ai-edge-litert alone: what it takes, and that it is what it says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw, Untyped
from mmzoo.errors import MMZooError, require
from mmzoo.export.tflite.embedded import opened
from mmzoo.export.tflite.measure import interpreter
from mmzoo.modalities import modalities
from mmzoo.modalities.described import InputDescription, following

MAX_MEMORY = 2**33  # bytes of all tensors of a model together


class File:
    """A .tflite that `mmzoo export` wrote; what it takes and answers stands in `about`.

    The file is mapped and not copied, where the system can: it is not to be changed in place while it is used (mmzoo
    export replaces files).

    The description in the file is held against a closed schema, the tensors against what it says and a limit. But what
    a .tflite computes is a program: LiteRT checks how a file is put together, not what its operations do with memory
    and time. Run a file of a stranger in a process of its own, with limits.

    Args:
        path: the file.
        threads: of the interpreter.

    Raises:
        MMZooError: the file is not one, is damaged, or LiteRT cannot run it.
    """

    signature = "serving_default"

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        with opened(path) as (self.about, model):
            self.inputs = {about["name"]: Input(about) for about in self.about["inputs"] if about["name"] != "present"}
            self.path = path
            self._check_kind()
            with self._running():
                self._interpreter = interpreter()(**model, num_threads=threads)
        with self._running():
            check_memory(f"The model '{path}'", self._interpreter)
            self._run = self._interpreter.get_signature_runner(self.signature)
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

    def _check_kind(self) -> None:
        """Raise unless it is a file of the kind that this class opens."""

    def _check_signature(self) -> None:
        """Raise unless the model takes and answers what its description says."""
        wrong = f"The model '{self.path}' does not take or answer what its description says; export it again."
        taken = {name: (tuple(it["shape"]), it["dtype"]) for name, it in self._run.get_input_details().items()}
        wanted = {it["name"]: (tuple(it["shape"]), np.dtype(it["dtype"]).type) for it in self.about["inputs"]}
        require(taken == wanted, wrong)
        self._check_answers(wrong)

    def _check_answers(self, wrong: str) -> None:
        """Raise that sentence unless the model answers what its description says."""
        answers = self._run.get_output_details()
        for task in self.about["outputs"]:
            shape = tuple(answers[task["name"]]["shape"]) if task["name"] in answers else ()
            require(len(shape) == 2 and shape[0] == 1 and len(task["labels"]) in (0, shape[1]), wrong)
            require(task.get("dim", shape[1]) == shape[1], wrong)
            require("text" not in task or task["text"]["tokens"] + 1 == shape[1], wrong)

    def _tensors(self, record: Mapping[str, Raw]) -> dict[str, np.ndarray]:
        """A record as what the whole model takes: any subset of the inputs by name; None is absent too."""
        names = ", ".join(self.inputs)
        for name in record:
            require(name in self.inputs, f"The model has no input '{name}'; it has: {names}.")
        given = {name: value for name, value in record.items() if value is not None}
        require(given, f"Give at least one of the inputs: {names}.")
        tensors = {
            name: each.decode(given[name])[None] if name in given else np.zeros((1, *each.shape), each.dtype)
            for name, each in self.inputs.items()
        }
        return {**tensors, "present": np.array([[name in given for name in self.inputs]], np.uint8)}


class Input:
    """One input as the file describes it, and how anything a user has becomes its tensor."""

    def __init__(self, about: InputDescription) -> None:
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
    def _decoder(self) -> Callable[[Raw], np.ndarray]:
        """What its kind decodes with: nothing but NumPy is needed to make it."""
        with following(self.name):
            return modalities[self.kind].client(self.about)


def check_memory(origin: str, model: Untyped) -> None:
    """Raise if the tensors of a LiteRT interpreter, for which no memory was taken yet, are larger than any model's."""
    total = 0
    for graph in range(model.num_subgraphs()):
        for tensor in model.get_tensor_details(graph):
            total += math.prod(map(int, tensor["shape"])) * np.dtype(tensor["dtype"]).itemsize
            require(
                total <= MAX_MEMORY and all(side >= 0 for side in tensor["shape"]),
                f"{origin} has tensors of more than {MAX_MEMORY // 2**30} GB; export a smaller one.",
            )
