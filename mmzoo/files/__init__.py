"""Reading and writing files where a stranger may have put links, pipes and devices.

A file is opened once, without waiting, and must be a plain one; a write is never half there and follows no link.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mmzoo.errors import MMZooError

MAX_FILE = 2**31
"""Bytes of one file that is read whole."""

BESIDE = re.compile(r"\.mmzoo-[0-9a-f]{32}\.new")
"""The names that files have while they are written; nobody can guess one and put a link there."""


def open_plain(path: str | os.PathLike[str], *, links: bool = True) -> tuple[int, int]:
    """The descriptor and the length of a plain file that is opened for reading.

    Args:
        links: whether the last part of the path may be a link. A user's own path may; what lies in a folder that may
            be a stranger's may not.

    Raises:
        OSError: it is missing, cannot be read, or is a folder, a pipe, a socket or a device, on none of which it waits.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        file = os.open(path, flags | (0 if links else getattr(os, "O_NOFOLLOW", 0)))
    except ValueError as error:  # a NUL in the path, or half a surrogate pair
        raise OSError(errno.EINVAL, f"the path is not one that a file can have: {error}") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, and the way it leads is not followed") from None
        raise
    facts = os.fstat(file)
    if not links and not hasattr(os, "O_NOFOLLOW") and Path(path).is_symlink():
        os.close(file)
        raise OSError(errno.ELOOP, "it is a link, and the way it leads is not followed")
    if not stat.S_ISREG(facts.st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is not a plain file but a folder, a pipe or a device")
    return file, facts.st_size


def read_file(path: str | os.PathLike[str], *, links: bool = True, limit: int = MAX_FILE) -> bytes:
    """All bytes of a plain file, in few calls of the system: each slows down the decoder that comes after it.

    Raises:
        OSError: see `open_plain`; or it has more than `limit` bytes.
    """
    file, size = open_plain(path, links=links)
    try:
        large = OSError(errno.EFBIG, f"it has {size} bytes, over the limit of {limit}")
        if size > limit:
            raise large
        parts = [os.read(file, size + 1)]
        if len(parts[0]) != size:  # it is larger than one call reads, grows, or is one of those that /proc makes up
            total = len(parts[0])
            while parts[-1]:
                parts.append(os.read(file, 2**20))
                total += len(parts[-1])
                if total > limit:
                    raise large
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(file)


def write_file(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write `data` as `writing` does."""
    with writing(path, mode=mode) as file:
        file.write(data)


@contextmanager
def writing(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Write what is written inside so that `path` is either what it was or complete, whenever the machine stops.

    It is written beside, under a name that nobody can guess, flushed and renamed; then the folder's entry is flushed.
    A link that stands at `path` is replaced, not followed.

    Args:
        mode: who may read and write it, before the user's mask.

    Raises:
        MMZooError: the disk is full or the folder cannot be written.
    """
    beside = name_beside()
    try:
        with _folder(path.parent) as (folder, relative):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            for flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
                flags |= getattr(os, flag, 0)
            at: str | Path = beside if relative else path.with_name(beside)
            handle = os.open(at, flags, mode, **relative)
            try:
                with open(handle, "wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                if relative:
                    os.rename(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
                else:
                    path.with_name(beside).replace(path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(at, **relative)
                raise
            if folder is not None:
                os.fsync(folder)
    except MMZooError:
        raise
    except (OSError, ValueError) as error:
        raise MMZooError(
            f"'{path}' could not be written ({getattr(error, 'strerror', None) or error}); "
            "free some space or choose another folder."
        ) from error


@contextmanager
def _folder(path: Path) -> Iterator[tuple[int | None, dict[str, int]]]:
    """The descriptor of a folder and how `os.open` is told of it; none where a system has none (Windows)."""
    if os.open not in os.supports_dir_fd or not hasattr(os, "O_DIRECTORY"):
        yield None, {}
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder, {"dir_fd": folder}
    finally:
        os.close(folder)


def subfolder(parent: Path, name: str) -> Path:
    """The folder `name` in `parent`, made if it is not there. `parent` must be there.

    Raises:
        MMZooError: something else stands there, such as a link to a folder elsewhere, which is not written into; or it
            cannot be made.
    """
    path = parent / name
    try:
        with suppress(FileExistsError):
            path.mkdir()
        mode = os.lstat(path).st_mode
    except OSError as error:
        raise MMZooError(f"The folder '{path}' cannot be made ({error.strerror}); choose another folder.") from error
    if not stat.S_ISDIR(mode):
        raise MMZooError(f"'{path}' is a link or a file where mmzoo's own folder should be; remove it first.")
    return path


def is_own(path: Path) -> bool:
    """Is it a plain file or a folder that is there, and no link?"""
    return _mode(path) in (stat.S_IFREG, stat.S_IFDIR)


def is_plain(path: Path) -> bool:
    """Is it a plain file that is there, and no link?"""
    return _mode(path) == stat.S_IFREG


def is_folder(path: Path) -> bool:
    """Is it a folder that is there, and no link?"""
    return _mode(path) == stat.S_IFDIR


def _mode(path: Path) -> int | None:
    """What stands at a path; None for nothing."""
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return None


def remove_beside(folder: Path) -> None:
    """Remove what writes that were killed have left in a folder of mmzoo's own. Nobody may be writing there."""
    for path in folder.iterdir():
        if BESIDE.fullmatch(path.name):
            with suppress(OSError):
                if is_plain(path):
                    path.unlink()
                elif is_folder(path):
                    shutil.rmtree(path)


def name_beside() -> str:
    """A name for what is being written: nobody can guess it, and `remove_beside` knows it."""
    return f".mmzoo-{secrets.token_hex(16)}.new"


def bytes_of(size: str) -> int:
    """A size as it is written: 5MB, 800 kB, 1.5e6."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmg]?)b?\s*", size.lower())
    try:
        number, unit = found.groups() if found else ("", "")
        return int(float(number) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[unit])
    except (ValueError, OverflowError):
        raise MMZooError(f"A size is written like 5MB or 800kB, not '{size}'.") from None
