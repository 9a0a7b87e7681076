"""Arrays that users and their files give: every type and order of bytes against NumPy, and a sentence for the rest."""

from __future__ import annotations

import decimal
import io
import struct
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.errors import DataError
from mmzoo.modalities.arrays import load_npy
from tests.modalities.media import RATE, TONE

AUDIO = mmzoo.Audio("sound", sample_rate=RATE, seconds=0.5)
SENSOR = mmzoo.Sensor("watch", channels=2, steps=6)
SERIES = np.arange(12).reshape(6, 2)


def npy(array: np.ndarray, version: tuple[int, int] | None = None, pickled: bool = False) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version, allow_pickle=pickled)
    return out.getvalue()


def headed(header: str, data: bytes = b"") -> bytes:
    """A .npy file with any header."""
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header.encode("latin-1") + b"\n" + data


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", ">f8", "i1", "u1", "<i2", ">i2", ">u4", "<i8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_files_are_read_as_numpy_reads_them(dtype: str, order: Any) -> None:
    array = np.asarray(SERIES % 2 if dtype == "?" else SERIES, dtype, order)
    for version in ((1, 0), (2, 0), (3, 0)):
        found = load_npy(npy(array, version), "The file")
        np.testing.assert_array_equal(found, np.load(io.BytesIO(npy(array, version))))
        assert found.dtype == np.dtype(dtype).newbyteorder("=")
        assert found.flags.writeable
    np.testing.assert_array_equal(SENSOR.decode(npy(array)), array.astype(np.float32))
    assert load_npy(npy(np.zeros((0, 3))), "The file").shape == (0, 3)
    assert load_npy(npy(np.float32(3)), "The file") == 3


TINY = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
BAD = {
    "a header that claims 4 TB": headed(TINY.replace("(1,)", "(1000000000000,)"), bytes(4)),
    "one that overflows 64 bits": headed(TINY.replace("(1,)", "(4294967296, 4294967296, 8)"), bytes(4)),
    "no numbers, of huge sides": headed(TINY.replace("(1,)", "(0, 10000000000000000000000000)")),
    "a negative side": headed(TINY.replace("(1,)", "(-1,)"), bytes(4)),
    "a side that is true": headed(TINY.replace("(1,)", "(True,)"), bytes(4)),
    "too few numbers": headed(TINY, bytes(3)),
    "too many numbers": headed(TINY, bytes(5)),
    "a header that is cut": headed(TINY)[:30],
    "a header without end": headed("{'descr': '<f4', 'shape': (1,"),
    "a text without end": headed("{'descr': '<f4"),
    "brackets in brackets": headed("(" * 9000 + ")" * 9000),
    "a zero in it": headed(TINY.replace("False", "Fal\0e"), bytes(4)),
    "no dict": headed("[1]"),
    "a call": headed("__import__('os').system('true')"),
    "other keys": headed("{'descr': '<f4'}"),
    "longs of Python 2": headed(TINY.replace("(1,)", "(1L,)"), bytes(4)),
    "a header of 64 kB": headed(TINY + " " * 60_000, bytes(4)),
    "objects": npy(np.array([None, 1], object), pickled=True),
    "texts": npy(np.array(["a", "b"])),
    "dates": npy(np.array(["2020-01-01"], "datetime64[D]")),
    "a structure": npy(np.zeros(2, [("x", "f4"), ("y", "f4")])),
    "a type that there is not": headed(TINY.replace("<f4", "<f3"), bytes(3)),
    "several arrays": npy(SERIES) + npy(SERIES),
    "no file": b"\x93NUMPY",
    "another version": b"\x93NUMPY\7\0" + npy(SERIES)[8:],
    "an archive": b"PK\3\4" + bytes(50),
    "a text": b"1,2\n3,4\n",
}


@pytest.mark.parametrize("what", BAD)
def test_other_npy_files_are_refused_in_a_sentence(what: str) -> None:
    start = time.process_time()
    tracemalloc.start()
    try:
        for item in (SENSOR, mmzoo.Audio("sound", frames=6, num_mel_bins=4)):
            with pytest.raises(DataError, match=r"^[^\n]+\.$") as caught:
                item.decode(BAD[what])
            assert caught.value.cause in ("junk_array", "lying_array")
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 2


@pytest.mark.parametrize("item", [SENSOR, mmzoo.Audio("sound", frames=6, num_mel_bins=4), AUDIO])
@pytest.mark.parametrize(
    "value",
    [np.float32(3), np.zeros((2, 2, 2)), np.zeros((2, 2), complex), np.array(["1", "2"]), [["1", "2"]], [[1], [1, 2]]],
)
def test_arrays_of_other_shapes_and_kinds_are_refused(item: Any, value: Any) -> None:
    with pytest.raises(DataError, match=r"^[^\n]+\.$"):
        item.decode(value)


class Tensor:
    """What other libraries have: something that becomes an array when it is asked."""

    def __init__(self, array: np.ndarray | Exception) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if isinstance(self.array, Exception):
            raise self.array
        return self.array


def test_whatever_becomes_an_array_is_one() -> None:
    series = SERIES.astype(np.float32)
    mixed: list[Any] = [[0, True], [decimal.Decimal(2), np.float16(3)], *SERIES[2:].tolist()]
    for value in (Tensor(series), series.tolist(), mixed, series.astype(object)):
        np.testing.assert_array_equal(SENSOR.decode(value), [[0, 1], *series[1:]])
    np.testing.assert_array_equal(AUDIO.decode(Tensor(TONE)), TONE)
    np.testing.assert_array_equal(AUDIO.decode(TONE.tolist()), TONE)
    for error in (RuntimeError("it requires grad"), TypeError("bfloat16"), MemoryError()):
        with pytest.raises(DataError, match="must hold numbers, not Tensor"):
            AUDIO.decode(Tensor(error))


def test_what_is_missing_is_a_gap_and_what_is_too_large_is_named() -> None:
    masked = np.ma.masked_array([[1, 2], [3, 4]], [[False, True], [False, False]])
    np.testing.assert_array_equal(SENSOR.decode(masked)[:2], [[1, np.nan], [3, 4]])
    np.testing.assert_array_equal(SENSOR.decode([[None, 2], [np.inf, 4]])[:2], [[np.nan, 2], [np.nan, 4]])
    for value in ([[1e300, 1]], [[10**40, 1]], [[10**400, 1]]):
        with pytest.raises(DataError, match=r"numbers over 3\.4e\+38|must hold numbers"):
            SENSOR.decode(value)


FULL = np.round(TONE * 127 / 0.5)  # a tone of all that 8 bits hold
SCALED = {
    "int8": (FULL, 128),
    "uint8": (FULL + 128, 128),
    "int16": (FULL * 256, 32768),
    ">i2": (FULL * 256, 32768),
    "uint16": (FULL * 256 + 32768, 32768),
    "int32": (FULL * 2**24, 2**31),
    "uint32": (FULL * 2**24 + 2**31, 2**31),
    "int64": (FULL * 256, 32768),
    "float16": (FULL / 128, 1),
    "float32": (FULL / 128, 1),
    ">f8": (FULL / 128, 1),
}


@pytest.mark.parametrize("dtype", SCALED)
def test_samples_are_scaled_by_their_type(dtype: str) -> None:
    values, full = SCALED[dtype]
    np.testing.assert_allclose(AUDIO.decode(values.astype(dtype)), FULL / 128, atol=1e-6)
    assert full in (1, 128, 32768, 2**31)
    if np.dtype(dtype).kind != "u":
        assert not AUDIO.decode(np.zeros(100, dtype)).any()


@pytest.mark.parametrize(
    "value",
    [
        FULL * 256,
        (FULL * 256).astype(np.float16),
        FULL.astype(np.float64) * 2**24,
        (FULL * 256).astype(np.int32),
        (FULL * 2**24).astype(np.int64),
        TONE > 0,
        np.array([1e30, -1e30], np.float32),
    ],
)
def test_samples_whose_scale_is_not_clear_are_refused(value: np.ndarray) -> None:
    for given in (value, (value, RATE), {"array": value, "sampling_rate": RATE}):
        with pytest.raises(DataError, match=r"^[^\n]+\.$"):
            AUDIO.decode(given)


def test_either_axis_may_be_the_channels_where_it_is_clear() -> None:
    for channels in (1, 2, 6, 64):
        several = np.stack([TONE * (k + 1) / channels for k in range(channels)])
        wanted = several.astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(AUDIO.decode(several), wanted, atol=1e-6)
        np.testing.assert_allclose(AUDIO.decode(several.T), wanted, atol=1e-6)
        np.testing.assert_allclose(AUDIO.decode((several, RATE)), wanted, atol=1e-6)
    few = np.array([[0.5, 0.25, -0.5]], np.float32)
    np.testing.assert_array_equal(AUDIO.decode(few)[:3], few[0])
    np.testing.assert_array_equal(AUDIO.decode(few.T)[:3], few[0])
    for empty in ((0,), (0, 2), (2, 0)):
        assert not AUDIO.decode(np.zeros(empty, np.float32)).any()
    for unclear in ((2, 2), (8, 8), (2, 40), (100, 100), (65, 4000), (4000, 65), (1, 1, 400)):
        with pytest.raises(DataError, match=r"^[^\n]+\.$") as caught:
            AUDIO.decode(np.zeros(unclear, np.float32))
        assert caught.value.cause == "wrong_shape"


def test_sounds_as_datasets_give_them() -> None:
    fast = np.sin(2 * np.pi * 440 * np.arange(24000) / 48000).astype(np.float32) * 0.5
    found = AUDIO.decode({"array": fast, "sampling_rate": 48000, "path": "tone.wav"})
    np.testing.assert_allclose(found[200:-200], TONE[200:-200], atol=2e-3)
    np.testing.assert_array_equal(AUDIO.decode({"array": TONE, "sampling_rate": RATE, "path": None}), TONE)
    for value in ({"array": TONE}, {"array": TONE, "sampling_rate": 0}, {"other": 1}, {}, {"array": None}):
        with pytest.raises(DataError, match=r"^[^\n]+\.$"):
            AUDIO.decode(value)
