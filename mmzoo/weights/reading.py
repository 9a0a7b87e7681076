"""Reading what a stranger wrote: plain files of a stated length and hash, and JSON without surprises."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.files import open_plain, read_file
from mmzoo.files.limits import MAX_JSON, check_plain, parse_json
from mmzoo.messages.words import one_line

OWN = Path(__file__).parent.parent
"""Here installers put files, and some of them do that by links to those that they keep elsewhere."""
NOT_PLAIN = "'{}' is a link or not a plain file; copy the model again, each file itself."


class FileFacts(TypedDict):
    """What a card says of a file of the model."""

    bytes: int
    sha256: str


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, int]]:
    """The descriptor and the length of a plain file.

    Raises:
        MMZooError: it is missing, or a link, a folder, a pipe or a device, none of which is ever read.
    """
    try:
        file, size = open_plain(path, links=False)
    except FileNotFoundError:
        raise MMZooError(f"'{path}' is missing; copy the model again.") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EINVAL, errno.ENXIO):
            raise MMZooError(NOT_PLAIN.format(path)) from None
        raise MMZooError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from None
    try:
        require(os.fstat(file).st_nlink == 1 or path.is_relative_to(OWN), NOT_PLAIN.format(path))
        yield file, size
    except OSError as error:
        raise MMZooError(f"'{path}' cannot be read ({error.strerror}); check its disk.") from None
    finally:
        os.close(file)


def plain_size(path: Path) -> int:
    """The length of a plain file."""
    with opened(path) as (_, size):
        return size


def read_start(path: Path, count: int) -> bytes:
    """At most the first `count` bytes of a plain file."""
    with opened(path) as (file, size):
        left, parts = min(count, size), [b""]
        while left and (part := os.read(file, left)):  # one call does not read all of a large file
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def read_whole(path: Path, facts: FileFacts) -> bytes:
    """All bytes of a file, if they are those that its card means."""
    damaged = f"'{path}' is not what its card says (wrong length or hash); copy the model again."
    require(plain_size(path) == facts["bytes"], damaged)
    data = read_start(path, facts["bytes"] + 1)
    require(hashlib.sha256(data).hexdigest() == facts["sha256"], damaged)
    return data


def read_json(path: Path, facts: FileFacts) -> Raw:
    """The value of a JSON file, if it is the one that its card means."""
    require(facts["bytes"] <= MAX_JSON, f"'{path}' is over the limit of {MAX_JSON // 2**20} MB of JSON.")
    value = parse_json(f"'{path}'", read_whole(path, facts))
    check_plain(f"'{path}'", value)
    return value


def read_published(path: str | Path, limit: int, what: str = "weights file") -> bytes:
    """All bytes of a file of at most `limit` bytes that others publish, which has no card beside it.

    Raises:
        MMZooError: it cannot be read; calls it `what`.
    """
    try:
        return read_file(path, limit=limit)
    except OSError as error:
        raise MMZooError(f"The {what} '{path}' cannot be read ({error.strerror or error}).") from None


@contextmanager
def told(what: str) -> Iterator[None]:
    """Inside, every error becomes one sentence."""
    try:
        yield
    except MMZooError as error:
        raise MMZooError(one_line(error)) from error
    # A card may ask for anything, and Keras answers nonsense with any kind of error.
    except Exception as error:
        raise MMZooError(f"{what} ({type(error).__name__}: {one_line(error)[:300]}).") from error
