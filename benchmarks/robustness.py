"""What is a run worth under noise, and what do all subsets of its modalities cost beside one pass?

    python benchmarks/robustness.py runs/emoji
    python benchmarks/robustness.py runs/emoji --records 100

Prints, for each kind of noise, the share of the clean score that is left on average, fused and with the
noisy modality alone, and their ratio; then the time of all subsets over that of one pass, best of five.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from mmzoo.data.records import decode
from mmzoo.evaluation.analyses.noise import noise_curves
from mmzoo.inference.running import run_model
from mmzoo.inference.subsets import presence_of, run_presences, subsets
from mmzoo.run import Run


def best_of(call: Callable[[], object], times: int = 5) -> float:
    call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--records", type=int, default=512)
    args = parser.parse_args()
    run = Run(args.run)
    records = run.records("test").take(args.records)
    print(f"{'noise':<24} {'fused':>6} {'unimodal':>6} {'fused / unimodal':>14}")
    for task, curves in noise_curves(run.model, records).items():
        print(task)
        for name, kinds in curves.items():
            for how, curve in kinds.items():
                fused, unimodal = (np.mean(curve[key]) / curve["clean"][key] for key in ("fused", "unimodal"))
                print(f"{name + ': ' + how:<24} {fused:6.2f} {unimodal:6.2f} {fused / unimodal:14.2f}")
    inputs = decode(run.spec, records)
    presences = [presence_of(run.spec, inputs["present"], chosen) for chosen in subsets(run.spec)]
    one = best_of(lambda: run_model(run.model, inputs))
    every = best_of(lambda: run_presences(run.model, inputs, presences))
    print(f"\none pass {one:.2f} s, all {len(presences)} subsets {every:.2f} s: {every / one:.2f} times")


if __name__ == "__main__":
    main()
