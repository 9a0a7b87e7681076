"""A record as bytes: its values, the `tf.train.Example` that holds them, and its frame in a TFRecord file."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

import google_crc32c
import numpy as np

from mmzoo.modalities.arrays import numeric, waveform
from mmzoo.modalities.base import FILES, read_bytes, unpacked
from mmzoo.modalities.sensor import read_numbers

HEAD, FOOT = 12, 4  # bytes around a record: its length and the checksum of that; the checksum of the record


def raw(value: Any, kind: str) -> bytes:
    """A value as bytes: a file's own, decoded once to see that it can be, an array as .npy, a text in UTF-8.

    A waveform with its rate is a WAV file, the numbers of a CSV or Parquet file an array.

    Raises:
        MMZooError: it cannot be decoded, or is no array of numbers.
    """
    if kind == "text":
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    from mmzoo.data.check import READERS

    value = unpacked(read_numbers(value) if kind == "sensor" else value)
    if kind == "audio" and isinstance(value, Mapping):
        value = value.get("array"), value.get("sampling_rate")
    if isinstance(value, FILES) or value is None:
        data = read_bytes(value, kind)[0]
        if kind in READERS:
            READERS[kind].check(value)
        return data
    if kind == "audio" and isinstance(value, tuple):
        READERS[kind].check(value)
        return wav(*value)
    out = io.BytesIO()
    np.save(out, numeric(value, kind), allow_pickle=False)
    return out.getvalue()


def wav(samples: Any, rate: float) -> bytes:
    """A waveform as a WAV file with the same samples, int16 or float32; see `arrays.waveform`."""
    import soundfile

    file = io.BytesIO()
    samples = waveform(samples, "with its rate")
    subtype = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
    soundfile.write(file, samples, round(rate), format="WAV", subtype=subtype)
    return file.getvalue()


def example(features: dict[str, bytes]) -> bytes:
    """A serialized `tf.train.Example`; its features by name, so that equal records are equal bytes."""
    import tensorflow as tf

    made = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[features[name]])) for name in sorted(features)}
    return bytes(tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString(deterministic=True))


def masked(data: bytes) -> bytes:
    """The checksum of TFRecord: CRC-32C, turned and moved."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(data: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)
