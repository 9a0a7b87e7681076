"""What the parts of a built model are called, so that no two can meet, whatever a user calls inputs and tasks.

A user's name has letters, digits and "_" (`errors.check_name`), and so have the names that Keras makes up for layers
that were given none (`cast`, `stack_1`). Ours have an owner before a ".": an input, a task, or `fusion`, which no
user's name may be.

    photo.input  photo.gate  photo.conv0  photo.frame.conv0  photo.tokens   layers of an input, in its order
    fusion.dense  fusion.photo.gate  fusion.photo.from.words               of the fusion
    group.head  group.photo.head                                           of a task

Outputs beside those of the tasks are called in the same way: `group.photo` (what one modality alone answers),
`photo.pooled`, `fusion.embedding`, `fusion.log_variances`.
"""

from __future__ import annotations

ENTRY = ".input"
"""Ends the name of the layer where an input enters."""


def owner_of(layer: str) -> str:
    """The input or task that a layer is of, or "fusion"; "" of one that Keras gave its name."""
    owner, dot, _ = layer.partition(".")
    return owner if dot else ""


def part_of(layer: str) -> str:
    """What a layer is within its owner: the name without it."""
    return layer.partition(".")[2]
