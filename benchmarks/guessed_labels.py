"""What `fixmatch` and `freematch` are worth: ten labels a class of the embedded sample, the others hidden.

    python benchmarks/guessed_labels.py --seeds 0 1 2

Pretrained towers, frozen. "few" learns of the records with a label alone, the methods of the others too, for as many
epochs. Beside them stands a logistic regression on what the towers put out for the same labelled records. All choose by
the same validation records, and are tested on the same test records.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from pretraining import GROUP, few, linear

import mmzoo
from mmzoo.data.records import Records, decode
from mmzoo.datasets import load
from mmzoo.inference.embed import embed
from mmzoo.inference.running import run_model


def spec_of(labels: tuple[str, ...]) -> mmzoo.Spec:
    inputs = [
        mmzoo.Image("image", size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160)),
        mmzoo.Text("name", tower="sentence"),
    ]
    return mmzoo.Spec(inputs, "concat", [mmzoo.Classification(GROUP, labels=labels, auxiliary=1.0)], dim=128)


def hidden(records: Records, kept: Records) -> Records:
    """The records without the labels of those that are not kept."""
    ids = {*kept.ids}
    labels = [label if each in ids else None for each, label in zip(records.ids, records.column(GROUP), strict=True)]
    return Records({**records.columns, GROUP: labels}, records.ids)


def right(run: mmzoo.Run, test: Records, labels: tuple[str, ...]) -> np.ndarray:
    """Is each test record's class right?"""
    said = run_model(run.model, decode(run.spec, test))[GROUP].argmax(axis=1)
    return np.array([labels[k] for k in said]) == np.array(test.column(GROUP))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--labels", type=int, default=10, help="of a class")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    train, validation, test = load("emoji")
    labels = tuple(sorted({*train.column(GROUP)}))
    found: dict[str, list[float]] = {}
    for seed in args.seeds:
        kept = few(train, args.labels, seed)
        ways = {"few": None, "fixmatch": mmzoo.Method("fixmatch"), "freematch": mmzoo.Method("freematch")}
        for name, method in ways.items():
            training = mmzoo.Training(
                epochs=args.epochs, batch_size=64 if method else 16, methods=[method] if method else []
            )
            records = hidden(train, kept) if method else kept
            with tempfile.TemporaryDirectory() as home:
                out = Path(home) / "run"
                run = mmzoo.train(spec_of(labels), records, validation, training=training, seed=seed, out=out)
                found.setdefault(name, []).append(float(right(run, test, labels).mean()))
                if name == "few":
                    parts = [kept, validation, test]
                    rows = [np.concatenate([*embed(run.model, part, towers=True).values()], axis=1) for part in parts]
                    known = [np.array(part.column(GROUP)) for part in parts]
                    found.setdefault("logistic regression", []).append(
                        float(linear(rows, known, (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)).mean())
                    )
            print(f"seed {seed}, {name}: {found[name][-1]:.3f}", flush=True)
    for name, each in found.items():
        print(f"{name}: {np.mean(each):.3f} ({', '.join(f'{value:.3f}' for value in each)})")


if __name__ == "__main__":
    main()
