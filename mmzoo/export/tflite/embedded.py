"""What a client must know, inside the .tflite itself: JSON in an entry `mmzoo.json` of the file's metadata.

Ordinary readers ignore it. It is written with TensorFlow's own classes for the format, and read with nothing but the
standard library, by hand, because a file may be a stranger's.

The seal shows damage. It is no signature: whoever makes up a file can seal it, so every offset, count and length is
held against the length of the file, and the JSON against a closed schema. The model itself is a program for LiteRT.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path

from mmzoo.errors import MMZooError, require
from mmzoo.export.tflite.description import Description, check_description
from mmzoo.files import MAX_FILE, open_plain, read_file
from mmzoo.files.limits import parse_json

ENTRY = b"mmzoo.json"
FORMAT = 1
"""Of the description; another one is read by another version of mmzoo."""
BUFFERS, METADATA = 4, 6  # fields of the root table in TensorFlow's schema.fbs
UNSIGNED = b"0" * 64
SEAL = re.compile(rb'"sha256": "([0-9a-f]{64})"')
MAX_FIELDS, MAX_BUFFERS, MAX_ENTRIES = 64, 2**20, 64
"""Of a table, of a model, and of its metadata: more than any file has, few enough to go through."""


Bytes = bytes | mmap


class AstrayError(ValueError):
    """A place in a file that is outside of it, or more of something than a file has."""


def attach(data: bytes, about: Mapping[str, object]) -> bytes:
    """The same .tflite with `about` inside, sealed by the SHA-256 of the whole file with zeros in the seal's place."""
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    from mmzoo.export.tflite.flatbuffer import opened, written

    text = json.dumps({"sha256": UNSIGNED.decode(), "format": FORMAT, **about}, ensure_ascii=False).encode()
    model, buffer, entry = opened(data), schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(text, np.uint8)
    model.buffers = [*(model.buffers or [schema.BufferT()]), buffer]  # the first is empty by the schema
    entry.name, entry.buffer = ENTRY, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    whole = written(model)
    at = whole.index(text) + text.index(UNSIGNED)
    return whole[:at] + hashlib.sha256(whole).hexdigest().encode() + whole[at + len(UNSIGNED) :]


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[Description, dict[str, str | bytes]]]:
    """What `attach` put into a file, and the arguments by which LiteRT is given it inside, mapped where that is known.

    Raises:
        MMZooError: it cannot be read; or see `read`.
    """
    origin = f"The model '{path}'"
    try:
        handle, size = open_plain(path)
        with open(handle, "rb") as file:
            own = f"/proc/self/fd/{handle}"  # the file that was opened, whatever stands at the path by now
            if not 0 < size <= MAX_FILE or not Path(own).exists():
                data = read_file(path)
                yield read(data, origin), {"model_content": data}
                return
            with mmap(file.fileno(), 0, access=ACCESS_READ) as pages:
                about = read(pages, origin)
            yield about, {"model_path": own}
    except OSError as error:
        raise MMZooError(f"{origin} cannot be read ({error.strerror}); check the path.") from None


def read(data: Bytes, origin: str) -> Description:
    """What `attach` put in.

    Raises:
        MMZooError: there is nothing, a byte of the file is not what it was, it is of another version, or holds what a
            description does not.
    """
    require(data[4:8] == b"TFL3", f"{origin} is not a .tflite; give one that mmzoo export wrote.")
    seal = SEAL.search(data)
    if seal is None:
        raise MMZooError(f"{origin} has no description by mmzoo inside, or is cut short; export it with mmzoo export.")
    with memoryview(data) as whole, whole[: seal.start(1)] as before, whole[seal.end(1) :] as behind:
        digest = hashlib.sha256(before)
        digest.update(UNSIGNED)
        digest.update(behind)
    require(
        digest.hexdigest().encode() == seal[1],
        f"{origin} is damaged: its bytes are not those that were exported; copy or export it again.",
    )
    try:
        text = entry_of(data)
    except AstrayError:
        raise MMZooError(f"{origin} is damaged: a place that it names is outside of it; export it again.") from None
    require(text is not None, f"{origin} has no description by mmzoo inside; export it with mmzoo export.")
    about = parse_json(f"The description in {origin}", text or b"", "export the model again")
    found = about if isinstance(about, dict) else {}
    version = found.get("mmzoo")
    named = version[:40] if isinstance(version, str) else "unknown"
    made = f"{origin} was exported by another version of mmzoo ({named!r})"
    kind = found.get("format")
    require(type(kind) is int and kind == FORMAT, f"{made}; export it again with this one, or install that.")
    return check_description(origin, about)


def entry_of(data: Bytes) -> bytes | None:
    """The bytes of the metadata's entry that `attach` wrote; None where there is none.

    Raises:
        AstrayError: a place or a number in the file is beyond what there is.
    """
    root, fields = table(data, 0)
    buffers = vector(data, root, fields, BUFFERS)
    entries = vector(data, root, fields, METADATA)
    if len(entries) > MAX_ENTRIES:
        raise AstrayError
    for entry in entries:
        _, parts = table(data, entry, follow_first=False)
        if len(parts) < 2 or not parts[0]:
            continue
        name = follow(data, entry + parts[0])
        if (number(data, name, "<I"), data[name + 4 : name + 4 + len(ENTRY)]) != (len(ENTRY), ENTRY):
            continue
        place = number(data, entry + parts[1], "<I") if parts[1] else 0
        if place >= len(buffers):
            raise AstrayError
        _, parts = table(data, buffers[place], follow_first=False)
        if not parts or not parts[0]:
            raise AstrayError
        start = follow(data, buffers[place] + parts[0])
        end = start + 4 + number(data, start, "<I")
        if end > len(data):
            raise AstrayError
        return data[start + 4 : end]
    return None


def number(data: Bytes, at: int, form: str) -> int:
    """The number at a place in the file."""
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise AstrayError
    return int(struct.unpack_from(form, data, at)[0])


def follow(data: Bytes, at: int) -> int:
    """Where the offset at `at` points to."""
    return at + number(data, at, "<I")


def table(data: Bytes, at: int, *, follow_first: bool = True) -> tuple[int, tuple[int, ...]]:
    """A table's place, and the places of its fields within it; 0 for one that it has not."""
    at = follow(data, at) if follow_first else at
    vtable = at - number(data, at, "<i")
    count = (number(data, vtable, "<H") - 4) // 2
    if not 0 <= count <= MAX_FIELDS:
        raise AstrayError
    return at, tuple(number(data, vtable + 4 + 2 * field, "<H") for field in range(count))


def vector(data: Bytes, root: int, fields: tuple[int, ...], field: int) -> list[int]:
    """The places that a field's vector of offsets points to."""
    if field >= len(fields) or not fields[field]:
        return []
    at = follow(data, root + fields[field])
    count = number(data, at, "<I")
    if count > MAX_BUFFERS:
        raise AstrayError
    return [follow(data, at + 4 + 4 * k) for k in range(count)]
