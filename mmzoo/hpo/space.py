"""What may be tried: settings by their paths, each with a range or a list.

    SPACE = {
        "training.learning_rate": (1e-4, 1e-2, "log"),
        "dim": (32, 256),
        "image.tower": ["small_cnn", "vit"],
    }

A path is one of `--set`. Two numbers are a range, both ends included, of whole numbers where both are whole; with "log"
each power of ten is as likely. A list is choices, each of them what `--set` takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.recipe import Recipe

if TYPE_CHECKING:
    import keras_tuner

Choices: TypeAlias = list[object] | tuple[object, ...]
Space: TypeAlias = dict[str, Choices]


def check_space(space: Raw, recipe: Recipe) -> Space:
    """A space as plain data; ends of ranges and choices are tried on the recipe, one at a time.

    Raises:
        MMZooError: it is none, or the recipe has no such setting, or not with such a value.
    """
    if not isinstance(space, Mapping) or not space:
        raise MMZooError(
            "There is nothing to search: the recipe's file must define SPACE = {'training.learning_rate': (1e-4, 1e-2, "
            "'log'), ...}, a range or a list for each setting."
        )
    found: Space = {}
    for key, values in space.items():
        if isinstance(values, list):
            require(values, f"The setting '{key}' of the space has no choices; name some.")
            tried = values
        else:
            require(
                isinstance(values, tuple)
                and len(values) in (2, 3)
                and all(type(end) in (int, float) for end in values[:2])
                and values[0] < values[1]
                and values[2:] in ((), ("log",))
                and not (values[2:] and values[0] <= 0),
                f"The setting '{key}' of the space is a list of choices, (low, high), or (low, high, 'log') with low "
                f"above 0, not {values!r}.",
            )
            tried = list(values[:2])
        for value in tried:
            try:
                recipe.changed([setting(key, value)])
            except MMZooError as error:
                raise MMZooError(f"The space tries {setting(key, value)}: {error}") from error
        found[key] = json.loads(json.dumps(list(values)))
        if isinstance(values, tuple):
            found[key] = tuple(found[key])
    return found


def setting(key: str, value: object) -> str:
    """`key=value` as `Recipe.changed` takes it."""
    return f"{key}={json.dumps(value)}"


def hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """The space as KerasTuner has it; a choice is its JSON, so that it may be anything."""
    import keras_tuner

    found = keras_tuner.HyperParameters()
    for key, values in space.items():
        if isinstance(values, list):
            found.Choice(key, [json.dumps(value) for value in values])
        else:
            low, high, *scale = values
            whole = type(low) is int and type(high) is int
            make = found.Int if whole else found.Float
            make(key, low, high, sampling="log" if scale else "linear")
    return found


def plain_values(space: Space, suggested: Mapping[str, object]) -> dict[str, object]:
    """The settings of a suggestion, without what KerasTuner notes beside them."""
    return {
        key: json.loads(str(suggested[key])) if isinstance(values, list) else suggested[key]
        for key, values in space.items()
    }
