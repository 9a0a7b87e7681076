"""A .tflite of a stranger, its seal right: whatever its description says, one sentence, soon, and little memory."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

import mmzoo
import mmzoo.lite
from mmzoo.errors import MMZooError
from mmzoo.export.export import describe
from mmzoo.export.tflite.embedded import SEAL, UNSIGNED, attach, entry_of, read
from mmzoo.export.tflite.flatbuffer import written
from tests.mutations import mutations, put

VOCABULARY = ("[UNK]", "a", "b", "##a", "##b", "ab")


def described() -> dict[str, Any]:
    """The description of a model of four inputs."""
    inputs: list[Any] = [
        mmzoo.Text("text", max_bytes=8, tokens=4),
        mmzoo.Text("pieces", tokens=4, tokenizer=mmzoo.Tokenizer("wordpiece", size=300), vocabulary=VOCABULARY),
        mmzoo.Image("image", size=16),
        mmzoo.Tabular("row", numbers=["weight"], quantiles=[[0.0, 1.0]]),
    ]
    spec = mmzoo.Spec(inputs, "mean", [mmzoo.Classification("animal", labels=["cat", "dog", "bird"])], dim=8)
    return describe(spec)


ABOUT = described()
EMPTY = written(schema.ModelT())


def resealed(data: bytes) -> bytes:
    """The same file with the seal that fits."""
    found = SEAL.search(data)
    if found is None:
        return data
    plain = data[: found.start(1)] + UNSIGNED + data[found.end(1) :]
    return plain.replace(UNSIGNED, hashlib.sha256(plain).hexdigest().encode(), 1)


def with_text(text: bytes) -> bytes:
    """A file with another text for its description: what is longer is put behind, where no one else points."""
    data = attach(EMPTY, ABOUT)
    old = entry_of(data)
    assert old is not None
    start = data.index(old)
    made = bytearray(data) + struct.pack("<I", len(text)) + text + bytes(16)
    slot = data.index(struct.pack("<I", start - 4 - (start_of_buffer(data) + 4)), start_of_buffer(data))
    struct.pack_into("<I", made, slot, len(data) - slot)
    made[start : start + len(old)] = bytes(len(old))
    return resealed(bytes(made))


def start_of_buffer(data: bytes) -> int:
    """Where the table of the description's buffer is."""
    model = schema.Model.GetRootAs(data, 0)
    buffer = model.Buffers(model.BuffersLength() - 1)
    return int(buffer._tab.Pos)


def test_the_seal_is_no_signature() -> None:
    """What the tests below do works: another text with a right seal is read."""
    text = json.dumps({"sha256": "0" * 64, "format": 1, **ABOUT}).encode()
    assert read(with_text(text), "x")["inputs"] == read(attach(EMPTY, ABOUT), "x")["inputs"]


ANYTHING = (None, True, -1, 0, 1.5, "x", [], {}, [[]], [None], {"a": 1}, 2**40, "x" * 5000)


def each(place: tuple[Any, ...], values: Any) -> dict[str, Callable[[Any], Any]]:
    """A lie for each value that is put at a place."""
    return {f"{' '.join(map(str, place))} {k}": put(*place, value=value) for k, value in enumerate(values)}


SHAPES = ([1], [2, 8], [1, 0], [1, -8], [1, 1.0], [1, True], [1, 8, 8], [1] * 40, [1, 2**20, 2**20])
LIES: dict[str, Callable[[Any], Any]] = {
    **{f"no {key}": lambda about, key=key: about.pop(key) for key in ABOUT},  # type: ignore[misc]
    **each(("inputs",), ANYTHING),
    **each(("outputs",), ANYTHING),
    **each(("spec",), [value for value in ANYTHING if value != "x"]),
    **each(("mmzoo",), [value for value in ANYTHING if value != "x"]),
    **each(("more",), [1]),
    **each(("format",), [True, 2, None]),
    **each(("inputs", 0, "name"), (*ANYTHING[:5], "", "../x", "a b", "present", "pieces")),
    **each(("inputs", 0, "kind"), (*ANYTHING, "base", "os", "../x", "wav", "image")),
    **each(("inputs", 0, "dtype"), (*ANYTHING, "float32", "object", "O", "V9999999")),
    **each(("inputs", 0, "shape"), (*ANYTHING, *SHAPES)),
    **each(("inputs", 2, "shape"), ([1, 2**20, 2**20, 3], [1, 16, 17, 3], [1, 16, 16, 4])),
    **each(("inputs", 1, "tokenizer"), (*ANYTHING, {"name": "x"}, {"name": []})),
    **each(("inputs", 1, "vocabulary"), (*ANYTHING[:6], {}, [None], [3], ["a"] * 70_000, ["x" * 5000])),
    **each(("inputs", -1, "order"), ANYTHING),
    **each(("outputs", 0, "labels"), [value for value in (*ANYTHING, ["a", "a"], [["a"]]) if value != []]),
    **each(("outputs", 0, "name"), (*ANYTHING[:5], "", "../x", "A")),
    **each(("outputs", 0, "more"), [1]),
    "no present": lambda about: about["inputs"].pop(),
    "only present": lambda about: about["inputs"].__delitem__(slice(0, -1)),
    "an input twice": lambda about: about["inputs"].insert(0, about["inputs"][0]),
    "an output twice": lambda about: about["outputs"].append(about["outputs"][0]),
}
TEXTS = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"3",
    "null": b"null",
    "deep": b"[" * 100_000,
    "half": b'{"format": 1',
    "NaN": b'{"format": NaN}',
    "no UTF-8": b'{"format": "\xff"}',
    "a key twice": b'{"format": 1, "format": 1}',
    "many": b"[" + b"1," * 600_000 + b"1]",
    "many objects": b"[" + b"{}," * 30_000 + b"{}]",
    "a long number": b'{"format": ' + b"9" * 5000 + b"}",
    "large": b'"' + b"x" * 2**24 + b'"',
}


def is_refused(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(MMZooError) as caught:
        read(data, "The model 'x.tflite'")
    assert time.process_time() - began < 5
    assert "\n" not in str(caught.value)
    assert "x.tflite" in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("what", LIES)
def test_a_description_that_lies(what: str) -> None:
    about = copy.deepcopy({"sha256": "0" * 64, "format": 1, **ABOUT})
    LIES[what](about)
    is_refused(with_text(json.dumps(about).encode()))


@pytest.mark.parametrize("what", TEXTS)
def test_a_description_that_is_something_else(what: str) -> None:
    seal = b'"sha256": "' + UNSIGNED + b'"'
    text = TEXTS[what]
    is_refused(with_text(text.replace(b"{", b"{" + seal + b", ", 1) if text.startswith(b'{"') else text + seal))


def test_places_that_lead_astray() -> None:
    """Every number of the tables in front is made each of several others, and the file sealed anew."""
    data = attach(EMPTY, ABOUT)
    front = data.index(entry_of(data) or b"")
    values = (0, 1, 3, 4, 2**15 - 1, 2**16 - 1, len(data) - 1, len(data), 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 16)
    began = time.process_time()
    for at in [0, *range(8, front - 1, 2)]:
        for value in values:
            for form in ("<H", "<I"):
                made = bytearray(data)
                struct.pack_into(form, made, at, value % 2 ** (8 * struct.calcsize(form)))
                survives(resealed(bytes(made)))
    assert time.process_time() - began < 60


def survives(data: bytes) -> None:
    """One sentence, or a description that is as it should be."""
    try:
        read(data, "x")
    except MMZooError as error:
        assert "\n" not in str(error)


def damaged(count: int, seed: int) -> None:
    data = attach(EMPTY, ABOUT)
    end = data.index(entry_of(data) or b"") + len(entry_of(data) or b"")
    for front in mutations(data[:end], count, seed):
        survives(resealed(front + data[end:]))
    for text in mutations(entry_of(data) or b"", count, seed):
        survives(with_text(text))


def test_fifty_ways_of_damage() -> None:
    damaged(50, 0)


@pytest.mark.long
def test_two_thousand_ways_of_damage() -> None:
    damaged(2000, 1)


def test_many_of_everything_takes_no_time() -> None:
    """Vectors of a million entries that all lead to the same large table."""
    data = bytearray(attach(EMPTY, ABOUT))
    at = len(data)
    for count in (65, 2**20 + 1, 2**22):
        made = data + struct.pack("<I", count) + b"".join(struct.pack("<I", 4) for _ in range(count))
        model = schema.Model.GetRootAs(bytes(data), 0)
        for field in (12, 16):  # the buffers and the metadata, as FlatBuffers number their fields
            slot = model._tab.Pos + model._tab.Offset(field)
            astray = bytearray(made)
            struct.pack_into("<I", astray, slot, at - slot)
            is_refused(resealed(bytes(astray)))


class Answer(tf.Module):
    """Takes what `ABOUT` says and answers three numbers."""

    @tf.function
    def answer(self, **inputs: Any) -> dict[str, Any]:
        total = tf.add_n([tf.reduce_sum(tf.cast(tensor, tf.float32)) for tensor in inputs.values()])
        return {"animal": tf.reshape(total, (1, 1)) * tf.ones((1, 3))}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    module = Answer()
    given = {it["name"]: tf.TensorSpec(it["shape"], it["dtype"], it["name"]) for it in ABOUT["inputs"]}
    folder = str(tmp_path_factory.mktemp("model") / "model")
    tf.saved_model.save(module, folder, {"serving_default": module.answer.get_concrete_function(**given)})
    return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def opened(data: bytes, tmp_path: Path) -> mmzoo.lite.Model:
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    return mmzoo.lite.Model(path)


def without_the_picture(about: Any) -> None:
    about["inputs"].pop(2)
    about["inputs"][-1].update(shape=[1, 3], order=["text", "pieces", "row"])


def test_what_a_model_takes_and_answers_must_be_what_it_says(model: bytes, tmp_path: Path) -> None:
    found = opened(attach(model, ABOUT), tmp_path).predict({"text": "ab", "pieces": "ab a", "row": {"weight": 1}})
    assert list(found["animal"]) == ["cat", "dog", "bird"]
    for change in (
        put("inputs", 0, "shape", value=[1, 9]),
        without_the_picture,
        put("outputs", 0, "labels", value=["cat", "dog"]),
        put("outputs", 0, "name", value="another"),
    ):
        about = copy.deepcopy(ABOUT)
        change(about)
        with pytest.raises(MMZooError, match="does not take or answer what its description says"):
            opened(attach(model, about), tmp_path)


@pytest.mark.parametrize(
    ("place", "key", "value", "given"),
    [
        (3, "numbers", 3, {"weight": 1}),
        (3, "numbers", ["weight", "height"], {"weight": 1}),
        (3, "quantiles", ["x"], {"weight": 1}),
        (3, "quantiles", [], {"weight": 1}),
        (3, "tower", 3, {"weight": 1}),
        (1, "tokenizer", {"name": "sentencepiece"}, "ab"),
        (1, "tokenizer", {"name": "bpe"}, "ab"),
        (1, "vocabulary", [], "ab"),
        (1, "vocabulary", ["a", "b"], "xyz"),
    ],
)
def test_options_that_are_none_are_one_sentence(
    model: bytes, tmp_path: Path, place: int, key: str, value: Any, given: Any
) -> None:
    about = copy.deepcopy(ABOUT)
    about["inputs"][place][key] = value
    if value == {"name": "bpe"}:
        about["inputs"][place]["vocabulary"] = ["a b", "b c"]
    client = opened(attach(model, about), tmp_path)
    with pytest.raises(MMZooError, match=r"^[^\n]*$"):
        client.predict({ABOUT["inputs"][place]["name"]: given})


def test_tensors_that_no_machine_has_room_for(model: bytes, tmp_path: Path) -> None:
    inside = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    (graph,) = inside.subgraphs
    for tensor in graph.tensors:
        if list(tensor.shape) == [1, 16, 16, 3]:
            tensor.shape = np.array([1, 2**15, 2**15, 2**10], np.int32)
    with pytest.raises(MMZooError, match=r"tensors of more than 8 GB|cannot run"):
        opened(attach(written(inside), ABOUT), tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_only_a_plain_file_is_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "model.tflite")
    found: list[MMZooError] = []

    def load() -> None:
        with pytest.raises(MMZooError, match="cannot be read") as caught:
            mmzoo.lite.Model(tmp_path / "model.tflite")
        found.append(caught.value)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(10)
    assert found
