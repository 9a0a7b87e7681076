"""How far one task's answers can be trusted: calibration, selective prediction, conformal sets."""

from __future__ import annotations

from typing import Any

from mmzoo.evaluation.calibration import calibration
from mmzoo.evaluation.selective import confidence, conformal, resampled, risk_coverage
from mmzoo.inference.subset_predictions import SubsetPredictions
from mmzoo.tasks import Task


def trust_in(task: Task, found: SubsetPredictions, held_out: SubsetPredictions | None) -> dict[str, dict[str, Any]]:
    """`calibration` (with `subsets`), `selective` and `conformal`; one that cannot be had is `{"reason": sentence}`.

    Some of the records have a label of this task.

    Args:
        held_out: the answers to other records, which temperatures and thresholds are fitted on.
    """
    everything = list(found.outputs)[-1]
    labels, answers = found.labels_and_predictions(task, everything)
    said: dict[str, dict[str, Any]] = {}
    if task.tags.probabilistic:
        by_subset = {
            subset: calibration(task, *found.logits(task, subset), held_out.logits(task, subset) if held_out else None)
            for subset in found.outputs
        }
        rest = {subset: {k: v for k, v in each.items() if k != "reliability"} for subset, each in by_subset.items()}
        for each in rest.values():
            if "scaled" in each:
                each["scaled"] = {k: v for k, v in each["scaled"].items() if k != "reliability"}
        said["calibration"] = {**by_subset[everything], "subsets": rest}
        said["selective"] = risk_coverage(confidence(task, answers), task.score(labels, answers))
    else:
        what = "numbers, which say nothing of how sure they are" if task.tags.numeric else "no probabilities"
        said["calibration"] = said["selective"] = {"reason": f"Task '{task.name}' answers with {what}."}
    if task.tags.probabilistic and not task.tags.exclusive:
        said["conformal"] = {"reason": f"Task '{task.name}' has any number of right labels; a set is for one."}
    elif not (task.tags.exclusive or task.tags.numeric):
        said["conformal"] = {"reason": f"Task '{task.name}' answers neither with labels nor with numbers."}
    elif held_out is None or not held_out.known(task).any():
        said["conformal"] = {"reason": "There are no validation records to fix the sets on."}
    else:
        theirs = held_out.labels_and_predictions(task, everything)
        said["conformal"] = conformal(task, labels, answers, theirs)
        said["conformal"]["resampled"] = resampled(task, labels, answers, theirs)
    return said
