"""One record as a `tf.train.Example`, and back.

Column by column: pictures, sounds, videos and sensor files are the bytes of their files as they are (feature
`column`); an array in their place is the bytes of a .npy file, and the rate of a waveform is `column/rate`. A text is
UTF-8; a whole number int64, another number float32, a list or a mapping JSON. `mmzoo/id` is the record's name. What a
record lacks has no feature.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.records import is_missing
from mmzoo.data.table import ENDINGS
from mmzoo.errors import MMZooError
from mmzoo.modalities.base import read_bytes
from mmzoo.modalities.sensor import CSV_ENDINGS, read_csv
from mmzoo.stored import opened

NAME = "mmzoo/id"
NPY = b"\x93NUMPY"


def pack(name: str, record: dict[str, Any], kinds: dict[str, str]) -> tuple[bytes, dict[str, Any]]:
    """A record as a serialized `tf.train.Example`, and its entry in the index.

    The entry has the number of bytes of what only the shard holds, and every other value itself, exactly: whoever
    looks for labels need not read pictures, and float32 takes nothing from a number.

    Raises:
        MMZooError: a file cannot be read, or a value is of no kind that a shard can hold; names the column.
    """
    import tensorflow as tf

    example = tf.train.Example()
    features = example.features.feature
    features[NAME].bytes_list.value.append(name.encode("utf-8", "replace"))
    entry: dict[str, Any] = {}
    for column, value in record.items():
        if kinds[column] in ENDINGS:
            data, rate = packed_media(opened(value), column, kinds[column])
            entry[column] = None if data is None else len(data)
            if data is not None:
                features[column].bytes_list.value.append(data)
            if rate:
                features[f"{column}/rate"].int64_list.value.append(rate)
            continue
        entry[column] = value = plain(column, value)
        if isinstance(value, int):
            features[column].int64_list.value.append(value)
        elif isinstance(value, float):
            features[column].float_list.value.append(value)
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            features[column].bytes_list.value.append(text.encode("utf-8", "replace"))
    return example.SerializeToString(deterministic=True), entry


def packed_media(value: Any, column: str, kind: str) -> tuple[bytes | None, int]:
    """The bytes of a file or an array, and the rate of a waveform that has one, else 0."""
    rate = 0
    if isinstance(value, tuple):
        value, rate = value
    if value is None:
        return None, 0
    if kind == "sensor" and isinstance(value, (str, Path)) and str(value).lower().endswith(CSV_ENDINGS):
        value = read_csv(value)
    if isinstance(value, (str, Path, bytes)):
        return read_bytes(value, kind)[0], 0
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise MMZooError(
            f"Column '{column}' is {kind} and holds {type(value).__name__}; give a path, bytes or numbers."
        )
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue(), int(rate)


def plain(column: str, value: Any) -> Any:
    """A value as JSON has it; None where it is missing."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if is_missing(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise MMZooError(
            f"Column '{column}' holds {type(value).__name__}, which a shard cannot hold; give text, numbers, "
            "lists or mappings of them, or leave the column out."
        ) from None
    return value


def unpacked_media(example: Any, column: str) -> Any:
    """A picture, sound, video or sensor value of an Example: bytes, an array, or (waveform, rate)."""
    features = example.features.feature
    data = features[column].bytes_list.value[0]
    if not data.startswith(NPY):
        return data
    array = np.load(io.BytesIO(data), allow_pickle=False)
    rate = f"{column}/rate"
    return (array, features[rate].int64_list.value[0]) if rate in features else array
