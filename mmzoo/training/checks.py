"""Do the settings of a training fit the spec? Asked before any record is read."""

from __future__ import annotations

from mmzoo.errors import require, unknown
from mmzoo.spec import Spec
from mmzoo.training.settings import Training


def check_settings(spec: Spec, training: Training) -> None:
    """What the settings name is there, and what they ask for can be done with this spec.

    Raises:
        MMZooError: names the setting and what it may be.
    """
    if training.monitor and training.monitor not in spec.metric_names:
        raise unknown("validation metric to monitor called", training.monitor, spec.metric_names)
    for name in training.tune_inputs:
        if name not in spec.input_names:
            raise unknown("input for 'tune_inputs' called", name, spec.input_names)
    several = len(spec.inputs) > 1
    require(
        several or training.modulate == "none",
        "'modulate' lets one modality wait for the others, and this spec has only one; set it to 'none'.",
    )
    require(
        several or not training.contrast,
        "'contrast' lets modalities find each other, and this spec has only one; set it to 0.",
    )
    require(
        not training.blend or (several and any(task.auxiliary for task in spec.tasks)),
        "'blend' weighs a head of each modality against the fused one; give a task an 'auxiliary' above 0 and "
        "the spec two inputs or more, or set 'blend' to 0.",
    )
