"""What sets of labels and ranges of numbers with a promised coverage need to know: kept with a run, for each subset.

Split-conformal, as `mmzoo.evaluation.analyses.conformal` has it: a threshold that nine of ten validation records keep
within. Those that have other inputs are answered otherwise, so each subset of the inputs has a threshold of its own.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError
from mmzoo.evaluation.analyses.conformal import PROMISE, scores_of, threshold
from mmzoo.inference.subset_predictions import SubsetPredictions
from mmzoo.spec import Spec
from mmzoo.tasks.base import Task
from mmzoo.training.run_folder.notes import read_object

FILE = "conformal.json"
ANY = "*"
"""In place of a subset: the validation records with whatever inputs they have."""
REMEDY = "make it anew: mmzoo evaluate RUN"


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of a model.

    Args:
        promise: the share of new records whose truth is within.
        model: the seal of the model that they are of, see `mmzoo.artifact`.
        tasks: by task and by subset ("image+name"), the thresholds: one for a set of labels, one for each number of a
            range. Infinite where there were too few validation records.
    """

    promise: float
    model: str
    tasks: dict[str, dict[str, list[float]]]

    @classmethod
    def fit(cls, spec: Spec, held_out: SubsetPredictions, model: str) -> Thresholds:
        """The thresholds on the answers to validation records."""
        found: dict[str, dict[str, list[float]]] = {}
        for task in spec.tasks:
            if not has_sets(task) or not held_out.known(task).any():
                continue
            found[task.name] = {}
            for subset in held_out.predictions:
                chosen = [name in subset.split("+") for name in spec.input_names]
                labels, answers = held_out.labels_and_predictions(task, subset)
                full = held_out.present[held_out.known(task)][:, chosen].all(axis=1)
                labels, answers = labels[full], answers[full]
                scores = scores_of(task, labels, answers)
                found[task.name][subset] = [threshold(column) for column in scores.T]
            labels, answers = held_out.labels_and_predictions(task, "+".join(spec.input_names))
            found[task.name][ANY] = [threshold(column) for column in scores_of(task, labels, answers).T]
        return cls(PROMISE, model, found)

    def to_json(self) -> dict[str, object]:
        """Plain data; None for what is infinite."""
        tasks = {
            task: {
                subset: [limit if math.isfinite(limit) else None for limit in limits] for subset, limits in each.items()
            }
            for task, each in self.tasks.items()
        }
        return {"promise": self.promise, "model": self.model, "tasks": tasks}

    @classmethod
    def read(cls, folder: Path, model: str) -> Thresholds | None:
        """Those of a run's folder; None where there are none of this model.

        Raises:
            MMZooError: the file is damaged.
        """
        path = folder / FILE
        if not os.path.lexists(path):
            return None
        data = read_object(path, REMEDY)
        tasks, promise = data.get("tasks"), data.get("promise")
        if not (
            isinstance(tasks, dict)
            and isinstance(promise, (int, float))
            and all(isinstance(each, dict) for each in tasks.values())
            and all(is_limits(limits) for each in tasks.values() for limits in each.values())
        ):
            raise MMZooError(f"'{path}' is not what mmzoo writes; {REMEDY}.")
        if data.get("model") != model:
            return None
        found = {
            task: {
                subset: [math.inf if limit is None else float(limit) for limit in limits]
                for subset, limits in each.items()
            }
            for task, each in tasks.items()
        }
        return cls(float(promise), model, found)

    def of(self, task: Task, subset: str) -> list[float] | None:
        """The thresholds of a task for records that have just these inputs; None where there are none.

        Of subsets that were not looked at, because there are too many, those of all validation records together.
        """
        kept = self.tasks.get(task.name, {})
        found = kept.get(subset, kept.get(ANY))
        return found if found is not None and len(found) == (task.units if task.tags.numeric else 1) else None


def has_sets(task: Task) -> bool:
    """Is its answer one of several labels, or numbers?"""
    return task.tags.exclusive or task.tags.numeric


def is_limits(limits: Raw) -> bool:
    """Is it a list of thresholds?"""
    return isinstance(limits, list) and all(limit is None or type(limit) in (int, float) for limit in limits)
