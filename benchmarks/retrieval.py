"""Which of picture, name and speech find which: the recipe `retrieval` over several seeds, beside what is simplest.

    python benchmarks/retrieval.py --seeds 0 1 2

The floors are of the same frozen features (the mean of each tower's tokens, of which the first 256 principal components
are kept) and of the same records: chance; ridge
regression from one input's features to the other's; and linear canonical correlations (Hotelling 1936), regularised.
How strongly is chosen on the validation records by the mean recall, as the recipe chooses its epoch. All is measured on
the test records.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.evaluation.zero_shot import zero_shot
from mmzoo.inference.running import run_model
from mmzoo.labels import encode_labels
from mmzoo.recipe import load_recipe
from mmzoo.tasks.metrics.recall import AT, Found, search

PENALTIES = (1e-2, 1e-1, 1.0, 10.0)
COMPONENTS = 256

Features = dict[str, np.ndarray]


def pooled(model: Any, records: Records) -> Features:
    """The mean of the tokens of each input's tower, which is frozen, standardized row by row."""
    outputs = {}
    for name in model.parts.inputs:
        values, mask = model.parts.tower_tokens(name)
        outputs[name], outputs[f"{name}_mask"] = values, mask
    found = run_model(model.parts.cut(model.input, outputs), decode(model.spec, records))
    means = {}
    for name in model.parts.inputs:
        mask = found[f"{name}_mask"][..., None].astype(np.float32)
        means[name] = (found[name] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return means


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """From features to the other's features; then both are held against each other."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty * len(x)).fit(x, y)
    return lambda a, b: (unit(model.predict(a) - model.intercept_), unit(b - y.mean(axis=0)))


def correlations(x: np.ndarray, y: np.ndarray, penalty: float) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Canonical directions of both, each weighed by its correlation."""

    def whitening(values: np.ndarray) -> np.ndarray:
        roots, vectors = np.linalg.eigh(values.T @ values / len(values) + penalty * np.eye(values.shape[1]))
        return np.asarray(vectors / np.sqrt(roots) @ vectors.T)

    ours, theirs = x - x.mean(axis=0), y - y.mean(axis=0)
    first, second = whitening(ours), whitening(theirs)
    left, weights, right = np.linalg.svd(first @ (ours.T @ theirs / len(x)) @ second, full_matrices=False)
    return lambda a, b: (
        unit((a - x.mean(axis=0)) @ first @ left * weights),
        unit((b - y.mean(axis=0)) @ second @ right.T * weights),
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def floors(features: dict[str, Features], groups: dict[str, np.ndarray], names: list[str]) -> dict[str, Any]:
    """By way and direction, `recall@k` on the test records."""
    from sklearn.decomposition import PCA

    rows: dict[str, dict[str, Found]] = {"ridge regression": {}, "linear correlations": {}}
    given: dict[str, Features] = {split: {} for split in features}
    for name in names:
        reduce = PCA(COMPONENTS, random_state=0).fit(features["train"][name])
        size = reduce.transform(features["train"][name]).std()
        for split, each in features.items():
            given[split][name] = reduce.transform(each[name]) / size
    for query, key in itertools.permutations(names, 2):
        for way, fit in (("ridge regression", ridge), ("linear correlations", correlations)):
            fitted = [fit(given["train"][query], given["train"][key], penalty) for penalty in PENALTIES]

            def found(split: str, apply: Any, q: str = query, k: str = key) -> Found:
                held = groups[split][:, [names.index(q), names.index(k)]]
                return search(*apply(given[split][q], given[split][k]), held[:, 1], held[:, 0])

            best = max(fitted, key=lambda each: recall(found("validation", each)))
            rows[way][f"{query} -> {key}"] = found("test", best)
    return {way: {pair: each.metrics for pair, each in found.items()} for way, found in rows.items()}


def recall(found: Found) -> float:
    return float(np.mean([found.metrics[f"recall@{k}"] for k in AT]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", default="retrieval")
    parser.add_argument("--set", nargs="*", default=[], help="settings, as mmzoo train has them")
    parser.add_argument("--no-floors", action="store_true")
    args = parser.parse_args()
    recipe = load_recipe(args.recipe).changed(args.set)
    splits = dict(zip(("train", "validation", "test"), mmzoo.datasets.load(recipe.data), strict=True))
    runs: list[dict[str, Any]] = []
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            run = mmzoo.train(
                recipe.spec,
                splits["train"],
                splits["validation"],
                training=recipe.training,
                seed=seed,
                out=Path(folder) / "run",
            )
            seconds = time.monotonic() - began
            data = mmzoo.evaluate(run.model, splits["test"]).to_json()
            labels = sorted(set(splits["train"].column("group")))
            words = next(item.name for item in recipe.spec.inputs if item.is_text)  # what was heard is another text
            told = zero_shot(run.model, splits["test"], labels, text=words, truth="group")
        runs.append({"directions": data["directions"], "zero_shot": told.accuracy, "seconds": seconds})
        print(
            json.dumps(
                {"seed": seed, "seconds": round(seconds), "zero_shot": told.accuracy, "verdict": data["verdict"]}
            )
        )
    print(f"\n{'':32}" + "".join(f"{f'R@{k}':>8}" for k in AT) + f"{'by chance, R@10':>18}")
    for each in runs[0]["directions"]:
        same = [
            row
            for found in runs
            for row in found["directions"]
            if (row["asked"], row["key"]) == (each["asked"], each["key"])
        ]
        means = [np.mean([row["metrics"][f"recall@{k}"] for row in same]) for k in AT]
        name = f"{' + '.join(each['asked'])} -> {each['key']}"
        print(f"{name:32}" + "".join(f"{mean:8.3f}" for mean in means) + f"{each['chance']['recall@10']:18.3f}")
    for name in runs[0]["zero_shot"]:
        print(f"zero-shot group by {name}: {np.mean([found['zero_shot'][name][0] for found in runs]):.3f}")
    if args.no_floors:
        return
    model = mmzoo.build(recipe.spec.fit(splits["train"]))
    features = {split: pooled(model, records) for split, records in splits.items()}
    task = model.spec.tasks[0]
    groups = {split: encode_labels([task], records)[task.name] for split, records in splits.items()}
    for way, found in floors(features, groups, list(task.group_columns)).items():
        print(f"\n{way}")
        for pair, metrics in found.items():
            print(f"{pair:32}" + "".join(f"{metrics[f'recall@{k}']:8.3f}" for k in AT))


if __name__ == "__main__":
    main()
