"""A record as bytes: its values, the `tf.train.Example` that holds them, and its frame in a TFRecord file."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

import google_crc32c
import numpy as np

from mmzoo.data.kinds import READERS
from mmzoo.errors import DataError, require_data
from mmzoo.modalities.arrays import numeric
from mmzoo.modalities.audio.waveforms import waveform
from mmzoo.modalities.base import FILES, read_bytes, unpacked
from mmzoo.modalities.image.pictures import read_picture
from mmzoo.modalities.image.pictures.exif import turned
from mmzoo.modalities.sensor import read_numbers

HEAD, FOOT = 12, 4  # bytes around a record: its length and the checksum of that; the checksum of the record
MAX_RECORD = 2**30  # bytes of a record, which is read whole


def raw(value: Any, kind: str) -> bytes:
    """A value as bytes: a file's own, decoded once to see that it can be, an array as .npy, a text in UTF-8.

    A waveform with its rate is a WAV file, the numbers of a CSV or Parquet file an array.

    Raises:
        DataError: it is not what its kind reads.
    """
    if kind == "text":
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    value = unpacked(read_numbers(value) if kind == "sensor" else value)
    if kind == "image" and not isinstance(value, FILES):  # the pixels that an input reads of it, whatever its mode
        pixels, turn = read_picture(value, "of a record")
        value = turned(pixels, turn)
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
    """A waveform (N,), (N, channels) or (channels, N) as a WAV file with the same samples, int16 or float32.

    Raises:
        DataError: it is no waveform, or a WAV file has no such rate, or not so many channels.
    """
    import soundfile

    file = io.BytesIO()
    samples = waveform(samples, "to be packed")
    try:
        require_data(rate == int(rate), "lying_audio", f"A WAV file has no rate of {rate} Hz; resample it.")
        subtype = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
        soundfile.write(file, samples, int(rate), format="WAV", subtype=subtype)
    except (RuntimeError, TypeError) as error:  # a LibsndfileError is a RuntimeError
        raise DataError(f"A waveform {samples.shape} cannot be a WAV file ({error}).", "junk_audio") from error
    return file.getvalue()


def parts_of(data: bytes, names: set[str], where: str) -> dict[str, bytes]:
    """The features of a serialized `tf.train.Example`: exactly these, a string of bytes each.

    Raises:
        DataError: it is not one, or has others; begins with `where`.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        found = tf.train.Example.FromString(data).features.feature
    except DecodeError:
        raise DataError(f"{where}: it is no tf.train.Example; write it again.", "damaged_shard") from None
    values = {name: found[name].bytes_list.value for name in found}
    good = values.keys() == names and all(len(value) == 1 for value in values.values())
    require_data(good, "damaged_shard", f"{where}: its features are not those of its index; write it again.")
    return {name: value[0] for name, value in values.items()}


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
