"""A tower within a tower."""

from __future__ import annotations

from typing import Any

from mmzoo.choice import Tower
from mmzoo.errors import require
from mmzoo.modalities.image import Image
from mmzoo.tokens import Tokens
from mmzoo.towers import towers


def nested(x: Any, item: Image) -> Tokens:
    """What the image tower of `item` makes of pictures (B, S, S, 3) that another tower hands it."""
    tower = Tower.of(item.tower)
    require(
        "image" in towers.facts(tower.name)["serves"],
        f"Input '{item.name}' needs an image tower inside, and '{tower.name}' is none; "
        f"there are: {', '.join(towers.names(serves='image'))}.",
    )
    towers.check_options(tower.name, tower.options)
    return towers[tower.name](x, item, **tower.options)
