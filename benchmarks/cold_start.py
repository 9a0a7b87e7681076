"""How soon does a file answer without TensorFlow, and in how much memory?

    python benchmarks/cold_start.py runs/emoji/export/model.tflite

A new Python imports `mmzoo.lite`, opens the file and answers one record of texts; beside it, in turns, one that
imports NumPy alone. Printed are the medians and all samples of the processor time of each, and the most memory beyond
that of an import of `mmzoo.lite`, over the size of the file: all of it, and what no other process shares. Modules
have to be compiled: run it where mmzoo is installed, not with PYTHONDONTWRITEBYTECODE.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 9
NUMPY = "import time, json, numpy; print(json.dumps(time.process_time()))"
LITE = """
import json, sys, time
def memory():
    lines = (line.split() for line in open("/proc/self/status"))
    return {parts[0]: int(parts[1]) * 1024 for parts in lines if parts[0] in ("VmHWM:", "RssAnon:")}
import mmzoo.lite
before = memory()
model = mmzoo.lite.Model(sys.argv[1])
texts = [name for name, each in model.inputs.items() if each.about["kind"] == "text"]
model.predict({texts[0]: "a grinning cat"})
print(json.dumps([time.process_time(), {key: value - before[key] for key, value in memory().items()}]))
"""


def said(code: str, *arguments: str) -> object:
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    (path,) = sys.argv[1:]
    size = Path(path).stat().st_size
    numpy, lite, memory = [], [], {}
    for round_ in range(-1, ROUNDS):
        bare, (seconds, memory) = said(NUMPY), said(LITE, path)
        if round_ >= 0:
            numpy.append(bare)
            lite.append(seconds)
    for name, times in (("NumPy alone", numpy), ("mmzoo.lite to an answer", lite)):
        print(f"{name}: {statistics.median(times):.3f} s ({' '.join(f'{each:.3f}' for each in times)})")
    ratio = statistics.median(one / other for one, other in zip(lite, numpy, strict=True))
    print(f"  {ratio:.2f} times NumPy alone")
    most, own = memory["VmHWM:"] / size, memory["RssAnon:"] / size
    print(f"memory, over the file's {size / 2**20:.1f} MiB: {most:.2f}, of which its own {own:.2f}")


if __name__ == "__main__":
    main()
