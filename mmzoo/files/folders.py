"""Folders that mmzoo writes into: one writer at a time, and replaced as a whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from mmzoo.errors import MMZooError, require
from mmzoo.files import is_folder, is_own, is_plain, name_beside, remove_beside

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None


@contextmanager
def held(folder: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Inside, nobody else holds the folder. The system lets go of it when the process ends, however that is.

    Where a system or a file system has no locks, nothing is held.

    Args:
        what: who else may hold it, for the error: "training".
        wait: wait for the other one, in place of an error.

    Raises:
        MMZooError: another one holds it, or it cannot be opened.
    """
    if fcntl is None:
        yield
        return
    try:
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise MMZooError(f"The folder '{folder}' cannot be opened ({error.strerror}); choose another.") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            require(wait, f"Another {what} writes into '{folder}'; wait until it has ended, or choose another folder.")
            logging.getLogger("mmzoo").info(f"Another {what} writes into '{folder}'; this one waits for its end.")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        remove_beside(folder)
        yield
    finally:
        os.close(file)


def identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another that was made under the same name; None where there is none."""
    try:
        facts = folder.stat()
    except (OSError, ValueError):
        return None
    return facts.st_dev, facts.st_ino


def made_in(folder: Path) -> dict[str, object]:
    """What tells a folder from its copies and from where it was before it was moved."""
    return {"folder": str(folder.resolve()), "inode": folder.stat().st_ino}


def discard(path: Path) -> None:
    """Remove a file of mmzoo's own, or a link in its place, but not what that leads to.

    Raises:
        MMZooError: it is a folder, or cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise MMZooError(f"'{path}' cannot be replaced ({error.strerror}); remove it first.") from error


@contextmanager
def replacing(path: Path, known: Callable[[str], object]) -> Iterator[Path]:
    """A place for a new folder, which is `path` in the end, or what was there if anything fails.

    Args:
        known: of a path within the folder, with slashes: is it one that mmzoo writes?

    Raises:
        MMZooError: what stands at `path` holds something that mmzoo did not write, or nothing can be written.
    """
    check_replaced(path, known)
    beside = path.parent / name_beside()
    try:
        beside.mkdir()
        yield beside / "new"
        check_replaced(path, known)
        if is_folder(path):
            path.rename(beside / "old")
        (beside / "new").rename(path)
    except OSError as error:
        raise MMZooError(
            f"'{path}' could not be written ({error.strerror}); free some space or choose another folder."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_no_link(path: Path) -> Path:
    """The same path; raise if a link or a file stands where mmzoo's own folder is, or will be."""
    require(
        is_folder(path) or not os.path.lexists(path),
        f"'{path}' is a link or a file where mmzoo's own folder should be; remove it first.",
    )
    return path


def check_replaced(path: Path, known: Callable[[str], object]) -> None:
    """Raise unless nothing stands at `path`, or a folder of nothing but plain files and folders that are `known`."""
    if not os.path.lexists(path):
        return
    check_no_link(path)
    for parent, folders, names in os.walk(path):
        for name in folders + names:
            found = Path(parent, name)
            within = found.relative_to(path).as_posix()
            ours = is_own(found) and is_plain(found) == (name in names)
            require(
                ours and known(within),
                f"'{found}' is not what mmzoo writes there, and its folder would be replaced; move it elsewhere first.",
            )
