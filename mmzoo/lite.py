"""An exported model with NumPy and ai-edge-litert alone: neither TensorFlow nor Keras is imported.

>>> model = mmzoo.lite.Model("model.tflite")
>>> model.predict({"image": "cat.png", "name": "grinning cat"})
{'group': {'animals': 0.93, ...}}

Pictures in files need Pillow, sounds in files soundfile, a trained tokenizer the package tokenizers; arrays need none.
"""

from __future__ import annotations

import importlib
import math
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.export.embedded import read
from mmzoo.export.measure import interpreter
from mmzoo.files import read_file

MAX_MEMORY = 2**33  # bytes of all tensors of a model together
CLASSES = {"audio": "Audio", "sensor": "Sensor", "tabular": "Tabular"}


class Model:
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

    def predict(self, record: dict[str, Any]) -> dict[str, Any]:
        """The answer to one record: any subset of the inputs by name; None is absent too.

        Returns, by task, `{label: probability}` or a list of numbers.

        Raises:
            MMZooError: there is no such input, none is given, or one cannot be read.
        """
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


class Input:
    """One input as the file describes it, and how anything a user has becomes its tensor."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.name, self.kind, self.dtype = about["name"], about["kind"], about["dtype"]
        self.shape = tuple(about["shape"][1:])

    def decode(self, value: Any) -> np.ndarray:
        """`value` as the tensor (*shape): just as `mmzoo.predict` would, but for how a JPEG is decoded."""
        try:
            if self.kind == "image":
                return self._image(value)
            if self.kind == "video":
                return self._video(value)
            if self.kind == "text":
                return self._text(value)
            return np.asarray(self._modality.decode(value))
        except ImportError as error:
            raise MMZooError(
                f"Input '{self.name}' needs the package '{error.name}' to read this; "
                f"pip install {error.name}, or give an array."
            ) from error

    @cached_property
    def _modality(self) -> Any:
        """The modality itself: its module needs NumPy alone."""
        made = getattr(importlib.import_module(f"mmzoo.modalities.{self.kind}"), CLASSES[self.kind])
        known = {field.name for field in fields(made)}
        with self._described():
            item = made(**{key: value for key, value in self.about.items() if key in known})
            item.check_fitted()
            if (item.shape, item.dtype) != (self.shape, self.dtype):
                raise ValueError("its shape is another")
        return item

    @contextmanager
    def _described(self) -> Iterator[None]:
        """Inside, whatever the description leads to is one sentence."""
        try:
            yield
        except (MMZooError, ImportError):
            raise
        except BaseException as error:  # a panic of `tokenizers` is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            why = " ".join(str(error).split())[:200]
            message = f"The model's description of input '{self.name}' is wrong ({why}); export it again."
            raise MMZooError(message) from None

    def _image(self, value: Any) -> np.ndarray:
        """uint8 (size, size, 3) from whatever `mmzoo.Image.decode` takes."""
        return resized(read_image(value, f"image '{self.name}'"), self.shape[0])

    def _video(self, value: Any) -> np.ndarray:
        """uint8 (frames, size, size, 3) from an array (any, H, W, 3): frames at even distances."""
        require(
            isinstance(value, np.ndarray)
            and value.ndim == 4
            and value.shape[-1] == 3
            and value.dtype == np.uint8
            and value.size,
            f"Video '{self.name}' must be an array uint8 (frames, height, width, 3); decode a file with mmzoo.predict.",
        )
        from mmzoo.modalities.video import even

        return np.stack([resized(frame, self.shape[1]) for frame in value[even(len(value), self.shape[0])]])

    def _text(self, value: Any) -> np.ndarray:
        """The first UTF-8 bytes, or the ids of the first tokens, of the text in NFKC and lower case; then zeros."""
        require(isinstance(value, (str, bytes)), f"Text '{self.name}' must be a string, not {type(value).__name__}.")
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        text = text.encode("utf-8", "replace").decode()  # half a character is a "?"
        text = unicodedata.normalize("NFKC", text).lower().replace("\0", " ")
        if self.dtype == "uint8":
            found = list(text.encode())
        else:
            with self._described():
                found = [k + 1 for k in self._tokenizer.encode(text, add_special_tokens=False).ids]
        example = np.zeros(self.shape, self.dtype)
        example[: len(found)] = found[: len(example)]
        return example

    @cached_property
    def _tokenizer(self) -> Any:
        """The trained tokenizer, from its vocabulary in the file."""
        from mmzoo.tokenizers.trained import Trained

        chosen = self.about["tokenizer"]["name"]
        (made,) = [each for each in Trained.__subclasses__() if each.name == chosen]
        with self._described():
            return made.build(tuple(self.about["vocabulary"]))


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


def read_image(value: Any, name: str = "the image") -> np.ndarray:
    """Pixels uint8 (H, W, 3) of whatever `mmzoo.Image.decode` takes, right side up, what is transparent laid on white.

    Raises:
        MMZooError: it is no picture, is damaged, or is over the limits of `mmzoo.modalities.image.pictures.limits`.
    """
    from mmzoo.modalities.image.pictures.exif import turned
    from mmzoo.modalities.image.pictures.reading import read_picture

    return turned(*read_picture(value, name))


STRIP = 2**18  # pixels that are squeezed at once: a large picture takes little more than itself


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 (H, W, 3) squeezed to (size, size, 3) as `tf.image.resize(method="bilinear", antialias=True)` does it."""
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    if width > height:  # the longer side first: less lies between the two
        return resized(pixels.transpose(1, 0, 2), size).transpose(1, 0, 2)
    half = np.zeros((size, width * 3), np.float32)
    step = max(1, STRIP // width)
    for top in range(0, height, step):
        part = pixels[top : top + step].astype(np.float32)
        half += triangle(height, size, top, len(part)) @ part.reshape(len(part), -1)
    found = triangle(width, size, 0, width) @ half.reshape(size, -1, 3)
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def triangle(length: int, size: int, start: int, count: int) -> np.ndarray:
    """Weights float32 (size, count) of a triangle filter, as wide as a new pixel is in old ones, at least 1.

    Of `length` old pixels, for the `count` from `start` on.
    """
    scale = length / size
    width = max(scale, 1.0)
    centre = (np.arange(size) + 0.5)[:, None] * scale
    # The sum over all old pixels, of which a filter reaches the nearest only.
    near = np.floor(centre - width) + np.arange(int(2 * width) + 3)
    total = (np.maximum(1 - np.abs(near + 0.5 - centre) / width, 0) * ((near >= 0) & (near < length))).sum(axis=1)
    away = np.abs(np.arange(start, start + count) + 0.5 - centre) / width
    return (np.maximum(1 - away, 0) / total[:, None]).astype(np.float32)
