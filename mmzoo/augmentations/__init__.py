"""The augmentations: random variants of decoded examples, in training only. A file a kind of input.

    @augmentations.register("name", serves="image")
    def name(batch, keys, item, *, option=default): ...

`batch` is (B, *shape) as `item.decode` gives it, and so is the result. `keys` is int64 (B,): every draw comes from
the example's own key (`mmzoo.draws`), so it does not matter which batch an example is in. All of them are compiled
with XLA (`item.augment`): static shapes, and no operation that XLA lacks.
"""

from collections.abc import Callable

from mmzoo.aliases import Tensor
from mmzoo.registry import Registry

augmentations: Registry[Callable[..., Tensor]] = Registry("augmentation", __name__)
