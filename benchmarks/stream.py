"""How fast is a stream learnt and answered, how soon, and does memory grow with it?

    python benchmarks/stream.py --records 100000
    python benchmarks/stream.py --records 1000000 --batch 512 --answered 0

A small model of a number and a text learns from so many made-up records as they come (`mmzoo.stream`). Printed are the
records a second of the first and of the last tenth, the processor time, and the process's memory after a tenth, in the
middle and in the end. Then, unless that is none, it answers: the records a second of `run.predict` (all in one call),
of `run.predict_stream` over the same list and of `mmzoo predict RUN --stream` fed by a pipe, in turns, the median of
some rounds; and how long the command takes for one line whose answer is waited for, the median and the 95th of 100,
with `--latency 0` and with the usual one. The pipe's other end takes processor time from the command.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo.run import Run

ROUNDS, ASKED = 3, 200
SECONDS = 120
"""After which a command that does not answer is ended."""
WORDS = {"a": "red", "b": "green", "c": "blue"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000, help="that are learnt")
    parser.add_argument("--batch", type=int, default=0, help="records of a step, replayed ones too; 0: as is usual")
    parser.add_argument("--answered", type=int, default=5_000, help="that are answered")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        learnt(args.records, args.batch, Path(home) / "run")
        if args.answered:
            answered([*made(args.answered, 1)], Path(home) / "run")


def made(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Records whose columns tell the label."""
    random = np.random.default_rng(seed)
    for number in range(count):
        kind = "abc"[int(random.integers(3))]
        size = round(float("abc".index(kind) + 0.5 * random.normal()), 4)
        yield {"kind": kind, "size": size, "note": f"{WORDS[kind] if number % 2 else 'thing'} {number % 50}"}


def memory() -> float:
    """What this process holds now, in MB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


def learnt(count: int, batch: int, out: Path) -> None:
    """Train, and print how fast that was and what it took."""
    seen: list[tuple[float, float]] = []

    def watched() -> Iterator[dict[str, Any]]:
        for number, record in enumerate(made(count)):
            if number % (count // 10) == 0:
                seen.append((time.perf_counter(), memory()))
            yield record
        seen.append((time.perf_counter(), memory()))

    settings = [f"training.batch_size={batch}"] if batch else []
    run = mmzoo.stream(watched, "kind", out=out, settings=["dim=16", *settings])
    rates = [count / 10 / (seen[k + 1][0] - seen[k][0]) for k in (0, len(seen) - 2)]
    last = json.loads((run.folder / "history.jsonl").read_text().splitlines()[-1])
    print(
        f"{count:,} records learnt: {rates[0]:.0f} a second in the first tenth, {rates[1]:.0f} "
        f"in the last, {time.process_time():.0f} s of processor time in all; prequential accuracy "
        f"{last['prequential_accuracy']:.3f}; memory {seen[1][1]:.0f} MB after a tenth, {seen[len(seen) // 2][1]:.0f} "
        f"MB in the middle, {seen[-1][1]:.0f} MB in the end"
    )


def answered(records: list[dict[str, Any]], out: Path) -> None:
    """Answer records in each way, and print how fast and how soon that was."""
    run, lines = Run(out), [json.dumps(record).encode() + b"\n" for record in records]
    command = begun(out)
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
        command = begun(out, "--latency", latency)
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
    try:
        command.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()


def asked(command: subprocess.Popen[bytes], lines: list[bytes]) -> None:
    """Write lines, and read as many answers."""
    assert command.stdin is not None and command.stdout is not None

    def write() -> None:
        assert command.stdin is not None
        command.stdin.writelines(lines)
        command.stdin.flush()

    writer, clock = threading.Thread(target=write, daemon=True), threading.Timer(SECONDS, command.kill)
    writer.start()
    clock.start()
    found = [command.stdout.readline() for _ in lines]
    clock.cancel()
    if not found[-1]:
        raise SystemExit(f"The command did not answer {len(lines):,} lines within {SECONDS} seconds.")
    writer.join(SECONDS)


def timed(command: subprocess.Popen[bytes], line: bytes) -> float:
    """Seconds to the answer to a line."""
    start = time.perf_counter()
    asked(command, [line])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
