"""Towers that are fitted to the labels before the first step: boosted trees, with a linear part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Tree
from mmzoo.boosting import grow, scores_of
from mmzoo.boosting.committee import Grown, Shape
from mmzoo.boosting.hiding import Hiding, hiding_of
from mmzoo.boosting.linear import Encoding
from mmzoo.choice import Tower
from mmzoo.errors import require
from mmzoo.inference.running import run_model
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.tabular.days import PARTS
from mmzoo.modalities.tabular.fitting import HUGE
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.weights import is_run

if TYPE_CHECKING:
    import keras

    from mmzoo.graph.build import Multimodal


def fit_trees(
    model: Multimodal,
    spec: Spec,
    arrays: dict[str, Tree],
    labels: dict[str, np.ndarray],
    seed: int,
    enough: Callable[[], bool],
) -> dict[str, np.ndarray]:
    """Fit the towers of a model that answer by themselves; by input, the scores of trees that have not seen a record.

    These are float32 (N, scores of all tasks), and stand in for what the tower says of its training records. A tower
    that begins with the weights of a run keeps them, and is not among them.

    Args:
        arrays: the training records, decoded.
        labels: of the same, encoded.
        enough: is the time over?

    Raises:
        MMZooError: no task has labels that trees can be fitted to.
    """
    found = {}
    for index, item in enumerate(spec.inputs):
        layer = model.parts.of(item.name).fitted
        if layer is None or is_run(Tower.of(item.tower).options.get("weights")):
            continue
        asked = [task for task in spec.tasks if scores_of(task)]
        require(
            asked,
            f"Tower '{Tower.of(item.tower).name}' of input '{item.name}' is fitted to labels or numbers, and no task "
            "has any; choose another tower.",
        )
        read = model.parts.cut(
            {name: model.input[name] for name in (item.name, "present")}, {"x": model.parts.arguments(layer)[0]}
        )
        matrix = run_model(read, {name: arrays[name] for name in (item.name, "present")})["x"]
        matrix = np.where(np.abs(matrix) < HUGE, matrix, np.nan)
        there = arrays["present"][:, index]
        encoding = Encoding.of(matrix[there].astype(np.float64), layer.start, layer.sizes)
        assert isinstance(item, Tabular)  # no other tower is fitted so
        first = layer.start + len(layer.sizes)
        days = item.owners[first : first + len(item.dates)]
        hiding = hiding_of(item.owners, days, len(PARTS), range(layer.start, first))
        grown: list[Grown] = []
        with tqdm(desc=f"trees of {item.name}", unit="tree", disable=None, leave=False) as bar:
            for task in asked:
                grown += of_task(task, layer, matrix, encoding, there, labels[task.name], seed, enough, bar, hiding)
        layer.hold(grown, encoding)
        count = sum(len(each.trees) for each in grown)
        beside = " and linear scores" if any(each.weights is not None for each in grown) else ""
        print(f"{item.name}: {count:,} trees{beside} fitted to {int(there.sum()):,} records.", flush=True)
        found[item.name] = np.stack([each.left_out for each in grown], axis=1)
    return found


def of_task(
    task: Task,
    layer: keras.layers.Layer,
    matrix: np.ndarray,
    encoding: Encoding,
    there: np.ndarray,
    labels: np.ndarray,
    seed: int,
    enough: Callable[[], bool],
    bar: tqdm,
    hiding: Hiding,
) -> list[Grown]:
    """The trees of one task, fitted to the records that have the input and a label; 0 stands for other ones' scores."""
    rows = there & np.asarray(task.known(labels))
    require(rows.any(), f"No record has both a label of task '{task.name}' and the row that its trees are to read.")
    targets = labels[rows]
    if task.tags.numeric:
        targets = np.asarray(task.to_logits(targets))
    shape = Shape(layer.trees, layer.leaves, layer.depth, layer.rate, layer.members)

    def say(trees: int, loss: float) -> None:
        bar.update()
        bar.set_postfix_str(f"{task.name}: {trees} trees a member, loss {loss:.4g} on records that each left out")

    grown = grow(task, matrix[rows], targets, shape, encoding, seed, enough, say, hiding)
    for each in grown:
        scores = np.zeros(len(there), np.float32)
        scores[rows] = each.left_out
        each.left_out = scores
    return grown
