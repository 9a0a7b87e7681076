"""How soon, and how fast, does `mmzoo predict RUN --stream` answer, beside `run.predict` of the whole list?

    python benchmarks/stream.py runs/mine records.jsonl

The table has a record a line. Prints the records a second of `run.predict` (all of them in one call), of
`run.predict_stream` over the same list and of the command fed by a pipe, in turns, the median of some rounds; and how
long the command takes for one line whose answer is waited for, the median and the 95th of 100, with `--latency 0` and
with the usual one. The pipe's other end takes processor time from the command.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmzoo.run import Run

ROUNDS, ASKED = 5, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("table", type=Path)
    args = parser.parse_args()
    run = Run(args.run)
    lines = args.table.read_bytes().splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    command = begun(args.run)
    try:
        asked(command, lines[:1])
        ways: dict[str, Callable[[], Any]] = {
            "predict, the whole list": lambda: run.predict(records),
            "predict_stream": lambda: list(run.predict_stream(records)),
            "predict --stream": lambda: asked(command, lines),
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(ROUNDS + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                if turn:  # the first traces graphs
                    speeds[name].append(len(records) / (time.perf_counter() - start))
    finally:
        ended(command)
    for name, found in speeds.items():
        print(f"{name:24}  {statistics.median(found):9.0f} records/s  ({min(found):.0f} to {max(found):.0f})")
    for latency in ("0", "0.05"):
        command = begun(args.run, "--latency", latency)
        try:
            times = [timed(command, lines[k % len(lines)]) for k in range(ASKED)][ASKED // 2 :]
        finally:
            ended(command)
        late = 1000 * statistics.quantiles(times, n=20)[-1]
        print(
            f"one line, --latency {latency:4}   {1000 * statistics.median(times):9.1f} ms, 95 of 100 in {late:.1f} ms"
        )


def begun(run: Path, *options: str) -> subprocess.Popen[bytes]:
    """The command, waiting for lines."""
    command = [sys.executable, "-m", "mmzoo", "predict", str(run), "--stream", *options]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def ended(command: subprocess.Popen[bytes]) -> None:
    """End its input, and wait for it."""
    command.communicate()


def asked(command: subprocess.Popen[bytes], lines: list[bytes]) -> None:
    """Write lines, and read as many answers."""
    assert command.stdin is not None and command.stdout is not None

    def write() -> None:
        assert command.stdin is not None
        command.stdin.writelines(lines)
        command.stdin.flush()

    writer = threading.Thread(target=write)
    writer.start()
    for _ in lines:
        command.stdout.readline()
    writer.join()


def timed(command: subprocess.Popen[bytes], line: bytes) -> float:
    """Seconds to the answer to a line."""
    start = time.perf_counter()
    asked(command, [line])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
