"""Boosted trees where a cell is missing that never was in training: scikit-learn's way, a usual value, or hidden cells.

    python benchmarks/missing_cells.py

Five random halves of each data set: trees with and without `mmzoo.boosting.hiding` learn from one, and answer the
other as it is, with each column missing in turn, and with a quarter of all cells missing. R2 or accuracy, the mean.

Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import astuple
from pathlib import Path

import numpy as np
from data_sets import DATA, Wheels, write_table
from own_data import CACHE, row
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import mmzoo
from mmzoo.boosting import grow, scores_of
from mmzoo.boosting.committee import Shape
from mmzoo.boosting.hiding import Hiding
from mmzoo.boosting.linear import Encoding
from mmzoo.data.guess import load_table
from mmzoo.data.records import decode
from mmzoo.labels import encode_labels
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.rows import MISSING
from mmzoo.tasks.base import Task
from mmzoo.towers.boosted_trees import Forest

SHAPE = Shape(300, 16, 8, 0.1, 5)
SEEDS = 5


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(row(["data", "missing", "as scikit-learn's", "usual value", "hidden in training"]))
    print("|---|---|---|---|---|")
    for name in ("diabetes", "wine", "cancer", "abalone", "titanic"):
        found = measured(*read(name))
        for k, what in enumerate(("nothing", "each column in turn", "a quarter of the cells")):
            print(row([name if not k else "", what, *(f"{value:.3f}" for value in found[k])]), flush=True)


def read(name: str) -> tuple[Tabular, np.ndarray, np.ndarray, Task]:
    """The fitted row of a data set, its records decoded, their labels and the task."""
    makers = {"diabetes": load_diabetes, "wine": load_wine, "cancer": load_breast_cancer}
    with tempfile.TemporaryDirectory() as folder:
        if name in makers:
            made = makers[name](as_frame=True, **({"scaled": False} if name == "diabetes" else {}))
            path = Path(folder) / "table.csv"
            frame = made.frame.rename(columns={"target": "y"})
            frame["y"] = frame["y"] if name == "diabetes" else [f"class {each}" for each in frame["y"]]
            frame.to_csv(path, index=False)
            spec, parts = load_table(path, "y")
        else:
            table = write_table(DATA[name], CACHE / "data", Wheels(CACHE / "wheels"))
            spec, parts = load_table(table)
        (item,) = (each for each in spec.inputs if isinstance(each, Tabular))
        columns = {
            key: [value for part in parts for value in part.column(key)] for key in (item.name, spec.tasks[0].name)
        }
        ids = [str(k) for k in range(len(columns[item.name]))]
        records = mmzoo.Records(columns, ids)
        spec = mmzoo.Spec([item], "concat", spec.tasks).fit(records)
        (item,), (task,) = spec.inputs, spec.tasks
        return item, decode(spec, records)[item.name], encode_labels(spec.tasks, records)[task.name], task


def measured(item: Tabular, matrix: np.ndarray, labels: np.ndarray, task: Task) -> np.ndarray:
    """The scores: what is missing by what is done about it, float (3, 3)."""
    return np.mean([once(item, matrix, labels, task, seed) for seed in range(SEEDS)], axis=0)


def once(item: Tabular, matrix: np.ndarray, labels: np.ndarray, task: Task, seed: int) -> list[list[float]]:
    start, places = len(item.numbers), range(len(item.numbers), len(item.numbers) + len(item.categories))
    nothing = np.full(matrix.shape[1], np.nan, np.float32)
    nothing[[*places]] = MISSING
    random = np.random.RandomState(seed)
    train, test = np.array_split(random.permutation(len(matrix))[:4000], 2)
    encoding = Encoding.of(matrix[train].astype(np.float64), start, item.sizes)
    targets, mean, deviation = labels[train], 0.0, 1.0
    if task.tags.numeric:
        mean, deviation = float(targets.mean()), float(targets.std())
        targets = ((targets - mean) / deviation).reshape(len(train), 1)
    forests = []
    for hides in (None, Hiding(item.owners, places)):
        grown = grow(task, matrix[train], targets, SHAPE, encoding, seed, hiding=hides)
        forest = Forest(scores_of(task), *astuple(SHAPE), start, item.sizes)
        forest.build((None, matrix.shape[1]))
        forest.hold(grown, encoding)
        forests.append(forest)
    none = np.zeros((len(test), len(item.columns)), bool)
    columns = [none | (np.arange(len(item.columns)) == k) for k in range(len(item.columns))]
    masks = [[none], columns, [random.uniform(size=none.shape) < 0.25 for _ in range(3)]]
    truth = labels[test].reshape(-1)

    def score(forest: Forest, fill: np.ndarray, mask: np.ndarray) -> float:
        said = np.asarray(forest(np.where(mask[:, item.owners], fill, matrix[test]).astype(np.float32)))
        if task.tags.numeric:
            return 1 - float(((said[:, 0] * deviation + mean - truth) ** 2).mean() / truth.var())
        answers = said.argmax(axis=1) if said.shape[1] > 1 else (said[:, 0] > 0).astype(int)
        return float((answers == truth).mean())

    ways = [(forests[0], nothing), (forests[0], item.typical), (forests[1], nothing)]
    return [[float(np.mean([score(*way, mask) for mask in each])) for way in ways] for each in masks]


if __name__ == "__main__":
    main()
