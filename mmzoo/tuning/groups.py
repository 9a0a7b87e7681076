"""What a way to tune decides: groups of variables that train alike, and additions to kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import keras
from keras import ops

from mmzoo.aliases import Tensor


class Group(NamedTuple):
    """Variables that train alike.

    rate: factor on the learning rate.
    epoch: so many epochs end before they begin to train.
    """

    variables: list[keras.Variable]
    rate: float = 1.0
    epoch: int = 0


class Addition(NamedTuple):
    """A product of two thin matrices that is added to a kernel: `kernel + scale * reshape(a @ b)`.

    Nothing in the model knows of it: whoever calls the model gives it the sum in the kernel's place.
    """

    kernel: keras.Variable
    a: keras.Variable
    b: keras.Variable
    scale: float

    def total(self) -> Tensor:
        """The kernel and what is added, float32 of the kernel's shape."""
        return self.kernel.value + ops.reshape(ops.matmul(self.a, self.b), self.kernel.shape) * self.scale


@dataclass(frozen=True)
class Tuned:
    """What trains of the towers that are tuned; of a whole model, what trains of it."""

    groups: list[Group]
    additions: list[Addition] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many numbers train."""
        return sum(math.prod(v.shape) for group in self.groups for v in group.variables)
