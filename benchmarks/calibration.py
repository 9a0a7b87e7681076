"""What temperatures are worth, by how many validation records they are fitted on.

    python benchmarks/calibration.py runs/emoji

Temperatures are fitted on random parts of the run's validation records and judged on its test records, the mean over
all subsets of the inputs: none; one for all subsets; one for each by itself; and, as training fits them, one for each
that is shrunk to that of all.
"""

from __future__ import annotations

import argparse

import numpy as np

from mmzoo.evaluation.analyses.calibration import ece, ece_by_chance, nll, stated
from mmzoo.inference.calibrate import temperature, temperatures
from mmzoo.inference.subset_predictions import predict_subsets
from mmzoo.names import uncalibrated_output
from mmzoo.run import Run

COUNTS = (8, 16, 32, 64, 128)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--draws", type=int, default=20)
    args = parser.parse_args()
    run, random = Run(args.run), np.random.default_rng(0)
    task = run.spec.tasks[0]
    found = {split: predict_subsets(run.model, run.records(split)) for split in ("validation", "test")}
    rows = {split: np.flatnonzero(each.known(task)) for split, each in found.items()}
    labels = {split: each.labels[task.name][rows[split]] for split, each in found.items()}
    subsets = list(found["test"].predictions)

    def logits(split: str, subset: str) -> np.ndarray:
        return found[split].outputs[subset][uncalibrated_output(task.name)][rows[split]]

    def judged(by: list[float]) -> tuple[float, ...]:
        """Mean NLL and ECE on the test records, and what that ECE would be by chance."""
        figures = []
        for subset, each in zip(subsets, by, strict=True):
            scaled = task.tempered(logits("test", subset), np.full((1, 1), each, np.float32))
            answers = np.asarray(task.to_predictions(scaled))
            claims, true = stated(task, labels["test"], answers)
            figures.append((nll(task, labels["test"], answers), ece(claims, true), ece_by_chance(claims)))
        return tuple(np.mean(figures, axis=0))

    print(f"{len(subsets)} subsets, {len(labels['test'])} test records; NLL / ECE (ECE by chance)")
    every = len(labels["validation"])
    for count in [*(each for each in COUNTS if each < every), every]:
        told: dict[str, list[tuple[float, ...]]] = {}
        for _ in range(args.draws if count < every else 1):
            chosen = random.permutation(every)[:count]
            given = [(labels["validation"][chosen], logits("validation", subset)[chosen]) for subset in subsets]
            shared = temperature(task, given)
            shrunk = temperatures(task, {place: [each] for place, each in enumerate(given)}, len(subsets))
            by = {
                "none": [1.0] * len(subsets),
                "one for all": [shared] * len(subsets),
                "each its own": [temperature(task, [each], width=100.0) for each in given],
                "shrunk": shrunk.tolist(),
            }
            for how, each in by.items():
                told.setdefault(how, []).append(judged(each))
        means = {how: np.mean(each, axis=0) for how, each in told.items()}
        words = "  ".join(f"{how} {m[0]:.3f} / {m[1]:.3f} ({m[2]:.3f})" for how, m in means.items())
        print(f"{count:>5} validation records: {words}")


if __name__ == "__main__":
    main()
