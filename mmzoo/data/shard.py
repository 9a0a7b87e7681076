"""One file of a folder of shards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmzoo.data.indexes import read_entry
from mmzoo.data.serialization import FOOT, HEAD, framed, parts_of
from mmzoo.errors import DataError, require_data
from mmzoo.files import open_plain


class Shard:
    """One file of a folder of shards, which may be a stranger's: it is opened for each record, and never a link.

    Args:
        facts: what `index.json` tells of it.
        kinds: of the columns.

    Raises:
        DataError: its index holds what it may not; or it is cut short: names the first record that is lost and where
            it began.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], kinds: dict[str, str]) -> None:
        self.path = folder / f"{facts['name']}.tfrecord"
        entry = read_entry(folder, facts, kinds)
        self.ids, self.splits, self.values, self.missing = (entry[k] for k in ("ids", "splits", "values", "missing"))
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
            with open(open_plain(self.path, links=False)[0], "rb") as file:
                file.seek(start)
                frame = file.read(end - start)
        except OSError as error:
            raise self._unreadable(error) from error
        data = frame[HEAD:-FOOT]
        require_data(framed(data) == frame, "damaged_shard", f"{self._damaged(row)}; write it again.")
        return parts_of(data, {name for name, rows in self.absent.items() if row not in rows}, self._damaged(row))

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
