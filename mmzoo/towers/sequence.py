"""What the towers over a sequence share: how each modality becomes one, and how an encoder becomes a tower.

An encoder takes `Tokens` to `Tokens`; registered once, it serves every modality that is a sequence:
the tokens of a text, the frames of a sound, the steps of a sensor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.modalities import modalities
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers

Encoder = Callable[..., Tokens]
SEQUENCES = tuple(kind for kind in modalities.names() if modalities[kind].is_sequence)


def sequence_tower(name: str) -> Callable[[Encoder], Encoder]:
    """Decorator: register `encoder(tokens, name, *, width, ...)` as a tower for every sequence.

    `name` in the call is the maker of layer names. The decorated function stays as it is.
    """

    def add(encoder: Encoder) -> Encoder:
        def tower(x: Tensor, item: Any, **options: Any) -> Tokens:
            width = options.get("width", parameters["width"].default)
            if "signals" in parameters:
                options.setdefault("signals", item.signals)
            return encoder(item.sequence(x, width), scoped(item), **options)

        parameters = inspect.signature(encoder).parameters
        own = [p for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
        given = list(inspect.signature(tower).parameters.values())[:2]
        tower.__signature__ = inspect.Signature([*given, *own])  # type: ignore[attr-defined]
        tower.__doc__, tower.__name__ = encoder.__doc__, name
        tower.encoder = encoder  # type: ignore[attr-defined]
        towers.register(name, serves=SEQUENCES)(tower)
        return encoder

    return add


def without_padding(tokens: Tokens) -> Any:
    """The values, zero where they are padding: what a convolution may look at."""
    return ops.where(tokens.mask[..., None], tokens.values, 0.0)
