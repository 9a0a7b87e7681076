"""A record as bytes: the `tf.train.Example` that holds its values, and its frame in a TFRecord file."""

from __future__ import annotations

import struct

import google_crc32c

from mmzoo.errors import DataError, require_data

HEAD, FOOT = 12, 4  # bytes around a record: its length and the checksum of that; the checksum of the record
MAX_RECORD = 2**30  # bytes of a record, which is read whole


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


def unframed(frame: bytes) -> bytes | None:
    """What `framed` was given; None if the frame is not what that would give."""
    data = frame[HEAD:-FOOT]
    length = struct.pack("<Q", len(data))
    good = len(frame) >= HEAD + FOOT and frame[:HEAD] == length + masked(length) and frame[-FOOT:] == masked(data)
    return data if good else None


def framed(data: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)
