"""What is fitted to the vectors of a retrieval when training has ended, by training and by validation records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmzoo.errors import require
from mmzoo.inference.agreement import fit_agreement
from mmzoo.inference.rarity import fit_rarity, layers_of, plain
from mmzoo.inference.running import run_model
from mmzoo.inference.worded import fit_share, shares_of
from mmzoo.names import single_output
from mmzoo.spec import Spec
from mmzoo.tasks.common.searched import Searched
from mmzoo.training.feeds.feed import Feed

if TYPE_CHECKING:
    import keras

    from mmzoo.aliases import Tree

MOST = 4096  # training records


def check_bank(model: keras.Model, spec: Spec, here: bool) -> None:
    """Raise before training, and not behind it, where a bank is wanted and no training record is `here` to fill it."""
    for task in spec.tasks:
        require(
            here or not layers_of(model, task),
            f"The bank of task '{task.name}' is filled with training records, and a data service sends batches only; "
            "train without it, or leave out 'bank'.",
        )


def fit_vectors(
    model: keras.Model, spec: Spec, feed: Feed, inputs: dict[str, Tree], labels: dict[str, np.ndarray]
) -> None:
    """Fit how much the words of classes and rarity count, and how far inputs agree; of tasks whose answers are vectors.

    Args:
        model: that of the spec, or what `mmzoo.graph.cut.split` leaves of it.
        feed: has the training records.
        inputs: of the validation records, what the model takes, and the `labels` of the same, encoded.
    """
    tasks = [task for task in spec.tasks if isinstance(task, Searched)]
    if not tasks:
        return
    train, looked = run_model(model, feed.sample(MOST)[0]), run_model(model, inputs)
    for task in tasks:
        if shares := shares_of(model, task):
            whole = {name: looked[single_output(task.name, name)] for name in task.inputs}
            fit_share(task, shares, plain(looked, task) if layers_of(model, task) else whole, labels[task.name])
            train, looked = run_model(model, feed.sample(MOST)[0]), run_model(model, inputs)
    for task in tasks:
        if layers := layers_of(model, task):
            fit_rarity(task, layers, plain(train, task), plain(looked, task), labels[task.name])
        fit_agreement(model, task, train, looked, labels[task.name])
