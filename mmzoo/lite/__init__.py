"""An exported model with NumPy and ai-edge-litert alone: neither TensorFlow nor Keras is imported.

>>> model = mmzoo.lite.Model("model.tflite")
>>> model.predict({"image": "cat.png", "name": "grinning cat"})
{'group': {'animals': 0.93, ...}}

Pictures in files need Pillow, sounds in files soundfile, a trained tokenizer the package tokenizers; arrays need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.decoding import Beam, Greedy, Sample, WrittenText
from mmzoo.errors import require
from mmzoo.export.tflite.description import AnswerText
from mmzoo.export.tflite.stepping import Stepping
from mmzoo.index.query import asked_for, combined
from mmzoo.index.single import read_single
from mmzoo.index.vectors import Found
from mmzoo.lite.file import File
from mmzoo.tokenizers.spelling import spelled


class Model(File):
    """A model in a .tflite, asked for answers.

    >>> model = mmzoo.lite.Model("model.tflite")
    """

    def _check_kind(self) -> None:
        require("writes" not in self.about, f"'{self.path}' writes step by step; open it by lite.Writer.")

    def predict(self, record: Mapping[str, Raw]) -> dict[str, Any]:
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
        found: dict[str, object] = {}
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
        record: Mapping[str, Raw],
        *,
        how: Greedy | Beam | Sample | None = None,
        seen: Callable[[str], None] | None = None,
    ) -> WrittenText:
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
        query: Mapping[str, Raw],
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


def written(about: AnswerText, numbers: Sequence[float]) -> WrittenText:
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
