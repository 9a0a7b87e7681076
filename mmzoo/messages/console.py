"""What a command says, on whatever it is said to: a terminal of few letters, a full disk, a closed pipe, nothing."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

from mmzoo.aliases import Untyped
from mmzoo.messages.words import HIDDEN, printable


class Shown(io.TextIOBase):
    """A stream that takes every text and never raises.

    What its encoding does not have, and what would act on a terminal, is replaced. After the first write that fails,
    such as to a full disk, the rest is dropped: what a command does is not to be lost with what it says.

    Args:
        stream: of the system; None where there is none.
        bars: let through "\\r", by which progress bars write over themselves.
    """

    def __init__(self, stream: TextIO, bars: bool = False) -> None:
        self.stream, self.bars = stream, bars
        self.lost = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Say a text; its length."""
        shown = "\r".join(map(printable, text.split("\r"))) if self.bars else printable(text)
        shown = shown.encode(self.encoding, "replace").decode(self.encoding)
        try:
            if not self.lost:
                self._open().write(shown)
        except (OSError, ValueError) as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        try:
            if not self.lost and self.stream is not None:
                self.stream.flush()
        except (OSError, ValueError) as error:
            self._lose(error)

    def close(self) -> None:
        """Hand on what was written; the stream is the system's, and whoever logs may still write to it."""
        self.flush()

    def isatty(self) -> bool:
        return self.stream is not None and not self.lost and bool(self.stream.isatty())

    def fileno(self) -> int:
        """The descriptor; an OSError where there is none."""
        return int(self._open().fileno())

    def _open(self) -> Untyped:
        if self.stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.stream

    def _lose(self, error: Exception) -> None:
        self.lost = getattr(error, "strerror", None) or str(error)
        # Python writes what is left in the buffer when it ends, and would complain.
        with suppress(OSError, ValueError, AttributeError):
            if self.stream in (sys.__stdout__, sys.__stderr__):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self.stream.fileno())
                os.close(nowhere)


@contextmanager
def console() -> Iterator[tuple[Shown, Shown]]:
    """Inside, what is printed goes through `Shown`: output and errors, which are yielded."""
    open_missing()
    out, err = Shown(sys.stdout), Shown(sys.stderr, bars=True)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            yield out, err
        finally:
            out.flush()
            err.flush()


def open_missing() -> None:
    """Let the descriptors 0 to 2 that are closed lead nowhere: else the next file that is opened gets one of them, and
    with it what the C++ parts have to say."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def as_json(value: object) -> str:
    """JSON in one line, whose letters are escaped where the output has no such letters or a terminal would act."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
