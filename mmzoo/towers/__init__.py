"""The towers: one file a family. A tower reads one modality and yields `Tokens`.

    @towers.register("name", serves="image")
    def name(x, item, *, option=default) -> Tokens:

`x` is the decoded batch as `item.shape` and `item.dtype` say; `item` is the
input's part of the spec. Layers are named `<item.name>....`. What a layer is to
those who cut or watch the model is declared with `mmzoo.declared`: above all the
part that never trains and is worth computing once (log-mel, tokenizer, frozen
pretrained blocks), one layer, whose output training keeps.
"""

from collections.abc import Callable

from mmzoo.aliases import Tensor
from mmzoo.declared import grid
from mmzoo.modalities.base import Modality
from mmzoo.registry import Registry
from mmzoo.tokens import Tokens

towers: Registry[Callable[..., Tokens]] = Registry("tower", __name__)


def scoped(item: Modality) -> Callable[[str], str]:
    """A maker of layer names for one input: `name = scoped(item)`, then `Dense(8, name=name("dense"))`."""
    return lambda suffix: f"{item.name}.{suffix}"


def grid_tokens(x: Tensor, item: Modality) -> Tokens:
    """A feature map (B, H, W, C) as H * W tokens, all of them real."""
    from keras import ops

    grid(item, x.shape[1], x.shape[2])
    values = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return Tokens(values, ops.ones_like(values[..., 0], dtype="bool"))
