"""The objectives: what training makes small for one example, where the answer is one of several labels. A file each.

    @objectives.register("name")
    def name(targets, chances, priors, *, option=1.0): ...

`targets` is the wanted distribution and `chances` the logarithms of the model's, float32 (..., C); the result is
float32 (...). A yes-or-no question has C = 2. `priors` are the shares of the C answers among the training labels,
(..., C), for an objective registered with `needs="priors"`, else None. Options are numbers above 0.

One registered with `reads="concentrations"` is given those of a Dirichlet distribution in place of the logarithms, and
turns a classification's answer into the mean of that; see `mmzoo.tasks.classification`.
"""

from collections.abc import Callable
from typing import Any

from mmzoo.registry import Registry

objectives: Registry[Callable[..., Any]] = Registry("objective", __name__)
