"""What the parts of a built model are called, so that no two can meet, whatever a user calls inputs and tasks.

A user's name has letters, digits and "_" (`errors.check_name`), and so have the names that Keras makes up for layers
that were given none (`cast`, `stack_1`). Ours have an owner before a ".": an input, a task, or `fusion`, which no
user's name may be.

    photo.input  photo.gate  photo.conv0  photo.frame.conv0  photo.tokens   layers of an input, in its order
    fusion.dense  fusion.photo.gate  fusion.photo.from.words               of the fusion
    group.head  group.photo.head                                           of a task

Outputs beside those of the tasks are called in the same way, and only here: `group.photo` (what one modality alone
answers), `photo.tower_mask`, `fusion.embedding`. An input and a task have no name in common, so that no two outputs
have.
"""

from __future__ import annotations

ENTRY = ".input"
"""Ends the name of the layer where an input enters."""


LOG_VARIANCES = "fusion.log_variances"
"""Output: float32 (B, tasks), the learned `log sigma^2` of the tasks."""

EMBEDDING = "fusion.embedding"
"""Output: float (B, any), what the heads of all tasks read."""

PRESENT = "fusion.present"
"""Output: bool (B, M), which modalities are really there, as the model decides it."""


FUSED = "fused"
"""What the vector of all inputs together is called beside those of single ones, which are called as these are. It is
taken: no input and no task may be called so, and a column of a table that is gets another name."""


def uncalibrated_output(task: str) -> str:
    """The output with a task's logits (B, units) before its temperature."""
    return f"fusion.{task}.uncalibrated"


def single_output(task: str, name: str) -> str:
    """The output with a task's logits (B, units) from the input `name` alone; of a retrieval, the input's vector."""
    return f"{task}.{name}"


def scale_output(task: str) -> str:
    """The output with what a task learns to scale its scores by, float32 (B, 2): the same numbers for each example."""
    return f"fusion.{task}.scale"


def taught_output(task: str) -> str:
    """The output with the losses of a text task's right answers, float32 (B, 1), of a model that trains."""
    return f"fusion.{task}.taught"


def given_input(task: str) -> str:
    """The input with a text task's right answers, int32 (B, any), of a model that trains."""
    return f"fusion.{task}.given"


def tower_outputs(name: str) -> tuple[str, str]:
    """The outputs with an input's tokens as its tower gives them: values (B, T, any), mask bool (B, T)."""
    return f"{name}.tower_values", f"{name}.tower_mask"


def variant_output(name: str) -> str:
    """The output with an input's vectors (B, any) by which two variants of an example find each other in training."""
    return f"fusion.{name}.variant"


def teacher_labels(task: str) -> str:
    """Where a teacher's logits (B, units) stand among the labels."""
    return f"{task}.teacher"


def owner_of(name: str) -> str:
    """Whose a name is: the input or task, or "fusion"."""
    return name.partition(".")[0]


def within_owner(path: str) -> str:
    """The path of a variable without the input or task that its layer is of."""
    return path.partition(".")[2] or path
