"""Is fusing worth it? The fused model against each modality trained alone, the same recipe and test split.

    python benchmarks/fusion.py                     # recipe emoji, seeds 0 1 2
    python benchmarks/fusion.py --recipe emoji --seeds 0 --set fusion=cross_attention

Prints the test accuracy of each and, as ratio of errors, fused / best single.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from mmzoo import datasets
from mmzoo.inference.metrics import primary
from mmzoo.recipe import load_recipe
from mmzoo.run.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="emoji")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only", nargs="*", help="inputs to train alone; all when not given")
    args = parser.parse_args()
    recipe = load_recipe(args.recipe).changed(args.set)
    records, validation, test = datasets.load(recipe.data)
    names = recipe.spec.input_names
    scores: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in args.seeds:
            for chosen in [names, *([name] for name in (names if args.only is None else args.only))]:
                spec = recipe.spec.subset(chosen)
                out = Path(folder) / f"{'-'.join(chosen)}-{seed}"
                run = train(spec, records, validation, training=recipe.training, seed=seed, out=out)
                found = run.evaluate(test)
                scores.setdefault("+".join(chosen), []).append(found["metrics"][primary(spec)])
                print(f"seed {seed}  {'+'.join(chosen):<24} {scores['+'.join(chosen)][-1]:.3f}", flush=True)
    print(f"\ntest {primary(recipe.spec)}, mean of {len(args.seeds)} seeds (each seed)")
    for name, values in scores.items():
        print(f"{name:<24} {np.mean(values):.3f}  ({', '.join(f'{v:.3f}' for v in values)})")
    fused, *single = (1 - float(np.mean(values)) for values in scores.values())
    if single:
        print(f"errors of the fused model over those of the best single: {fused / min(single):.2f}")


if __name__ == "__main__":
    main()
