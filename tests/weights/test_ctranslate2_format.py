"""CTranslate2's file without CTranslate2: its tensors, and that a damaged one is named in one sentence."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmzoo.errors import MMZooError
from mmzoo.weights.ctranslate2_format import read_ctranslate2, tensors_of

TYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
TENSORS = {
    "encoder/weight": np.arange(12, dtype="<f4").reshape(3, 4),
    "encoder/bias": np.arange(3, dtype="<f2"),
    "decoder/num_heads": np.array(6, dtype="<i2"),
    "decoder/quantized": np.array([[-5, 7]], dtype="i1"),
    "decoder/heads": np.zeros((0, 2), dtype="<i4"),
}


def named(name: str) -> bytes:
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def file_of(version: int = 6, kind: str = "WhisperSpec", aliases: tuple[tuple[str, str], ...] = ()) -> bytes:
    parts = [struct.pack("<I", version), named(kind), struct.pack("<II", 3, len(TENSORS))]
    for name, array in TENSORS.items():
        parts += [named(name), struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)]
        parts += [struct.pack("<BI", TYPES[array.dtype.name], array.nbytes), array.tobytes()]
    parts += [struct.pack("<I", len(aliases)), *(named(part) for pair in aliases for part in pair)]
    return b"".join(parts)


GOOD = file_of(aliases=(("decoder/projection", "encoder/weight"),))


def test_every_type_and_another_name(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(GOOD)
    found = read_ctranslate2(path, "WhisperSpec")
    assert found.keys() == {*TENSORS, "decoder/projection"}
    for name, array in TENSORS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    np.testing.assert_array_equal(found["decoder/projection"], TENSORS["encoder/weight"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (file_of(version=7), "version 7"),
        (file_of(kind="TransformerSpec"), "'TransformerSpec'"),
        (file_of(aliases=(("a", "nothing"),)), "another name of nothing"),
        (GOOD + b"\0", "behind its end"),
        (GOOD.replace(b"decoder/heads", b"encoder/bias\0"), "two tensors called 'encoder/bias'"),
        (GOOD.replace(struct.pack("<B2I", 2, 3, 4), struct.pack("<B2I", 2, 3, 2**31 - 1)), "its sides ask for"),
        (GOOD.replace(struct.pack("<BI", 4, 6), struct.pack("<BI", 9, 6)), "a type that nobody knows, 9"),
    ],
)
def test_what_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(MMZooError, match=said):
        tensors_of(data, "WhisperSpec")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match=r"nowhere.bin' cannot be read"):
        read_ctranslate2(tmp_path / "nowhere.bin", "WhisperSpec")


def test_cut_short_anywhere() -> None:
    for length in range(len(GOOD)):
        with pytest.raises(MMZooError, match="cut short"):
            tensors_of(GOOD[:length], "WhisperSpec")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_anywhere(changes: list[tuple[int, int]]) -> None:
    """It is read, or refused in a sentence; and what is read is not more than the file holds."""
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    try:
        found = tensors_of(bytes(data), "WhisperSpec")
    except MMZooError:
        return
    assert sum(array.nbytes for name, array in found.items() if name != "decoder/projection") <= len(data)
