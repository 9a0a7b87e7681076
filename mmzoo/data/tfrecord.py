"""The TFRecord format, by offset: every record with its length and two checksums.

A record of n bytes is framed as uint64 n, uint32 checksum of those 8 bytes, the n bytes, uint32 checksum of them; all
little-endian. The checksum is CRC-32C (Castagnoli), rotated and shifted ("masked"), so that TensorFlow reads what is
written here, and the other way round: https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

from __future__ import annotations

import struct
from pathlib import Path

import google_crc32c

from mmzoo.errors import DataError, require_data

HEAD = struct.Struct("<QI")
FOOT = struct.Struct("<I")


def checksum(data: bytes) -> int:
    """The masked CRC-32C of `data`, 32 bits."""
    plain = google_crc32c.value(data)
    return ((plain >> 15 | plain << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(data: bytes) -> bytes:
    """One record as it stands in the file."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, FOOT.pack(checksum(length)), data, FOOT.pack(checksum(data))))


def read_framed(path: Path, start: int, end: int) -> bytes:
    """The record whose frame is the bytes `start` to `end` of a file.

    The file is opened for each record: any number of threads and processes may read, and no limit on open files is met.

    Raises:
        DataError: the file is not there, is cut short, or is damaged; names it and the offset.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            frame = file.read(end - start)
    except OSError as error:
        message = f"The shard '{path}' cannot be read ({error.strerror}); copy it again."
        raise DataError(message, "unreadable_file") from error
    where = f"The shard '{path}' is {{}} in the record at byte {start}; copy it again, or write it with mmzoo shard."
    require_data(len(frame) == end - start, "cut_shard", where.format("cut short"))
    length, of_length = HEAD.unpack_from(frame)
    data = frame[HEAD.size : -FOOT.size]
    whole = length == len(data) and of_length == checksum(frame[:8])
    require_data(
        whole and checksum(data) == FOOT.unpack_from(frame, len(frame) - FOOT.size)[0],
        "corrupt_shard",
        where.format("damaged"),
    )
    return data
