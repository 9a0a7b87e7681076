"""What answers were worth before their records were learnt: the rows of a stream's history."""

from __future__ import annotations

import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from mmzoo.inference.metrics import metrics, primary
from mmzoo.inference.running import to_predictions
from mmzoo.spec import Spec
from mmzoo.training.loss import total_loss
from mmzoo.training.run_folder.notes import Row
from mmzoo.training.streaming.batch import Usable, joined, losses_of
from mmzoo.training.streaming.state import Taken


class Window:
    """The answers since the last row of the history, each given before its record was learnt.

    Dawid 1984, "Statistical theory: the prequential approach".
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.start()

    def start(self) -> None:
        """Begin the next row."""
        self.answers: list[tuple[Usable, dict[str, np.ndarray]]] = []
        self.losses: list[float] = []
        self.began = time.monotonic()

    def add(self, usable: Usable, outputs: dict[str, np.ndarray]) -> np.ndarray | None:
        """Take what the model put out for some records.

        Returns the losses, float (N,), of those of them whose labels are known; None where no label is.
        """
        self.answers.append((Usable({}, usable.labels, usable.rows), to_predictions(self.spec, outputs)))
        known = usable.known(self.spec.tasks)
        if not known.any():
            return None
        targets = keras.tree.map_structure(tf.constant, usable.labels)
        loss = total_loss(self.spec, outputs, targets, tf.constant(usable.inputs["present"]))
        self.losses.append(float(loss))
        return np.asarray(losses_of(self.spec.tasks, outputs, usable.labels)[known])

    def row(self, taken: Taken, bad: int, strangers: int) -> Row:
        """A row of the history.

        Args:
            bad: records of the whole stream that could not be used.
            strangers: records of new classes, which no answer can be right for, and which the metrics do not count.
        """
        count = sum(len(usable) for usable, _ in self.answers)
        labels = joined([usable.labels for usable, _ in self.answers])
        scores = metrics(self.spec, joined([answers for _, answers in self.answers]), labels)
        seconds = time.monotonic() - self.began
        row: Row = {"epoch": int(taken.history[-1]["epoch"] or 0) + 1 if taken.history else 1}
        row |= {"records": taken.records, "step": taken.step, "bad": bad, "drifts": taken.drifts}
        row |= {"of_new_classes": strangers} if strangers else {}
        row |= {"prequential_loss": float(np.mean(self.losses))} if self.losses else {}
        row |= {f"prequential_{name}": value for name, value in scores.items()}
        return row | {"seconds": round(seconds, 3), "examples_per_second": round(count / max(seconds, 1e-9), 3)}


def shown(spec: Spec, history: Sequence[Row]) -> str:
    """What the answers of the last row of a history were worth, behind a comma; "" where that is not known."""
    last = history[-1] if history else {}
    name = f"prequential_{primary(spec)}"
    new = f" (without {last['of_new_classes']:,} records of new classes)" if "of_new_classes" in last else ""
    return f", {name} {last[name]:.4g}{new}" if name in last else ""
