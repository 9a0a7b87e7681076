"""What a model that makes pictures draws while it trains, to be looked at."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from mmzoo.aliases import Tree
from mmzoo.files import subfolder, write_file
from mmzoo.inference.generate import draw, layers_that_draw
from mmzoo.modalities.shown import grid, png
from mmzoo.spec import Spec
from mmzoo.tasks.reconstruction import rebuilds
from mmzoo.training.feeds.feed import Feed
from mmzoo.training.settings import Training

ROWS, DRAWN = 8, 7
TIMES = 10  # in a training


class Samples(keras.callbacks.Callback):
    """Writes `samples/<task>-<epoch>.png`: of each of some records the picture, then what is drawn without it.

    Args:
        drawing: takes what the feed gives.
        inputs, labels: of the records.
        every: so many epochs; and after the last.
    """

    def __init__(
        self,
        spec: Spec,
        drawing: keras.Model,
        inputs: dict[str, Tree],
        labels: dict[str, np.ndarray],
        folder: Path,
        every: int,
        epochs: int,
    ) -> None:
        super().__init__()
        self.spec, self.drawing, self.folder, self.every, self.epochs = spec, drawing, folder, every, epochs
        self.tasks = [task for task in spec.tasks if rebuilds(task) and task.tags.pictures]
        self.labels = labels
        self.inputs = keras.tree.map_structure(lambda x: np.repeat(x, DRAWN, axis=0), inputs)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if (epoch + 1) % self.every and epoch + 1 != self.epochs:
            return
        for task in self.tasks:
            present = self.inputs["present"].copy()
            present[:, self.spec.input_names.index(task.input)] = False
            outputs = draw(self.drawing, self.inputs | {"present": present}, seed=0)
            cells = np.asarray(task.to_predictions(outputs[task.name]))
            pictures = []
            for row, label in enumerate(self.labels[task.name]):
                made = cells[row * DRAWN : (row + 1) * DRAWN]
                pictures += [np.asarray(task.rebuilding.readable(each)) for each in (label.astype(np.float32), *made)]
            place = subfolder(self.folder, "samples") / f"{task.name}-{epoch + 1:04d}.png"
            write_file(place, png(grid(pictures, DRAWN + 1)))


def samples_of(
    spec: Spec,
    model: keras.Model,
    validation: tuple[dict[str, Tree], dict[str, np.ndarray]] | None,
    feed: Feed | None,
    training: Training,
    folder: Path,
) -> list[keras.callbacks.Callback]:
    """`Samples` of a training whose model draws pictures, of eight records; else none.

    Args:
        model: takes what the feed gives.
        validation: examples and their labels; without them those of the feed are taken, if it has them at hand.
    """
    if not layers_that_draw(model) or not any(task.tags.pictures for task in spec.tasks):
        return []
    seen = validation or (feed.sample(ROWS) if feed is not None else None)
    if seen is None:
        return []
    rows = np.unique(np.linspace(0, len(seen[0]["present"]) - 1, ROWS).astype(int))
    inputs, labels = keras.tree.map_structure(lambda x: np.asarray(x[rows]), seen)
    return [Samples(spec, model, inputs, labels, folder, max(training.epochs // TIMES, 1), training.epochs)]
