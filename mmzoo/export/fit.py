"""What a file may take: "5MB", "10ms", or both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mmzoo.errors import MMZooError, require
from mmzoo.export.rows import Row
from mmzoo.files import bytes_of


@dataclass(frozen=True)
class Fit:
    """The most bytes and the most milliseconds of one answer on one thread (median); None for any."""

    size: float | None = None
    milliseconds: float | None = None

    @classmethod
    def of(cls, text: str) -> Fit:
        """From "5MB", "800kB", "10ms" or "5MB,10ms".

        Raises:
            MMZooError: it is written in another way.
        """
        found: dict[str, float] = {}
        for part in text.split(","):
            time = re.fullmatch(r"\s*([0-9.]+)\s*ms\s*", part.lower())
            name = "milliseconds" if time else "size"
            require(name not in found, f"What a file may take is one size, one time or both, not '{text}'.")
            try:
                found[name] = float(time[1]) if time else bytes_of(part)
            except ValueError:
                raise MMZooError(f"A time is written like 10ms, not '{part}'.") from None
        return cls(**found)

    def best(self, rows: list[Row]) -> Row:
        """The row of the fastest variant that is within the limits and as near to the model as it has to be.

        Only where none is near enough, and yet allowed, the one that loses least counts first.

        Raises:
            MMZooError: none is small and fast enough.
        """
        fits = [row for row in rows if self.holds(row)]
        if not fits:
            smallest = min(rows, key=lambda row: row["bytes"])
            fastest = min(rows, key=lambda row: row["latency_ms_p50"])
            raise MMZooError(
                f"No variant fits into {self}: the smallest, '{smallest['variant']}', has "
                f"{smallest['bytes'] / 1e6:.2f} MB, the fastest, '{fastest['variant']}', takes "
                f"{fastest['latency_ms_p50']:.2f} ms; choose smaller towers, prune them (mmzoo prune), or allow more."
            )
        near = [row for row in fits if "over" not in row]
        return max(
            near or fits, key=lambda row: (not near and (-(row.get("metric_drop") or 0.0)), -row["latency_ms_p50"])
        )

    def holds(self, row: Row) -> bool:
        """Whether the variant of a row is within the limits."""
        small = self.size is None or row["bytes"] <= self.size
        return small and (self.milliseconds is None or row["latency_ms_p50"] <= self.milliseconds)

    def __str__(self) -> str:
        parts = [f"{self.size / 1e6:g} MB"] if self.size is not None else []
        return " and ".join(parts + ([f"{self.milliseconds:g} ms"] if self.milliseconds is not None else []))
