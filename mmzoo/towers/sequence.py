"""What the towers over a sequence share: how each modality becomes one, and how an encoder becomes a tower.

An encoder takes `Tokens` to `Tokens`; registered once, it serves every modality that is a sequence:
the tokens of a text, the frames of a sound, the steps of a sensor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import cast

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.choice import Tower
from mmzoo.errors import require
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers

Encoder = Callable[..., Tokens]
SEQUENCES = tuple(kind for kind in modalities.names() if modalities[kind].is_sequence)


def sequence_tower(name: str, check: Callable[..., None] | None = None) -> Callable[[Encoder], Encoder]:
    """Decorator: register `encoder(tokens, name, *, width, ...)` as a tower for every sequence.

    `name` in the call is the maker of layer names. The decorated function stays as it is.

    Args:
        check: see `mmzoo.registry.Registry.register`.
    """

    def add(encoder: Encoder) -> Encoder:
        def tower(x: Tensor, item: Modality, **options: object) -> Tokens:
            encode, width, options = encoder_of(Tower(name, **options), item)
            return encode(item.sequence(x, width), scoped(item), **options)

        parameters = inspect.signature(encoder).parameters
        own = [p for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
        given = list(inspect.signature(tower).parameters.values())[:2]
        tower.__signature__ = inspect.Signature([*given, *own])  # type: ignore[attr-defined]
        tower.__doc__, tower.__name__ = encoder.__doc__, name
        tower.encoder = encoder  # type: ignore[attr-defined]
        towers.register(name, check, serves=SEQUENCES)(tower)
        return encoder

    return add


def check_encoder(item: Modality, tower: Tower | str, what: str, *others: str) -> None:
    """A tower within a tower exists, reads sequences and knows its options.

    Args:
        what: it does, as the error says it.
        others: names that are no tower's, and right too.
    """
    chosen = Tower.of(tower)
    known = [*others, *(name for name in towers.names(serves=SEQUENCES[0]) if hasattr(towers[name], "encoder"))]
    require(
        chosen.name in known,
        f"Tower '{chosen.name}' of input '{item.name}' does not {what}; there are: {', '.join(known)}.",
    )
    require(
        "weights" not in chosen.options,
        f"Tower '{chosen.name}' within the tower of input '{item.name}' takes no weights; give them to that around it.",
    )
    if chosen.name not in others:
        towers.check_options(chosen.name, chosen.options, item)


def encoder_of(chosen: Tower, item: Modality) -> tuple[Encoder, int, dict[str, object]]:
    """The encoder of a tower, the width of its tokens, and its options for the tokens of an input."""
    encoder: Encoder = towers[chosen.name].encoder  # type: ignore[attr-defined]
    parameters = inspect.signature(encoder).parameters
    options = dict(chosen.options)
    if "signals" in parameters:
        options.setdefault("signals", item.signals)
    return encoder, cast(int, options.get("width", parameters["width"].default)), options


def without_padding(tokens: Tokens) -> Tensor:
    """The values, zero where they are padding: what a convolution may look at."""
    return ops.where(tokens.mask[..., None], tokens.values, 0.0)
