"""Which pretrained image tower? Each on pictures alone, beside logistic regression on the same features.

    python benchmarks/image_towers.py               # EfficientNet-Lite 0 and 2, recipe emoji, seeds 0 1 2
    python benchmarks/image_towers.py --towers efficientnet_lite1 --resolution 192 --seeds 0

Prints the validation and the test accuracy as mean of the seeds, those of the regression (its strength chosen on the
validation records), seconds an epoch with features cached, and of seed 0's .tflite (fp32) size and milliseconds on one
thread. Towers are chosen by the validation records.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mmzoo
from mmzoo import datasets
from mmzoo.baselines.base import Clock
from mmzoo.baselines.pooled import pooled_blocks
from mmzoo.inference.metrics import primary
from mmzoo.recipe import load_recipe
from mmzoo.run.training import train
from mmzoo.spec import Spec

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)


def probed(spec: Spec, splits: list[mmzoo.Records]) -> tuple[float, float]:
    """Validation and test accuracy of logistic regression on the mean token of the frozen tower."""
    (item,), (task,) = spec.inputs, spec.tasks
    (block,) = pooled_blocks(spec, Clock())
    features = [block.transform(records.column(item.name)) for records in splits]
    labels = [np.array(records.column(task.name)) for records in splits]
    found = []
    for strength in STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
        model.fit(features[0], labels[0])
        found.append(tuple(float(model.score(x, y)) for x, y in zip(features[1:], labels[1:], strict=True)))
    return max(found)  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="emoji")
    parser.add_argument("--input", default="image")
    parser.add_argument("--towers", nargs="+", default=["efficientnet_lite0", "efficientnet_lite2"])
    parser.add_argument("--resolution", type=int, default=160)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    recipe = load_recipe(args.recipe)
    splits = list(datasets.load(recipe.data))
    alone = recipe.spec.subset([args.input])
    for name in args.towers:
        tower = mmzoo.Tower(name, resolution=args.resolution)
        spec = replace(alone, inputs=[replace(alone.inputs[0], tower=tower)])
        scores, seconds, size, latency = [], [], 0.0, 0.0
        with tempfile.TemporaryDirectory() as folder:
            for seed in args.seeds:
                run = train(spec, *splits[:2], training=recipe.training, seed=seed, out=Path(folder) / str(seed))
                scores.append([run.evaluate(part)["metrics"][primary(spec)] for part in splits[1:]])
                lines = (run.folder / "history.jsonl").read_text("utf-8").splitlines()
                seconds += [json.loads(line)["seconds"] for line in lines[1:]]
                if seed == args.seeds[0]:
                    (row,) = run.export(records=splits[2], variants=["fp32"])
                    size, latency = row["bytes"] / 1e6, row["latency_ms_p50"]
        validation, test = np.mean(scores, axis=0)
        print(
            f"{name}  validation {validation:.3f}  test {test:.3f} ({', '.join(f'{s[1]:.3f}' for s in scores)})  "
            f"regression {' '.join(f'{value:.3f}' for value in probed(spec, splits))}  "
            f"{np.median(seconds):.2f} s an epoch  {size:.1f} MB  {latency:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
