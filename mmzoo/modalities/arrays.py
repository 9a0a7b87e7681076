"""Arrays of numbers that users and their files give: read exactly, whatever their type and order, or refused."""

from __future__ import annotations

import ast
import decimal
import io
import math
import numbers
import re
import struct
from pathlib import Path

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, require_data
from mmzoo.modalities.files import read_bytes

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000  # characters of a .npy file's header, as many as NumPy itself reads


def load_npy(data: bytes, origin: str) -> np.ndarray:
    """The array in the bytes of a .npy file, in this machine's order of bytes.

    What its header claims is compared with the length of the file before memory is taken.

    Args:
        origin: how an error calls the file.

    Raises:
        DataError: it is no such file, is damaged or cut short, or holds something other than numbers.
    """
    require_data(not data.startswith(b"PK"), "junk_array", f"{origin} is a .npz archive; save one array as .npy.")
    try:
        start, dtype, shape, fortran = npy_header(data)
        count = math.prod(shape)
        lies = f"{origin} claims {count * dtype.itemsize} bytes of numbers but has {len(data) - start}; save it again."
        require_data(count * dtype.itemsize == len(data) - start, "lying_array", lies)
        array = np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if fortran else "C")
        return array.astype(dtype.newbyteorder("="))
    except DataError:
        raise
    except Exception as error:  # whatever a damaged header leads to
        message = f"{origin} is not a .npy array of numbers; write one with numpy.save."
        raise DataError(message, "junk_array") from error


def npy_header(data: bytes) -> tuple[int, np.dtype, tuple[int, ...], bool]:
    """Where the numbers of a .npy file begin, their type, the shape, and whether the first axis runs fastest.

    NumPy's own reader of headers warns, takes headers of Python 2 apart with a tokenizer, and reads types that are
    no numbers.

    Raises:
        Exception: of any kind; it is no such header.
    """
    if data[:6] != MAGIC or data[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError("no .npy file")
    start = 10 if data[6] == 1 else 12
    (length,) = struct.unpack_from("<H" if data[6] == 1 else "<I", data, 8)
    if length > MAX_HEADER or len(data) < start + length:
        raise ValueError("the header is too long")
    header = ast.literal_eval(data[start : start + length].decode("latin-1").strip())
    descr, shape, fortran = header["descr"], header["shape"], header["fortran_order"]
    sizes = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    if not (re.fullmatch(r"[<>|=]?[?biufc]\d{0,2}", descr) and sizes and type(fortran) is bool):
        raise ValueError("no array of numbers")
    return start + length, np.dtype(descr), shape, fortran


def read_array(value: Raw, what: str, width: int, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """Numbers (N, width) of `dtype` from an array or a .npy file; a row of numbers is (N, 1).

    Raises:
        DataError: it is no array of numbers of that width.
    """
    if isinstance(value, (str, Path, bytes)):
        value = load_npy(*read_bytes(value, "array"))
    array = real_numbers(value, what, dtype)
    array = array[:, None] if array.ndim == 1 else array
    require_data(
        array.ndim == 2 and array.shape[1] == width,
        "wrong_shape",
        f"An array for {what} must have shape (steps, {width}), not {array.shape}.",
    )
    return array


def real_numbers(value: Raw, what: str, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """`value` as floats of its shape; what is masked out in it, or None, is NaN.

    Raises:
        DataError: it does not hold real numbers, or one that is too large for `dtype`.
    """
    array = numeric(value, what)
    with np.errstate(over="ignore", invalid="ignore"):
        found = array.astype(dtype, copy=False)
    require_data(
        not (np.isinf(found) & ~np.isinf(array)).any(),
        "bad_number",
        f"An array for {what} has numbers over {np.finfo(dtype).max:.2g}; bring them to another unit.",
    )
    return found


def numeric(value: Raw, what: str) -> np.ndarray:
    """`value`, which may be a list, a tensor or whatever else becomes an array, as real numbers of their own type.

    Raises:
        DataError: it holds something else.
    """
    message = f"An array for {what} must hold numbers, not {type(value).__name__}."
    try:
        if isinstance(value, np.ma.MaskedArray):  # an array of it alone would hold what is masked out, too
            value = np.ma.filled(value.astype(np.float64), np.nan)
        array = np.asarray(value)
        if array.dtype.kind == "O":
            kinds = (numbers.Real, decimal.Decimal, type(None))  # no texts, which would be read as what they say
            require_data(all(isinstance(each, kinds) for each in array.flat), "junk_array", message)
            array = array.astype(np.float64)
    except DataError:
        raise
    except Exception as error:  # what is not even, integers of 400 digits, whatever a stranger's `__array__` raises
        raise DataError(message, "junk_array") from error
    require_data(array.dtype.kind != "c", "junk_array", f"An array for {what} must hold real numbers, not complex.")
    require_data(array.dtype.kind in "biuf", "junk_array", message)
    return array


def npy(array: np.ndarray) -> bytes:
    """An array of numbers as a .npy file."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def axes_of(value: Raw) -> int:
    """How many axes an array of real numbers has; 0 for what is none."""
    return value.ndim if isinstance(value, np.ndarray) and value.dtype.kind in "uif" else 0
