"""Classes that a model has never seen, from 1, 5, 10 and 20 records each, without training.

    python benchmarks/few_shot.py

A run of the embedded sample learns the groups but animals, food and places. Then six of the subgroups of these three
are told apart by a few records each, 10 draws of them, and asked of all their other records: by `run.prototypes`, each
kind, which reads the run's towers; by the same on the run's embedding; and by the same on what the towers put out as
they come, frozen and without a run.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import mmzoo
from mmzoo.data.records import Records
from mmzoo.datasets import load
from mmzoo.few_labels.features import features
from mmzoo.few_labels.linear import KINDS, fit
from mmzoo.inference.embed import embed
from mmzoo.recipe import load_recipe

UNSEEN = ("Animals & Nature", "Food & Drink", "Travel & Places")
LEAST = 27
DRAWS = 10
SHOTS = (1, 5, 10, 20)


def of_groups(records: Records, unseen: bool) -> Records:
    """The records of the groups that the run sees, or of the others."""
    return records.select([k for k, group in enumerate(records.column("group")) if (group in UNSEEN) == unseen])


def accuracies(vectors: np.ndarray, places: np.ndarray, kind: str, shots: int) -> np.ndarray:
    """Of each draw."""
    found = []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        given = np.concatenate([rng.permutation(np.flatnonzero(places == k))[:shots] for k in range(places.max() + 1)])
        asked = np.setdiff1d(np.arange(len(places)), given)
        weights, bias = fit(kind, vectors[given], places[given])
        said = (vectors[asked] @ weights + bias).argmax(axis=1)
        found.append(np.mean([(said == places[asked])[places[asked] == k].mean() for k in range(places.max() + 1)]))
    return np.array(found)


def main() -> None:
    recipe = load_recipe("emoji")
    splits = load("emoji")
    spec = recipe.spec.subset(["image", "name"])
    seen = tuple(sorted({*splits[0].column("group")} - {*UNSEEN}))
    spec = mmzoo.Spec(spec.inputs, spec.fusion, [mmzoo.Classification("group", labels=seen, auxiliary=1.0)])
    with tempfile.TemporaryDirectory() as home:
        training = mmzoo.Training(epochs=10)
        train, validation = (of_groups(each, False) for each in splits[:2])
        run = mmzoo.train(spec, train, validation, training=training, out=Path(home) / "run")
        new = [of_groups(each, True) for each in splits]
        columns = {name: [value for each in new for value in each.column(name)] for name in new[0].columns}
        counts = Counter(columns["subgroup"])
        classes = sorted(name for name, count in counts.items() if count >= LEAST)
        records = Records(columns).select([k for k, name in enumerate(columns["subgroup"]) if name in classes])
        places = np.array([classes.index(name) for name in records.column("subgroup")])
        fused = run.embed(records, inputs=["fused"])["fused"]
        own = features(run, records).reshape(len(records), -1)
        plain = mmzoo.build(spec)  # the towers with their pretrained weights, as they come
        towers = np.concatenate([*embed(plain, records, towers=True).values()], axis=1)
        run.splits = {"train": train, "validation": validation, "test": of_groups(splits[2], False)}
        beside = known_beside_new(run, records)
        began = time.perf_counter()
        few = run.prototypes(records.take(100), label="subgroup")
        few.predict(records.take(1))
        seconds = time.perf_counter() - began
    print(f"{len(records)} records of {len(classes)} classes: {', '.join(classes)}; balanced accuracy, mean of {DRAWS}")
    print(f"| classes by | {' | '.join(f'{shots} shot' for shots in SHOTS)} |\n|---|{'---|' * len(SHOTS)}")
    each = {"run.prototypes": own, "the run's embedding": fused, "towers as they come": towers}
    ways = [(f"{name}, {kind}", vectors, kind) for name, vectors in each.items() for kind in KINDS]
    for name, vectors, kind in ways:
        found = [accuracies(vectors, places, kind, shots) for shots in SHOTS]
        cells = [f"{each.mean():.3f} ± {1.96 * each.std(ddof=1) / np.sqrt(DRAWS):.3f}" for each in found]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print(beside)
    print(f"prototypes of 100 records, embedded too, and one answer: {seconds:.2f} s")


def known_beside_new(run: mmzoo.Run, records: Records, shots: int = 10) -> str:
    """The groups that the run has learnt, from 20 records each, and the new classes: one model for all of them."""
    rng, new = np.random.default_rng(0), np.array(records.column("subgroup"))
    given = np.concatenate([rng.permutation(np.flatnonzero(new == name))[:shots] for name in sorted({*new})])
    named = Records({**records.columns, "group": list(records.column("subgroup"))}, records.ids)
    few = run.prototypes(named.select(given.tolist()), known=20)
    old = run.splits["test"]
    found = []
    for asked in (old, named.select(np.setdiff1d(np.arange(len(new)), given).tolist())):
        said = few.probabilities(features(run, asked)).argmax(axis=1)
        found.append(np.mean([few.labels[k] == label for k, label in zip(said, asked.column("group"), strict=True)]))
    head = np.mean(
        [row["group_prediction"] == label for row, label in zip(run.predict(old), old.column("group"), strict=True)]
    )
    return (
        f"{len(few.labels)} classes at once, {shots} shots of each new one: accuracy on new records of known classes "
        f"{found[0]:.3f} (the head that was trained on them alone: {head:.3f}), of the new ones {found[1]:.3f}"
    )


if __name__ == "__main__":
    main()
