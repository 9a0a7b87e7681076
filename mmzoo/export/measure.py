"""A .tflite in a process of its own: its answers, its latency, its memory. Needs NumPy and LiteRT alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.errors import MMZooError

WARM_UP = 5
RUNS = 100


def interpreter() -> Any:
    """LiteRT's class `Interpreter`: from ai-edge-litert where it is installed, else TensorFlow's own."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite import Interpreter
    return Interpreter


def as_tensors(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the signature `serve_tensors`, and so a .tflite, takes: `present` as 0 and 1. An encoder takes none."""
    return {name: np.asarray(value, np.uint8) if name == "present" else value for name, value in inputs.items()}


def measure(path: Path, inputs: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The answers (N, ...) to all examples, and the figures: latency with 1 and 2 threads, memory.

    Raises:
        MMZooError: the interpreter cannot run the file, or crashes on it.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "inputs.npz", **as_tensors(inputs))  # type: ignore[arg-type]
        figures: dict[str, Any] = {}
        for threads in (1, 2):
            command = [sys.executable, "-m", __name__, str(path), folder, str(threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise MMZooError(f"LiteRT cannot run '{path.name}' ({last}); leave this variant out.")
            figures |= json.loads(done.stdout.splitlines()[-1])
        return dict(np.load(Path(folder) / "answers.npz")), figures


def memory(what: str) -> float | None:
    """Of this process in MB: "VmRSS" now, "VmHWM" at its peak; None where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    found = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(found[what].split()[0]) / 1000


def main(path: Path, folder: Path, threads: int) -> None:
    """With one thread all examples, once; else only so many that the latency is known."""
    inputs = dict(np.load(folder / "inputs.npz"))
    count = len(next(iter(inputs.values())))
    made = interpreter()
    before = memory("VmRSS")  # LiteRT is imported by now: the rest is the model's
    run = made(model_path=str(path), num_threads=threads).get_signature_runner("serving_default")
    answers: list[dict[str, np.ndarray]] = []
    times = []
    for turn in range(max(count if threads == 1 else 0, RUNS + WARM_UP)):
        row = turn % count
        example = {name: value[row : row + 1] for name, value in inputs.items()}
        began = time.perf_counter()
        found = run(**example)
        times.append((time.perf_counter() - began) * 1000)
        if turn < count:
            answers.append({name: value[0].copy() for name, value in found.items()})
    p50, p95 = np.percentile(times[WARM_UP:], (50, 95)).round(3).tolist()
    suffix = "" if threads == 1 else f"_{threads}_threads"
    figures = {f"latency_ms_p50{suffix}": p50, f"latency_ms_p95{suffix}": p95}
    if threads == 1:
        peak = memory("VmHWM")
        figures["memory_mb"] = None if peak is None or before is None else round(peak - before, 1)
        stacked: dict[str, Any] = {name: np.stack([a[name] for a in answers]) for name in answers[0]}
        np.savez(folder / "answers.npz", **stacked)
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
