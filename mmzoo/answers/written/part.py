"""Answers while they are written: a file that is only ever added to, and of which each part is proven when it is read.

The first line says what is answered and how. Then come blocks, one of some records: a line with the length and the
SHA-256 of what follows, and that, a JSON object a line. Whatever a kill, a full disk or a damaged byte leaves behind
the last whole block is cut off, and the work goes on there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from mmzoo.aliases import Raw
from mmzoo.data.tally import PieceTally
from mmzoo.errors import MMZooError, require
from mmzoo.messages.words import one_line

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None

LONGEST_LINE = 2**20
LARGEST_BLOCK = 2**32
Row = dict[str, Raw]


class PartFile:
    """The unfinished answers beside `path`, made or gone on with, and held until it is closed.

    Args:
        path: of the answers when they are finished.
        about: plain data that says what is answered and how.
        anew: may one about something else be replaced?
        fits: of what was counted in a block, whether it is as it would be made now; what follows one that is not is
            made again.

    Raises:
        MMZooError: it is about something else, is no plain file, another process writes it, or it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        about: Mapping[str, object],
        *,
        anew: bool = False,
        fits: Callable[[PieceTally], bool] = lambda _: True,
    ) -> None:
        self.final, self.path = path, path.with_name(f"{path.name}.part")
        self.head = json.dumps({"mmzoo answers": 1, **about}, sort_keys=True).encode() + b"\n"
        self.tallies: list[PieceTally] = []
        """What was counted in each block."""
        self.records = 0
        """How many rows there are."""
        self.end = 0
        self.handle = self._open()
        try:
            self._hold()
            self._go_on(anew, fits)
        except BaseException:
            os.close(self.handle)
            raise

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT
        for flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NONBLOCK"):
            flags |= getattr(os, flag, 0)
        try:
            handle = os.open(self.path, flags, 0o666)
        except (OSError, ValueError) as error:
            raise MMZooError(self._unwritten(error)) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise MMZooError(f"'{self.path}' is no plain file; remove it, or choose another --out.")
        return handle

    def _hold(self) -> None:
        if fcntl is None:
            return
        said = f"Another process writes '{self.path}'; wait for its end, or choose another --out."
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MMZooError(said) from None
        except OSError:
            pass  # a file system without locks

    def _go_on(self, anew: bool, fits: Callable[[PieceTally], bool]) -> None:
        """Find the end of the last whole block, and cut off what is behind it."""
        with self._read() as file:
            there = file.readline(LONGEST_LINE)
            if there == self.head:
                self.end = file.tell()
                for tally, rows, _ in blocks(file):
                    if not fits(tally):
                        break
                    self.tallies.append(tally)
                    self.records += rows
                    self.end = file.tell()
            else:
                anew = anew or not file.read(1)  # there are no answers in it
        # A first line that was cut short was followed by nothing.
        require(
            anew or self.head.startswith(there),
            f"'{self.path}' holds unfinished answers of another table, model or other options; give these again to go "
            "on with it, give --overwrite to begin anew, or choose another --out.",
        )
        os.ftruncate(self.handle, self.end)
        if not self.end:
            self._write(self.head)

    def _read(self) -> BinaryIO:
        file = os.fdopen(os.dup(self.handle), "rb")
        file.seek(0)
        return file

    def append(self, rows: list[Row], tally: PieceTally) -> None:
        """Add a block.

        Raises:
            MMZooError: it cannot be written; what is there already is kept.
        """
        data = as_lines(rows)
        sha256 = hashlib.sha256(data).hexdigest()
        facts = {"bytes": len(data), "rows": len(rows), "tally": tally, "sha256": sha256}
        facts["proof"] = proof(len(data), len(rows), tally, sha256)
        self._write(json.dumps(facts).encode() + b"\n" + data)
        self.tallies.append(tally)
        self.records += len(rows)

    def rows(self) -> Iterator[list[Row]]:
        """All rows, block by block."""
        seen = 0
        with self._read() as file:
            file.readline(LONGEST_LINE)
            for _, rows, data in blocks(file):
                seen += rows
                yield rows_of(data)
        require(seen == self.records, f"'{self.path}' was changed while it was read; give the same command again.")

    def _write(self, data: bytes) -> None:
        try:
            os.lseek(self.handle, self.end, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(self.handle, left) :]
            os.fsync(self.handle)
        except OSError as error:
            with suppress(OSError):  # then it is cut when it is gone on with
                os.ftruncate(self.handle, self.end)
            raise MMZooError(self._unwritten(error)) from error
        self.end += len(data)

    def _unwritten(self, error: Exception) -> str:
        why = one_line(getattr(error, "strerror", None) or error)
        kept = f"; the {self.records:,} answers in it are kept" if self.records else ""
        full = getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = f"{'free some space' if full else 'mend that'} and give the same command again"
        return f"'{self.path}' could not be written ({why}){kept}; {remedy}, or choose another --out."

    def close(self) -> None:
        """Let go of it; it stays."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def remove(self) -> None:
        """Remove it: its answers are elsewhere."""
        self.close()
        self.path.unlink(missing_ok=True)


def as_lines(rows: list[Row]) -> bytes:
    """Rows as JSON objects, a line each."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for row in rows)


def rows_of(data: bytes) -> list[Row]:
    """The rows of which `as_lines` made this."""
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def proof(size: int, rows: int, tally: PieceTally, sha256: str) -> str:
    """The SHA-256 of what the line before a block says."""
    return hashlib.sha256(json.dumps([size, rows, tally, sha256], sort_keys=True).encode()).hexdigest()


def blocks(file: BinaryIO) -> Iterator[tuple[PieceTally, int, bytes]]:
    """From where a file stands, the whole blocks: their tallies, numbers of rows and bytes."""
    while line := file.readline(LONGEST_LINE):
        try:
            facts = json.loads(line)
            size, rows, tally = facts["bytes"], facts["rows"], facts["tally"]
            if type(size) is not int or type(rows) is not int or not 0 <= size <= LARGEST_BLOCK:
                return
            if facts["proof"] != proof(size, rows, tally, facts["sha256"]):
                return
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        data = file.read(size)
        if len(data) != size or hashlib.sha256(data).hexdigest() != facts["sha256"]:
            return
        yield tally, rows, data
