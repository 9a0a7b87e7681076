"""Records that were learnt once and are learnt again, against forgetting: an even sample of all that came, on disk.

Algorithm R of Vitter 1985, "Random sampling with a reservoir": of the n-th record it is drawn whether it takes the
place of another. What was written is never changed but only added to, so that a checkpoint that knows the length of the
file, and where in it each record is, restores the sample exactly.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO, TypedDict

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.files import is_plain, open_plain, writing
from mmzoo.files.folders import discard
from mmzoo.messages.words import one_line

NAME = re.compile(r"replay-[0-9]{8,15}\.jsonl")
ROOM = 2**20
"""Bytes of records that are in the sample no more, which are not worth writing the file anew."""


class Place(TypedDict):
    """Where in which file a sample is, as a checkpoint knows it; `before`, the file of the one before."""

    offered: int
    end: int
    name: str
    before: str


class Reservoir:
    """An even sample of the records that were offered, at most `capacity` of them.

    Args:
        folder: where its file is, which must be mmzoo's own.
        facts, arrays: of a checkpoint, as `facts` and `arrays` gave them.

    Raises:
        MMZooError: the file of that checkpoint is not there, or shorter than it was.
    """

    def __init__(
        self,
        folder: Path,
        capacity: int,
        facts: Place | None = None,
        arrays: dict[str, np.ndarray] | None = None,
    ) -> None:
        self.folder, self.capacity = folder, capacity
        self.offered, self.end, self.name, self.before = 0, 0, "replay-00000000.jsonl", ""
        self.places = np.zeros((capacity, 2), np.int64)  # where each record begins, and how long it is
        if facts is not None and arrays is not None:
            self.offered, self.end, self.name, self.before = (
                facts["offered"],
                facts["end"],
                facts["name"],
                facts["before"],
            )
            self.places = np.array(arrays["replay-places"], np.int64)
            require(NAME.fullmatch(self.name) and self.places.shape == (capacity, 2), "its sample is another's")
        self.file = self._open()

    def _open(self) -> BinaryIO:
        path = self.folder / self.name
        if not self.end and not os.path.lexists(path):
            with writing(path):
                pass
        try:
            handle, size = open_plain(path, links=False)
            os.close(handle)
            require(size >= self.end, f"'{path}' is shorter than the checkpoint knows it")
            file = path.open("r+b", buffering=0)
        except OSError as error:
            raise MMZooError(f"'{path}' cannot be read ({error.strerror})") from error
        file.truncate(self.end)  # what was written behind the checkpoint is written again
        return file

    def __len__(self) -> int:
        return min(self.offered, self.capacity)

    def offer(self, data: bytes, random: np.random.Generator) -> None:
        """Take the next record, or do not."""
        place = self.offered if self.offered < self.capacity else int(random.integers(0, self.offered + 1))
        self.offered += 1
        if place >= self.capacity:
            return
        try:
            self.file.seek(self.end)
            written = 0
            while written < len(data):
                written += self.file.write(data[written:])
        except OSError as error:
            said = "free some space, and give the same command again"
            raise MMZooError(f"'{self.folder / self.name}' could not be written ({error.strerror}); {said}.") from error
        self.places[place] = self.end, len(data)
        self.end += len(data)

    def read(self, place: int) -> bytes:
        """The record at one of the places."""
        start, length = self.places[place].tolist()
        self.file.seek(start)
        return self.file.read(length)

    def first(self, count: int) -> list[bytes]:
        """The records at the first places, which are as even a sample."""
        return [self.read(place) for place in range(min(len(self), count))]

    def draw(self, count: int, random: np.random.Generator) -> list[bytes]:
        """So many records, evenly and with replacement; none of an empty sample."""
        places = random.integers(0, len(self), count).tolist() if len(self) else []
        return [self.read(place) for place in places]

    def settle(self, step: int) -> None:
        """Make it last, before a checkpoint that says where everything is; what is in it no more is left behind."""
        os.fsync(self.file.fileno())
        self.before = self.name  # as the last checkpoint knows it
        if self.end <= 2 * int(self.places[:, 1].sum()) + ROOM:
            return
        name, places, end = f"replay-{step:08d}.jsonl", self.places.copy(), 0
        with writing(self.folder / name) as file:
            for place in range(len(self)):
                data = self.read(place)
                file.write(data)
                places[place] = end, len(data)
                end += len(data)
        self.file.close()
        self.name, self.places, self.end = name, places, end
        self.file = self._open()

    @property
    def facts(self) -> Place:
        """For a checkpoint, beside `arrays`."""
        return {"offered": self.offered, "end": self.end, "name": self.name, "before": self.before}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {"replay-places": self.places.copy()}

    def tidy(self) -> None:
        """Remove files that neither the newest checkpoint nor the one before knows."""
        for path in self.folder.iterdir():
            if NAME.fullmatch(path.name) and path.name not in (self.name, self.before) and is_plain(path):
                discard(path)

    def close(self) -> None:
        """Let go of the file; it stays."""
        self.file.close()


def failure(folder: Path, error: Exception) -> MMZooError:
    """What is said where a checkpoint cannot be gone on with."""
    return MMZooError(
        f"The newest checkpoint in '{folder}' is not of this stream, or what it needs is gone "
        f"({one_line(error)[:200]}); choose another --out."
    )
