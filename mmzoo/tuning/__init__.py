"""The ways to fine-tune a tower: which of its variables train, how fast, and from when. One file each.

    @tuning.register("name")
    def name(towers, rate, *, option=default) -> Tuned:

`towers` is the parts of each tower that is tuned, from its input to its output (`mmzoo.tuning.parts`); `rate` is
`fine_tune_rate`, the factor on the learning rate of weights that were there before. What is not in a tower that
is tuned, the fusion and the heads, trains whatever the way.
"""

from collections.abc import Callable

from mmzoo.registry import Registry
from mmzoo.tuning.groups import Tuned

tuning: Registry[Callable[..., Tuned]] = Registry("way to tune", __name__)
