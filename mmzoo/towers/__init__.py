"""The towers: one file a family. A tower reads one modality and yields `Tokens`.

    @towers.register("name", serves="image")
    def name(x, item, *, option=default) -> Tokens:

`x` is the decoded batch as `item.shape` and `item.dtype` say; `item` is the
input's part of the spec. Layers are named `<item.name>....`. What a layer is to
those who cut or watch the model is declared with `mmzoo.declared`: above all the
part that never trains and is worth computing once (log-mel, tokenizer, frozen
pretrained blocks), one layer, whose output training keeps. What else is to be known of a tower
before it is built is registered: `tokenizer="own"` of one over texts that tokenizes them by
itself, whatever the input's tokenizer is; `frozen="NAME"`, the tower that is the part of it
which never learns; `classes="imagenet"`, that its own weights know these classes by name.
"""

import functools
import inspect
from collections.abc import Callable

from mmzoo.aliases import Tensor
from mmzoo.declared import begins_with, grid
from mmzoo.errors import require
from mmzoo.modalities.base import Modality
from mmzoo.registry import Registry
from mmzoo.tokens import Tokens
from mmzoo.weights import RUN, is_run

Function = Callable[..., Tokens]
SAID = f"""weights: None, or "{RUN}FOLDER": those of the same tower in a run or a saved model, by their names; of the
        input that is called the same or has the same tower, or of "{RUN}FOLDER#INPUT"."""


class Towers(Registry[Function]):
    """The registry of towers. Each has the option `weights`, by which it begins with those of a trained one."""

    def register(
        self, name: str, check: Callable[..., None] | None = None, **facts: str | tuple[str, ...]
    ) -> Callable[[Function], Function]:
        def add(entry: Function) -> Function:
            own = "weights" in inspect.signature(entry).parameters
            file = super(Towers, self).register(name, check if own else checked(name, check), **facts)
            file(beginning(entry, own))
            return entry

        return add


def beginning(entry: Function, own: bool) -> Function:
    """A tower that declares whose weights it begins with.

    Args:
        own: the tower has the option `weights` itself, for pretrained ones.
    """

    @functools.wraps(entry)
    def tower(x: Tensor, item: Modality, **options: object) -> Tokens:
        if is_run(weights := options.get("weights")):
            begins_with(item, str(weights))
        if not own:
            options.pop("weights", None)
        return entry(x, item, **options)

    if not own:
        signature = inspect.signature(entry)
        option = inspect.Parameter("weights", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="str | None")
        tower.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*signature.parameters.values(), option]
        )
        before, args, after = (inspect.getdoc(entry) or "").partition("\n\nArgs:\n")
        tower.__doc__ = f"{before}\n\nArgs:\n    {SAID}\n{after}" if args else f"{before}\n\nArgs:\n    {SAID}"
    return tower


def checked(name: str, check: Callable[..., None] | None) -> Callable[..., None]:
    """What checks the options of a tower that has no pretrained weights: they can only be those of a run."""

    def check_weights(item: Modality, *, weights: str | None, **options: object) -> None:
        require(
            weights is None or is_run(weights),
            f"There are no pretrained weights for tower '{name}' of input '{item.name}'; give weights='{RUN}FOLDER' "
            "with the folder of a run that has such a tower, or leave them out.",
        )
        if check is not None:
            check(item, **options)

    return check_weights


towers = Towers("tower", __name__)


def scoped(item: Modality) -> Callable[[str], str]:
    """A maker of layer names for one input: `name = scoped(item)`, then `Dense(8, name=name("dense"))`."""
    return lambda suffix: f"{item.name}.{suffix}"


def grid_tokens(x: Tensor, item: Modality) -> Tokens:
    """A feature map (B, H, W, C) as H * W tokens, all of them real."""
    from keras import ops

    grid(item, x.shape[1], x.shape[2])
    values = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return Tokens(values, ops.ones_like(values[..., 0], dtype="bool"))
