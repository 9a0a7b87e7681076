"""What a client must know, inside the .tflite itself: JSON in an entry `mmzoo.json` of the file's metadata.

Ordinary readers ignore it. A FlatBuffer points forward only, so a new root, with all that the old one
points to and one buffer more, is put in front of the bytes as they are: nothing of the model is touched or moved
within its alignment. Needs nothing but the standard library.

The seal shows damage. It is no signature: whoever makes up a file can seal it, so every offset, count and length is
held against the length of the file, and the JSON against a closed schema. The model itself is a program for LiteRT.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from typing import Any

from mmzoo.errors import MMZooError, require
from mmzoo.export.description import check_description
from mmzoo.limits import parse_json

ENTRY = b"mmzoo.json"
FORMAT = 1
"""Of the description; another one is read by another version of mmzoo."""
BUFFERS, METADATA = 4, 6  # fields of the root table in TensorFlow's schema.fbs
FIELDS = 8
ALIGNMENT = 16
UNSIGNED = b"0" * 64
SEAL = re.compile(rb'"sha256": "([0-9a-f]{64})"')
MAX_FIELDS, MAX_BUFFERS, MAX_ENTRIES = 64, 2**20, 64
"""Of a table, of a model, and of its metadata: more than any file has, few enough to go through."""


class AstrayError(ValueError):
    """A place in a file that is outside of it, or more of something than a file has."""


def attach(data: bytes, about: dict[str, Any]) -> bytes:
    """The same .tflite with `about` inside, sealed by the SHA-256 of the whole file with zeros in the seal's place."""
    text = json.dumps({"sha256": UNSIGNED.decode(), "format": FORMAT, **about}, ensure_ascii=False).encode()
    root, fields = table(data, 0)
    new = max(len(fields), FIELDS)
    # vtable, root table, vector of buffers, vector of metadata, metadata table, its name, buffer table, its bytes
    at_table = 8 + (4 + 2 * new + 3) // 4 * 4
    old_buffers, old_metadata = vector(data, root, fields, BUFFERS), vector(data, root, fields, METADATA)
    at_buffers = at_table + 4 + 4 * new
    at_metadata = at_buffers + 4 + 4 * (len(old_buffers) + 1)
    at_entry = at_metadata + 4 + 4 * (len(old_metadata) + 1)
    at_name = at_entry + 8 + 12
    at_buffer = at_name + 4 + (len(ENTRY) + 4) // 4 * 4
    at_text = up(at_buffer + 8 + 8 + 4) - 4  # so that the bytes after the length are aligned
    front = up(at_text + 4 + len(text))

    out = bytearray(front)
    struct.pack_into("<I4s", out, 0, at_table, b"TFL3")
    struct.pack_into("<HH", out, 8, 4 + 2 * new, 4 + 4 * new)
    struct.pack_into("<i", out, at_table, at_table - 8)
    for field in range(new):
        slot = at_table + 4 + 4 * field
        old = fields[field] if field < len(fields) else 0
        if not old and field not in (BUFFERS, METADATA):
            continue
        struct.pack_into("<H", out, 8 + 4 + 2 * field, 4 + 4 * field)
        if field == 0:  # the version, the only number among the fields
            out[slot : slot + 4] = data[root + old : root + old + 4]
            continue
        target = {BUFFERS: at_buffers, METADATA: at_metadata}.get(field)
        if target is None:
            target = front + follow(data, root + old)
        struct.pack_into("<I", out, slot, target - slot)
    for at, olds, last in ((at_buffers, old_buffers, at_buffer + 8), (at_metadata, old_metadata, at_entry + 8)):
        struct.pack_into("<I", out, at, len(olds) + 1)
        for place, target in enumerate([*(front + old for old in olds), last]):
            slot = at + 4 + 4 * place
            struct.pack_into("<I", out, slot, target - slot)
    # Metadata {name, buffer}: vtable of 8 bytes, then the table.
    struct.pack_into("<HHHHiII", out, at_entry, 8, 12, 4, 8, 8, at_name - (at_entry + 12), len(old_buffers))
    struct.pack_into(f"<I{len(ENTRY)}s", out, at_name, len(ENTRY), ENTRY)
    # Buffer {data}: vtable of 6 bytes and 2 of padding, then the table.
    struct.pack_into("<HHHHiI", out, at_buffer, 6, 8, 4, 0, 8, at_text - (at_buffer + 12))
    struct.pack_into(f"<I{len(text)}s", out, at_text, len(text), text)
    whole = bytes(out) + data
    return whole.replace(UNSIGNED, hashlib.sha256(whole).hexdigest().encode(), 1)


def read(data: bytes, origin: str) -> dict[str, Any]:
    """What `attach` put in.

    Raises:
        MMZooError: there is nothing, a byte of the file is not what it was, it is of another version, or holds what a
            description does not.
    """
    require(data[4:8] == b"TFL3", f"{origin} is not a .tflite; give one that mmzoo export wrote.")
    seal = SEAL.search(data)
    if seal is None:
        raise MMZooError(f"{origin} has no description by mmzoo inside, or is cut short; export it with mmzoo export.")
    digest = hashlib.sha256(data[: seal.start(1)])
    digest.update(UNSIGNED)
    digest.update(memoryview(data)[seal.end(1) :])
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
    check_description(origin, about)
    return dict(about)


def entry_of(data: bytes) -> bytes | None:
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


def up(size: int) -> int:
    """The next multiple of the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def number(data: bytes, at: int, form: str) -> int:
    """The number at a place in the file."""
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise AstrayError
    return int(struct.unpack_from(form, data, at)[0])


def follow(data: bytes, at: int) -> int:
    """Where the offset at `at` points to."""
    return at + number(data, at, "<I")


def table(data: bytes, at: int, *, follow_first: bool = True) -> tuple[int, tuple[int, ...]]:
    """A table's place, and the places of its fields within it; 0 for one that it has not."""
    at = follow(data, at) if follow_first else at
    vtable = at - number(data, at, "<i")
    count = (number(data, vtable, "<H") - 4) // 2
    if not 0 <= count <= MAX_FIELDS:
        raise AstrayError
    return at, tuple(number(data, vtable + 4 + 2 * field, "<H") for field in range(count))


def vector(data: bytes, root: int, fields: tuple[int, ...], field: int) -> list[int]:
    """The places that a field's vector of offsets points to."""
    if field >= len(fields) or not fields[field]:
        return []
    at = follow(data, root + fields[field])
    count = number(data, at, "<I")
    if count > MAX_BUFFERS:
        raise AstrayError
    return [follow(data, at + 4 + 4 * k) for k in range(count)]
