"""What the description inside a .tflite may say: a closed schema, held against before anything of it is used.

Its seal is a hash, which anyone can compute: it shows damage, not where a file is from.
"""

from __future__ import annotations

import math
import re
from typing import NotRequired, TypedDict, cast

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, check_name, require
from mmzoo.files.limits import check_plain
from mmzoo.modalities import modalities
from mmzoo.modalities.described import InputDescription
from mmzoo.tokenizers.spelling import SPELLED

KEYS = {"sha256", "format", "mmzoo", "spec", "inputs", "outputs"}
ENCODER = KEYS | {"model"}
MAX_BYTES = 2**30  # of one example of an input
ITEM = {"uint8": 1, "int32": 4, "float32": 4}
PRESENT = {"name", "dtype", "shape", "order"}


class AnswerText(TypedDict):
    """How the ids of an answer become a text."""

    tokenizer: str
    vocabulary: list[str]
    tokens: int


class OutputDescription(TypedDict):
    """An output; `dim` and `vectors`, by input, of what gives vectors, `text` of what writes."""

    name: str
    kind: str
    labels: list[str]
    dim: NotRequired[int]
    vectors: NotRequired[dict[str, str]]
    text: NotRequired[AnswerText]


class Description(TypedDict):
    """What the file says of itself. The last input of a whole model is `present`, which has no kind and no unit."""

    sha256: str
    format: int
    mmzoo: str
    spec: str
    inputs: list[InputDescription]
    outputs: list[OutputDescription]
    variant: NotRequired[str]
    model: NotRequired[str]
    writes: NotRequired[bool]


def check_description(origin: str, about: Raw) -> Description:
    """A description that has exactly what `mmzoo.export.export.describe` writes, in the types it writes it.

    What an input's own options mean is left to the class that they are options of.

    Raises:
        MMZooError: it has something else.
    """
    wrong = f"The description in {origin} is not one that mmzoo writes"
    remedy = "export the model again"
    check_plain(wrong, about)
    if not isinstance(about, dict) or about.keys() - {"variant", "writes"} not in (KEYS, ENCODER):
        raise MMZooError(f"{wrong} (its keys); {remedy}.")
    texts = [about[key] for key in ("mmzoo", "spec", "variant", "model") if key in about]
    require(all(type(text) is str and len(text) <= 64 for text in texts), f"{wrong} (its version); {remedy}.")
    for key in ("inputs", "outputs"):
        entries = about[key]
        good = isinstance(entries, list) and bool(entries) and all(isinstance(entry, dict) for entry in entries)
        require(good, f"{wrong} (its {key}); {remedy}.")
        names = [entry.get("name") for entry in entries]
        require(all(type(name) is str for name in names), f"{wrong} (the names of its {key}); {remedy}.")
        require(len(set(names)) == len(names), f"{wrong} (a name twice in its {key}); {remedy}.")
    if "writes" in about:
        good = about["writes"] is True and len(about["outputs"]) == 1 and "text" in about["outputs"][0]
        require(good and "model" not in about, f"{wrong} (what it writes); {remedy}.")
    if "model" in about:
        inputs = about["inputs"]
        vector = about["outputs"][0]
        good = len(inputs) == len(about["outputs"]) == 1 and type(vector.get("dim")) is int and vector["dim"] > 0
        require(good and vector["name"] == vector.get("kind") == "vector", f"{wrong} (its vector); {remedy}.")
    else:
        *inputs, present = about["inputs"]
        names = [entry["name"] for entry in inputs]
        told = {"name": "present", "dtype": "uint8", "shape": [1, len(inputs)], "order": names}
        require(inputs and present == told, f"{wrong} (its input 'present'); {remedy}.")
    for entry in inputs:
        check_name(f"In {origin} the input", entry["name"])
        require(is_input(entry), f"{wrong} (its input '{entry['name']}'); {remedy}.")
    for entry in about["outputs"]:
        labels = entry.get("labels")
        named = re.fullmatch("[a-z][a-z0-9_]{0,99}", entry["name"]) is not None
        good = entry.keys() - {"dim", "vectors", "text"} == {"name", "kind", "labels"} and named
        good = good and type(entry["kind"]) is str and isinstance(labels, list)
        good = good and all(type(label) is str for label in labels) and len(set(labels)) == len(labels)
        vectors = entry.get("vectors", {})
        good = good and isinstance(vectors, dict) and all(type(each) is str for each in vectors.values())
        good = good and is_text(entry.get("text"))
        require(good, f"{wrong} (its output {entry['name'][:100]!r}); {remedy}.")
    return cast(Description, about)


def is_text(entry: Raw) -> bool:
    """Does it say how ids become a text, as far as an output is one?"""
    if entry is None:
        return True
    if not isinstance(entry, dict) or entry.keys() != {"tokenizer", "vocabulary", "tokens"}:
        return False
    vocabulary = entry["vocabulary"]
    good = isinstance(entry["tokenizer"], str) and entry["tokenizer"] in SPELLED and type(entry["tokens"]) is int
    return good and isinstance(vocabulary, list) and all(type(piece) is str for piece in vocabulary)


def is_input(entry: InputDescription) -> bool:
    """Has an input a kind, and the type and the shape of a tensor of that kind, and what else a client of it needs?"""
    kind, dtype, shape = (entry.get(key) for key in ("kind", "dtype", "shape"))
    if type(kind) is not str or kind not in modalities.names() or type(entry.get("unit")) is not str:
        return False
    made = modalities[kind]
    if dtype not in made.dtypes or not isinstance(shape, list) or len(shape) - 1 not in made.axes:
        return False
    if not all(type(side) is int and side > 0 for side in shape) or shape[0] != 1:
        return False
    return math.prod(shape) * ITEM[dtype] <= MAX_BYTES and made.is_described(entry)
