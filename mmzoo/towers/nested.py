"""A tower within a tower."""

from __future__ import annotations

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.errors import require
from mmzoo.modalities.base import Modality
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import towers


def nested(x: Tensor, outer: Modality, tower: Tower | str, size: int, part: str = "") -> Tokens:
    """What an image tower makes of pictures (B, size, size, 3) that the tower of `outer` hands it.

    Args:
        part: its layers are `<outer>.<part>....`; without it they are named as if the tower were `outer`'s own.
    """
    item = Image(outer.name, size=size, tower=tower)
    if part:
        # It is no input of the spec: its name has the dot that a user's has not, so that it meets none of them.
        object.__setattr__(item, "name", f"{outer.name}.{part}")
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
    towers.check_options(chosen.name, chosen.options, Image(outer.name, size=size, tower=chosen))
