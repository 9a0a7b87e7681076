"""One file of a folder of shards."""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path
from weakref import ReferenceType, ref

from mmzoo.data.shards.indexes import ShardFacts, read_entry
from mmzoo.data.shards.serialization import FOOT, HEAD, parts_of, unframed
from mmzoo.errors import DataError, require_data
from mmzoo.files import open_plain

OPEN = 128  # files of shards that are kept open: a process may have about a thousand
_opened: deque[ReferenceType[Shard]] = deque()


class Handle:
    """An open file, closed when nobody reads it any more."""

    def __init__(self, number: int) -> None:
        self.number, self.lock = number, threading.Lock()

    def read(self, count: int, start: int) -> bytes:
        """So many bytes from there on, fewer at the end."""
        if hasattr(os, "pread"):
            return os.pread(self.number, count, start)
        with self.lock:  # Windows
            os.lseek(self.number, start, os.SEEK_SET)
            return os.read(self.number, count)

    def __del__(self) -> None:
        os.close(self.number)


class Shard:
    """One file of a folder of shards, which may be a stranger's: never a link.

    Args:
        facts: what `index.json` tells of it.
        kinds: of the columns.

    Raises:
        DataError: its index holds what it may not; or it is cut short: names the first record that is lost and where
            it began.
    """

    def __init__(self, folder: Path, facts: ShardFacts, kinds: dict[str, str]) -> None:
        self.path = folder / f"{facts['name']}.tfrecord"
        self._handle: Handle | None = None
        entry = read_entry(folder, facts, kinds)
        self.ids, self.splits = entry["ids"], entry["splits"]
        self.values, self.missing = entry["values"], entry["missing"]
        self.ends = [*entry["offsets"][1:], entry["bytes"]]
        self.offsets = entry["offsets"]
        self.absent = {name: frozenset(rows) for name, rows in self.missing.items()}
        try:
            file, size = open_plain(self.path, links=False)
            os.close(file)
        except FileNotFoundError:
            size = 0
        except OSError as error:
            raise self._unreadable(error) from None
        if size < entry["bytes"]:
            lost = next(k for k, end in enumerate(self.ends) if end > size)
            raise DataError(
                f"The shard '{self.path}' is cut short: {size} of {entry['bytes']} bytes are there, and record "
                f"'{self.ids[lost]}' at byte {self.offsets[lost]} is the first that is lost; write it again.",
                "cut_shard",
            )

    def read(self, row: int) -> dict[str, bytes]:
        """The features of one record.

        Raises:
            DataError: it cannot be read, its checksum is not right, or it is not what the index says.
        """
        start, end = self.offsets[row], self.ends[row]
        try:
            handle = self._kept_open()  # open as long as this has a name, even if it makes room for another meanwhile
            frame = handle.read(end - start, start)
        except OSError as error:
            raise self._unreadable(error) from error
        data = unframed(frame)
        require_data(data is not None, "damaged_shard", f"{self._damaged(row)}; write it again.")
        assert data is not None
        return parts_of(data, {name for name, rows in self.absent.items() if row not in rows}, self._damaged(row))

    def _kept_open(self) -> Handle:
        """The file, opened at the first record that is read of it; the first that was opened of many is closed."""
        handle = self._handle
        if handle is None:
            handle = self._handle = Handle(open_plain(self.path, links=False)[0])
            _opened.append(ref(self))
            if len(_opened) > OPEN and (first := _opened.popleft()()) is not None:
                first._handle = None
        return handle

    def check_lengths(self) -> None:
        """Raise unless each record says itself that it is as long as the index says.

        TensorFlow's own reader, on the machines of a data service, believes it and takes as much memory.
        """
        try:
            with open(open_plain(self.path, links=False)[0], "rb", buffering=0) as file:
                for row, (start, end) in enumerate(zip(self.offsets, self.ends, strict=True)):
                    file.seek(start)
                    good = file.read(8) == (end - start - HEAD - FOOT).to_bytes(8, "little")
                    require_data(good, "damaged_shard", f"{self._damaged(row)}; write it again.")
        except OSError as error:
            raise self._unreadable(error) from error

    def _damaged(self, row: int) -> str:
        return f"The shard '{self.path}' is damaged at byte {self.offsets[row]} (record '{self.ids[row]}')"

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(
            f"The shard '{self.path}' cannot be read ({error.strerror}); copy it again.", "unreadable_file"
        )
