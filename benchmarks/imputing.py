"""Empty cells filled in by `mmzoo impute`, beside what scikit-learn fills in: tables that come with it.

    python benchmarks/imputing.py --seeds 0 1 2

A tenth of the cells is emptied, the class's among them. The error is the root mean square over the emptied numbers, in
standard deviations of their columns; every way sees the same table and nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from mmzoo.cli import main as mmzoo

TABLES = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}


def filled(table: pd.DataFrame, home: Path, seed: int) -> pd.DataFrame:
    """The table as `mmzoo impute` leaves it."""
    path, run, out = (str(home / name) for name in ("table.csv", "run", "filled.csv"))
    table.to_csv(path, index=False)
    assert mmzoo(["train", path, "--task", "reconstruction", "--out", run, "--seed", str(seed)]) == 0
    assert mmzoo(["impute", run, path, "--out", out]) == 0
    return pd.read_csv(out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", nargs="+", choices=[*TABLES], default=[*TABLES])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    rows = []
    for name in args.tables:
        data = TABLES[name](as_frame=True)
        numbers = data.frame.drop(columns="target")
        numbers.columns = [f"c{k}" for k in range(numbers.shape[1])]
        kinds = data.target.map(lambda k: f"kind {k}")
        spread = numbers.std().to_numpy()
        found: dict[str, list[float]] = {}
        for seed in args.seeds:
            holes = np.random.default_rng(seed).random((len(numbers), numbers.shape[1] + 1)) < 0.1
            shown = numbers.mask(holes[:, :-1])
            scaled = (shown - shown.mean()) / shown.std()
            with tempfile.TemporaryDirectory() as home:
                table = shown.assign(id=[f"r{k}" for k in range(len(shown))], kind=kinds.mask(holes[:, -1]))
                ways = {"mmzoo": filled(table, Path(home), seed)[list(numbers)].to_numpy(float)}
            imputers = {
                "mean": SimpleImputer(),
                "neighbours": KNNImputer(),
                "regressions": IterativeImputer(max_iter=20),
            }
            for way, imputer in imputers.items():
                ways[way] = imputer.fit_transform(scaled) * shown.std().to_numpy() + shown.mean().to_numpy()
            for way, values in ways.items():
                off = ((values - numbers.to_numpy()) / spread)[holes[:, :-1]]
                found.setdefault(way, []).append(float(np.sqrt((off**2).mean())))
        rows.append(f"| {name} | " + " | ".join(f"{np.mean(found[way]):.3f}" for way in found) + " |")
        print(f"{name}: { ({way: np.round(each, 3).tolist() for way, each in found.items()}) }", flush=True)
    print("| table | `mmzoo impute` | mean | nearest neighbours | iterated regressions |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
