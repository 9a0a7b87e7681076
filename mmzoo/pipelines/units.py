"""What was computed of the units of a work: a file each in one folder that all machines see.

A unit is numbered, and given its number anybody computes the same of it. Its file is written beside and renamed, so
that it is whole or not there, and that two machines have computed it does not matter. It has a line that says how many
bytes follow, their SHA-256 and some facts; one that was damaged is computed again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from mmzoo.errors import DataError, MMZooError, require
from mmzoo.files import BESIDE, read_file, write_file
from mmzoo.files.folders import check_replaced

Facts: TypeAlias = Any
"""Plain data about a unit; of which type, the work knows."""

ABOUT, FAILED = "about.json", "failed.json"
OWN = re.compile(rf"unit-\d{{8}}|{re.escape(ABOUT)}|{re.escape(FAILED)}|{BESIDE.pattern}")
END = {"end": True}
"""The facts of a unit that does not exist: the records ended before it."""


@dataclass(frozen=True)
class Units:
    """The folder of what was computed.

    Args:
        folder: the same one for every machine.
        about: plain data that says what is computed, and how.
    """

    folder: Path
    about: Mapping[str, object]

    @classmethod
    def beside(cls, path: Path, about: Mapping[str, object]) -> Units:
        """Those of a file or a folder that is to be written, in a folder beside it."""
        return cls(path.with_name(f"{path.name}.units").absolute(), about)

    def begin(self, *, anew: bool = False) -> None:
        """Make the folder, or go on with what is there.

        Args:
            anew: may results of something else be replaced?

        Raises:
            MMZooError: it holds results of something else, or cannot be made.
        """
        if anew and self._read(ABOUT) not in (b"", self._head):
            self.remove()
        try:
            self.folder.mkdir(exist_ok=True)
            names = {path.name for path in self.folder.iterdir()}
        except OSError as error:
            raise MMZooError(f"The folder '{self.folder}' cannot be made ({error.strerror}); free its name.") from error
        require(
            not names or self._read(ABOUT) == self._head,
            f"'{self.folder}' holds results of another table, model or other options; give these again to go on with "
            "them, or remove the folder.",
        )
        if not names:
            write_file(self.folder / ABOUT, self._head)
        (self.folder / FAILED).unlink(missing_ok=True)

    def check_seen(self) -> None:
        """Raise unless this machine sees the folder of the one that began the work."""
        require(
            self._read(ABOUT) == self._head,
            f"A worker does not see '{self.folder}' as the machine does that began the work; the table, its files, the "
            "run and what is written have to lie in folders that all workers share.",
        )

    def remove(self) -> None:
        """Remove the folder and all results in it."""
        check_replaced(self.folder, OWN.fullmatch)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, number: int, facts: Facts, data: bytes) -> None:
        """Keep what was computed of a unit."""
        head = {"bytes": len(data), "facts": facts, "proof": proof(facts, data)}
        write_file(self._path(number), json.dumps(head).encode() + b"\n" + data)

    def read(self, number: int) -> tuple[Facts, bytes] | None:
        """What was computed of a unit; None where that is missing or damaged."""
        first, _, data = self._read(self._path(number).name).partition(b"\n")
        try:
            head = json.loads(first)
            return (head["facts"], data) if head["proof"] == proof(head["facts"], data) else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def has(self, number: int) -> bool:
        """Is something there of a unit?"""
        return self._path(number).exists()

    def fail(self, error: MMZooError) -> None:
        """Tell everybody why the work cannot be done, so that it ends."""
        cause = error.cause if isinstance(error, DataError) else ""
        write_file(self.folder / FAILED, json.dumps({"error": str(error), "cause": cause}).encode())

    def has_failed(self) -> bool:
        """Has somebody told why the work cannot be done?"""
        return (self.folder / FAILED).exists()

    def raise_failed(self) -> None:
        """Raise what somebody has told, if anybody did."""
        if self.has_failed():
            told = json.loads(self._read(FAILED))
            raise DataError(told["error"], told["cause"]) if told["cause"] else MMZooError(told["error"])

    def missing(self, numbers: range, span: int, fits: Callable[[Facts], bool]) -> Iterator[range]:
        """The units that are not there, or not as they would be computed now, in stretches of up to `span`."""

        def is_there(number: int) -> bool:
            found = self.read(number)
            return found is not None and (found[0] == END or fits(found[0]))

        absent = (number for number in numbers if not is_there(number))
        for _, group in groupby(enumerate(absent), lambda pair: pair[1] - pair[0]):
            stretch = [number for _, number in group]
            for start in range(0, len(stretch), span):
                part = stretch[start : start + span]
                for number in part:
                    self._path(number).unlink(missing_ok=True)
                yield range(part[0], part[-1] + 1)

    @property
    def _head(self) -> bytes:
        return json.dumps(self.about, sort_keys=True).encode()

    def _path(self, number: int) -> Path:
        return self.folder / f"unit-{number:08d}"

    def _read(self, name: str) -> bytes:
        try:
            return read_file(self.folder / name, links=False)
        except OSError:
            return b""


def proof(facts: Facts, data: bytes) -> str:
    """The SHA-256 of all that is kept of a unit."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + b"\n" + data).hexdigest()
