"""A .tflite in a process of its own: its answers, its latency, its memory. Needs NumPy and LiteRT alone."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.errors import MMZooError
from mmzoo.export.rows import Figures

WARM_UP = 5
RUNS = 100
NOISY = 2.0
"""How much longer one call in twenty may take than the median, until it is said that the machine is busy."""


def interpreter() -> Untyped:
    """LiteRT's class `Interpreter`: from ai-edge-litert where it is installed, else TensorFlow's own."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter
    return Interpreter


def as_tensors(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the signature `serve_tensors`, and so a .tflite, takes: `present` as 0 and 1. An encoder takes none."""
    return {name: np.asarray(value, np.uint8) if name == "present" else value for name, value in inputs.items()}


def measure(path: Path, inputs: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], Figures]:
    """The answers (N, ...) to all examples, and the figures: latency with 1 and 2 threads, memory.

    Raises:
        MMZooError: the interpreter cannot run the file, or crashes on it.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "inputs.npz", **as_tensors(inputs))  # type: ignore[arg-type]
        figures: Figures = {}
        for threads in (1, 2):
            figures |= asked(folder, threads, str(path))[0]
        return dict(np.load(Path(folder) / "answers.npz")), figures


def asked(folder: str, threads: int, *paths: str) -> list[Figures]:
    """What `main` prints, in a process of its own.

    Raises:
        MMZooError: see `measure`.
    """
    command = [sys.executable, "-m", __name__, folder, str(threads), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        names = ", ".join(f"'{Path(path).name}'" for path in paths)
        raise MMZooError(f"LiteRT cannot run {names} ({last}); leave this variant out.")
    found: list[Figures] = json.loads(done.stdout.splitlines()[-1])
    return found


def in_turns(paths: Sequence[Path], inputs: dict[str, np.ndarray]) -> list[Figures]:
    """The latency of several files that are asked one after the other, again and again, with 1 and 2 threads.

    What else the machine does then befalls all of them alike. Where it does much, so that one call in twenty takes
    twice as long as usual, that is said.
    """
    found: list[Figures] = [{} for _ in paths]
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "inputs.npz", **as_tensors(inputs))  # type: ignore[arg-type]
        for threads in (1, 2):
            for row, figures in zip(found, asked(folder, threads, *map(str, paths)), strict=True):
                row |= figures
    if any(row["latency_ms_p95"] > NOISY * row["latency_ms_p50"] for row in found):
        logging.getLogger("mmzoo").warning(
            "The machine is busy: one call in twenty takes over %g times as long as the median; measure the latency "
            "again when it is not.",
            NOISY,
        )
    return found


def memory(what: str) -> float | None:
    """Of this process in MB: "VmRSS" now, "VmHWM" at its peak; None where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    found = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(found[what].split()[0]) / 1000


def main(folder: Path, threads: int, paths: Sequence[str]) -> None:
    """Print the latency of each file in turns; of one alone with one thread keep its answers to all examples too."""
    inputs = dict(np.load(folder / "inputs.npz"))
    count = len(next(iter(inputs.values())))
    made = interpreter()
    before = memory("VmRSS")  # LiteRT is imported by now: the rest is the model's
    runners = [made(model_path=path, num_threads=threads).get_signature_runner("serving_default") for path in paths]
    whole = threads == 1 == len(paths)
    answers: list[dict[str, np.ndarray]] = []
    times: list[list[float]] = [[] for _ in paths]
    for turn in range(max(count if whole else 0, RUNS + WARM_UP)):
        row = turn % count
        example = {name: value[row : row + 1] for name, value in inputs.items()}
        for run, theirs in zip(runners, times, strict=True):
            began = time.perf_counter()
            found = run(**example)
            theirs.append((time.perf_counter() - began) * 1000)
            if whole and turn < count:
                answers.append({name: value[0].copy() for name, value in found.items()})
    suffix = "" if threads == 1 else f"_{threads}_threads"
    figures: list[dict[str, float | None]] = []
    for theirs in times:
        p50, p95 = np.percentile(theirs[WARM_UP:], (50, 95)).round(3).tolist()
        figures.append({f"latency_ms_p50{suffix}": p50, f"latency_ms_p95{suffix}": p95})
    if whole:
        peak = memory("VmHWM")
        figures[0]["memory_mb"] = None if peak is None or before is None else round(peak - before, 1)
        stacked: dict[str, np.ndarray] = {name: np.stack([a[name] for a in answers]) for name in answers[0]}
        np.savez(folder / "answers.npz", **stacked)  # type: ignore[arg-type]
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
