"""How would many workers share a step? A simulation on paper, from parts that are measured on this machine.

    python benchmarks/many_workers.py --gbits 100 --microseconds 10     # of what was measured for the docs, see `PARTS`
    python benchmarks/many_workers.py --measure recipe --json new.json  # measures anew, some minutes, with two workers
    python benchmarks/many_workers.py --parts new.json

Measured are a step of one worker on one core, and what two workers take to add up as many numbers as the gradients have
(`benchmarks/distributed.py`); what a step of two takes beyond both is taken for the meetings of batch normalization,
two a layer. The rest is reckoned:

- Adding up is a ring (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations";
  Thakur et al. 2005): of N workers each sends 2 (N - 1) / N of the bytes in 2 (N - 1) turns, so that it takes
  `c + 2 (N - 1) a + 2 (N - 1) / N bytes / b`. `a` (a turn) and `b` (the network) are given; `c`, what the software
  takes for any meeting, is the measured time of a meeting of two.
- All wait for the slowest: of N normal step times the largest is expected `sqrt(2 ln N)` deviations above the mean. The
  deviation is that of the measured steps between their quartiles.
- Nothing is hidden behind the computing, though TensorFlow begins to add up before all gradients are there.

Efficiency is the step of one over that of N, with as many examples a worker. Beside it stand the examples a second, and
the cores that would decode them at the measured rate of one (`--decoded`, see `benchmarks/input_pipeline.py`).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Run, Way

from mmzoo.network import is_reachable, run_privately

CASES = {"recipe": Way("recipe", 32, 8, {}), "large": Way("large", 16, 2, {})}
ROUNDS = {"recipe": 12, "large": 4}
WORKERS = (1, 8, 64, 512)
PARTS: dict[str, dict[str, Any]] = {
    "recipe": {
        "batch": 32,
        "bytes": int(1.7 * 2**20),
        "layers": 4,
        "one": [0.078, 0.0806, 0.082],
        "two": [0.0989],
        "adding": [0.004],
    },
    "large": {
        "batch": 16,
        "bytes": int(90.9 * 2**20),
        "layers": 53,
        "one": [0.555, 0.563, 0.571],
        "two": [0.816],
        "adding": [0.122],
    },
}
"""What stands in the docs: processor time of a step of one worker with one thread (`benchmarks/training.py
normalization`), and of two what `benchmarks/distributed.py` has of them relative to one, of other days."""


def measured(case: str) -> dict[str, Any]:
    """A step of one and of two workers, seconds each, adding up alone, and the bytes of the gradients."""
    way = CASES[case]
    runs = [Run(case, way, workers) for workers in (1, 2)]
    size = [4 * run.heard() for run in runs][1]
    steps = np.array([[run.step() for run in runs] for _ in range(ROUNDS[case])])
    adding = [run.close() for run in runs][1]
    return {
        "batch": way.batch,
        "bytes": size,
        "layers": normalizations(case),
        "one": steps[:, 0].tolist(),
        "two": steps[:, 1].tolist(),
        "adding": adding,
    }


def normalizations(case: str) -> int:
    """How many layers of a model meet the other workers in a step."""
    import distributed
    import keras

    model = getattr(distributed, case)(CASES[case].batch)[1]
    found = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    return sum(layer.trainable for layer in found)


class Paper:
    """A step of N workers, reckoned.

    Args:
        parts: of `measured`.
        turn: seconds that a message takes.
        network: bytes a second of a worker.
    """

    def __init__(self, parts: dict[str, Any], turn: float, network: float) -> None:
        self.step = float(np.median(parts["one"]))
        low, high = np.percentile(parts["one"], [25, 75])
        self.deviation = float(high - low) / 1.349
        self.bytes, self.turn, self.network = parts["bytes"], turn, network
        self.meetings = 2 * parts["layers"]
        beyond = float(np.median(parts["two"])) - self.step - float(np.median(parts["adding"]))
        self.meeting = max(beyond, 0.0) / max(self.meetings, 1)

    def seconds(self, workers: int, share: float = 1.0, parts: int = 1, meetings: bool = True) -> dict[str, float]:
        """What a step takes, by its parts.

        Args:
            share: of the bytes of the gradients that is sent, 0.5 in 16 bits.
            parts: of a step, after which gradients are added up once (`grad_accum_steps`).
            meetings: do batch normalizations meet?
        """
        if workers == 1:
            return {"computing": parts * self.step}
        turns = 2 * (workers - 1) * self.turn
        sent = 2 * (workers - 1) / workers * share * self.bytes / self.network
        return {
            "computing": parts * self.step,
            "waiting for the slowest": math.sqrt(parts * 2 * math.log(workers)) * self.deviation,
            "gradients": self.meeting + turns + sent,
            "batch normalization": parts * self.meetings * (self.meeting + turns) if meetings else 0.0,
        }


WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "gradients in 16 bits": {"share": 0.5},
    "16 bits, 8 parts a step": {"share": 0.5, "parts": 8},
    "the same, no batch normalization": {"share": 0.5, "parts": 8, "meetings": False},
}


def table(case: str, parts: dict[str, Any], args: argparse.Namespace) -> None:
    paper = Paper(parts, args.microseconds / 1e6, args.gbits * 1e9 / 8)
    print(
        f"\n{case}: {parts['bytes'] / 2**20:.1f} MiB of gradients, {parts['layers']} batch normalizations, "
        f"{parts['batch']} examples a worker; measured: a step {paper.step * 1e3:.0f} ms (deviation "
        f"{paper.deviation * 1e3:.1f}), a meeting {paper.meeting * 1e3:.2f} ms; {args.gbits:g} Gbit/s, a turn "
        f"{args.microseconds:g} µs\n"
    )
    print("| | " + " | ".join(f"{workers} workers" for workers in WORKERS[1:]) + " |")
    print("|---|" + "--:|" * len(WORKERS[1:]))
    for name, how in WAYS.items():
        cells = []
        for workers in WORKERS[1:]:
            took = paper.seconds(workers, **how)
            whole, alone = sum(took.values()), sum(paper.seconds(1, parts=how.get("parts", 1)).values())
            worst = max((part for part in took if part != "computing"), key=lambda part: took[part])
            cells.append(f"{alone / whole:.0%} ({worst} {took[worst] / whole:.0%})")
        print(f"| {name} | " + " | ".join(cells) + " |")
    rates = [workers * parts["batch"] / sum(paper.seconds(workers).values()) for workers in WORKERS[1:]]
    print("| examples a second, as it is | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |")
    print("| cores that decode them | " + " | ".join(f"{rate / args.decoded:,.1f}" for rate in rates) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)} (default: all)")
    parser.add_argument("--parts", type=Path, help="what was measured before")
    parser.add_argument("--json", type=Path, help="write what is measured there")
    parser.add_argument("--gbits", type=float, default=10.0, help="of the network, a second and worker (default 10)")
    parser.add_argument("--microseconds", type=float, default=30.0, help="that a message takes (default 30)")
    parser.add_argument("--decoded", type=float, default=2000.0, help="records that a core decodes a second")
    args = parser.parse_args()
    found = json.loads(args.parts.read_text()) if args.parts else PARTS
    if args.measure is not None:
        if is_reachable():
            run_privately([sys.executable, *sys.argv])
        found = {case: measured(case) for case in args.measure or CASES}
    if args.json:
        args.json.write_text(json.dumps(found))
    for case, parts in found.items():
        table(case, parts, args)


if __name__ == "__main__":
    main()
