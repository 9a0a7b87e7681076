"""Frozen weights that a saved model leaves to the packages they come from: named by version and digest, not copied."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require
from mmzoo.graph.build import build
from mmzoo.graph.weights import named_weights
from mmzoo.weights import Weights, is_installed, weights
from mmzoo.weights.card import Card

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

MOST = 4  # packages of one tower


class Packaged(TypedDict):
    """Weights that a card names; `files` are the digests of those that are read."""

    weights: str
    tower: str
    package: str
    version: str
    files: dict[str, str]


Packages = dict[str, list[Packaged]]
"""What a card says of them, by input."""


def left_to_packages(model: Multimodal) -> tuple[Packages, set[str], set[str]]:
    """What of a model comes from installed packages, just as it is there: the packages, and the names of the weights
    and of the assets that need no copy.

    Raises:
        MMZooError: a package is not installed any more.
    """
    known = [each for each in weights.of() if each.package]
    fresh = build(model.spec, files=model.assets, packaged=known)
    packages = {name: part.packages for name, part in fresh.parts.inputs.items() if part.packages}
    own, there = named_weights(model), named_weights(fresh)
    frozen = {
        name for name in frozen_names(model, packages) if np.array_equal(np.asarray(own[name]), np.asarray(there[name]))
    }
    # What the towers were given and have not made themselves is the very same object.
    assets = {name for name, value in model.assets.items() if fresh.assets[name] is not value}
    return {name: [told(each) for each in dict.fromkeys(found)] for name, found in packages.items()}, frozen, assets


def frozen_names(model: Multimodal, inputs: Collection[str]) -> set[str]:
    """The names of the weights of some inputs that never train."""
    layers = [model.parts.of(name).frozen for name in inputs]
    frozen = {id(weight) for layer in layers if layer is not None for weight in layer.weights}
    return {name for name, weight in named_weights(model).items() if id(weight) in frozen}


def told(known: Weights) -> Packaged:
    """What a card says of weights: which, and the files that are read."""
    return {
        "weights": known.name,
        "tower": known.towers[0],
        "package": known.package,
        "version": known.version,
        "files": dict(known.files),
    }


def packaged(card: Card, what: str) -> dict[str, tuple[Weights, ...]]:
    """The weights that a card leaves to packages, by input: some that mmzoo knows itself, nothing else is looked for.

    Args:
        card: whose spec is one.
        what: whose card.

    Raises:
        MMZooError: mmzoo does not know them, the input's tower does not take them, or a package is not installed.
    """
    towers = {each["name"]: each.get("tower") for each in card["spec"]["inputs"]}
    found = {}
    for name, entries in card.get("packages", {}).items():
        listed = isinstance(entries, list) and len(entries) <= MOST
        row = tuple(known(entry, what, card) for entry in entries) if listed else ()
        # A card that names what no tower takes could have memory asked for that nothing fills.
        require(
            row and name in towers and all(mentions(towers[name], each.towers) for each in row),
            f"{what} names packages of '{name[:100]}' that no tower of it takes; it is refused.",
        )
        found[name] = row
    missing = {each.install: None for row in found.values() for each in row if not is_installed(each)}
    require(
        not missing,
        f"{what} has frozen weights that come with packages, which are not installed or in another version; install "
        f"them: {' && '.join(missing)}",
    )
    return found


def mentions(tower: Raw, names: tuple[str, ...]) -> bool:
    """Is it one of these towers, or has it one of them as a part?"""
    within = tower.values() if isinstance(tower, dict) else tower if isinstance(tower, list) else ()
    return tower in names if isinstance(tower, str) else any(mentions(each, names) for each in within)


def means(entry: Raw, registered: Packaged) -> bool:
    """Does an entry mean these weights? A later mmzoo may read more files of the package, but none in their place."""
    if not isinstance(entry, dict) or not isinstance(files := entry.get("files"), dict) or not files:
        return False
    return {**entry, "files": 0} == {**registered, "files": 0} and files.items() <= registered["files"].items()


def known(entry: Raw, what: str, card: Card) -> Weights:
    """The registered weights that an entry of a card means, of the very same files."""
    for each in weights.of():
        if each.package and means(entry, told(each)):
            return each
    raise MMZooError(
        f"{what} takes weights from a package that mmzoo does not know, or not so; it was made with mmzoo "
        f"{card['mmzoo'][:40]}: install that, or save the model again."
    )
