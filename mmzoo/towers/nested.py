"""A tower within a tower."""

from __future__ import annotations

from typing import TypeVar

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.errors import require
from mmzoo.modalities.base import Modality
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import towers

Kind = TypeVar("Kind", bound=Modality)


def nested(x: Tensor, outer: Modality, tower: Tower | str, size: int, part: str = "") -> Tokens:
    """What an image tower makes of pictures (B, size, size, 3) that the tower of `outer` hands it.

    Args:
        part: its layers are `<outer>.<part>....`; without it they are named as if the tower were `outer`'s own.
    """
    item = picture_of(outer, tower, size, part)
    chosen = Tower.of(item.tower)
    return towers[chosen.name](x, item, **chosen.options)


def check_image_tower(outer: Modality, *, image: Tower | str, size: int) -> None:
    """The tower inside exists, is for images and knows its options, for pictures of that size."""
    chosen = Tower.of(image)
    require(
        "image" in towers.facts(chosen.name)["serves"],
        f"Input '{outer.name}' needs an image tower inside, and '{chosen.name}' is none; "
        f"there are: {', '.join(towers.names(serves='image'))}.",
    )
    towers.check_options(chosen.name, chosen.options, picture_of(outer, chosen, size))


def picture_of(outer: Modality, tower: Tower | str, size: int, part: str = "") -> Image:
    """What the tower within that of `outer` takes for its input."""
    return called(Image("picture", size=size, tower=tower), outer, part)


def called(item: Kind, outer: Modality, part: str) -> Kind:
    """A part of an input, `<outer>.<part>`, or without a part as it is called itself.

    It is no input of the spec: its name has the dot that a user's has not, so that it meets none of them.
    """
    object.__setattr__(item, "name", f"{outer.name}.{part}" if part else outer.name)
    return item
