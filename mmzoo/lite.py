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
from mmzoo.decoding import Beam, Greedy, Sample
from mmzoo.errors import MMZooError, require
from mmzoo.export.embedded import opened
from mmzoo.export.measure import interpreter
from mmzoo.export.stepping import Stepping
from mmzoo.index.query import asked_for, combined
from mmzoo.index.single import read_single
from mmzoo.index.vectors import Found
from mmzoo.modalities import modalities
from mmzoo.modalities.described import following
from mmzoo.tokenizers.spelling import spelled

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

    def _tensors(self, record: dict[str, Any]) -> dict[str, np.ndarray]:
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


class Model(File):
    """A model in a .tflite, asked for answers.

    >>> model = mmzoo.lite.Model("model.tflite")
    """

    def _check_kind(self) -> None:
        require("writes" not in self.about, f"'{self.path}' writes step by step; open it by lite.Writer.")

    def predict(self, record: dict[str, Any]) -> dict[str, Any]:
        """The answer to one record: any subset of the inputs by name; None is absent too.

        Returns, by task, `{label: probability}`, a list of numbers, or a text with its log-probability.

        Raises:
            MMZooError: there is no such input, none is given, or one cannot be read.
        """
        whole = "model" not in self.about
        require(whole, f"'{self.path}' is an encoder, which gives vectors; open it by lite.Encoder.")
        tensors = self._tensors(record)
        with self._running():
            answers = self._run(**tensors)
        found: dict[str, Any] = {}
        for task in self.about["outputs"]:
            numbers = [float(number) for number in answers[task["name"]][0]]
            if "text" in task:
                found[task["name"]] = written(task["text"], numbers)
                continue
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


class Writer(File):
    """A model in a .tflite that writes a text token by token.

    >>> writer = mmzoo.lite.Writer("writers/caption.tflite")
    >>> writer.write({"image": "cat.png"}, seen=lambda text: print(text, end="\\r"))
    {'text': 'a cat on a sofa', 'log_prob': -3.2}
    """

    signature = "encode"

    def _check_kind(self) -> None:
        require("writes" in self.about, f"'{self.path}' does not write step by step; give one of export/writers/.")

    def _check_answers(self, wrong: str) -> None:
        """The caches that one signature gives are those that the other takes, and gives back changed."""
        self._step = self._interpreter.get_signature_runner("step")
        taken, caches = self._step.get_input_details(), self._run.get_output_details()
        given = self._step.get_output_details()
        require(taken.keys() == {*caches, "tokens", "position"}, wrong)
        require(given.keys() - {*caches} == {"log_probs"}, wrong)
        for name, about in caches.items():
            for other in filter(None, (taken[name], given.get(name))):
                require(tuple(other["shape"]) == tuple(about["shape"]) and other["dtype"] == about["dtype"], wrong)
        text = self.about["outputs"][0]["text"]
        require(tuple(given["log_probs"]["shape"]) == (1, len(text["vocabulary"]) + 1), wrong)
        own = [tuple(about["shape"]) for name, about in caches.items() if name.startswith("own_")]
        require(own and all(len(shape) == 3 and shape[1] == text["tokens"] for shape in own), wrong)

    def write(
        self,
        record: dict[str, Any],
        *,
        how: Greedy | Beam | Sample | None = None,
        seen: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """A text about a record and its log-probability: any subset of the inputs by name.

        Args:
            how: greedy, if not given.
            seen: is told what is written so far, token by token; not by a beam search.

        Raises:
            MMZooError: there is no such input, none is given, or one cannot be read.
        """
        about, ids = self.about["outputs"][0]["text"], list[float]()

        def told(tokens: np.ndarray, _: np.ndarray) -> None:
            ids.append(float(tokens[0]))
            if seen is not None:
                seen(written(about, [*ids, 0.0])["text"])

        tensors = self._tensors(record)
        with self._running():
            found = Stepping(self._run, self._step, about["tokens"]).decoded(tensors, how, told)
        return written(about, [*found.ids[0].tolist(), float(found.log_probs[0])])


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
        ((scores, rows),) = self.vectors.nearest(
            combined(vectors, weights, self.about["weights"], self.dim)[None], k, among
        )
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


def written(about: dict[str, Any], numbers: Sequence[float]) -> dict[str, Any]:
    """The text of an answer and its log-probability, from its ids and that.

    Raises:
        MMZooError: an id is none of the vocabulary.
    """
    vocabulary = about["vocabulary"]
    good = all(0 <= number <= len(vocabulary) for number in numbers[:-1])  # and so no NaN
    require(good, "The model writes what its vocabulary does not have; export it again.")
    ids = [int(number) for number in numbers[:-1]]
    end = ids.index(0) if 0 in ids else len(ids)
    text = spelled(about["tokenizer"], [vocabulary[each - 1] for each in ids[:end]])
    return {"text": text, "log_prob": numbers[-1]}


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
