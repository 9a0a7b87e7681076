"""Where pip put the files of a package with weights. The package is never imported: none of its code is run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from mmzoo.declared import from_package
from mmzoo.errors import MMZooError, require
from mmzoo.files import open_plain
from mmzoo.weights.known import Weights, weights

_checked: dict[tuple[str, int, int, int], str] = {}
"""The digests of files that were read through once, by path, inode, length and time of the last change."""


def find(name: str, tower: str = "") -> dict[str, Path]:
    """The files of pretrained weights, by their paths below site-packages as they are registered.

    Args:
        tower: whose weights, where several towers have some of that name.

    Raises:
        MMZooError: there are no such weights; their package is not installed, or in another version; or a file is
            missing or not the one that was published.
    """
    known = weights.get(name, tower)
    found = installed(known)
    from_package(known)
    paths = {}
    for file, digest in known.files.items():
        path = Path(str(found.locate_file(file)))
        again = f"install it again: {known.install} --force-reinstall"
        try:
            same = digest_of(path) == digest
        except OSError as error:
            reason = error.strerror or str(error)
            raise MMZooError(f"The file '{path}' of {known.package} cannot be read ({reason}); {again}") from None
        require(same, f"The file '{path}' is not the one that {known.package} {known.version} brings; {again}")
        paths[file] = path
    return paths


def is_installed(known: Weights) -> bool:
    """Is its package there, in the version that is read? Of its files only that they are there. No if it has none."""
    try:
        found = installed(known)
    except MMZooError:
        return False
    return all(Path(str(found.locate_file(file))).is_file() for file in known.files)


def best_installed(towers: Sequence[str]) -> str:
    """The first of some towers that has weights whose package is there; "" for none."""
    return next((tower for tower in towers if any(map(is_installed, weights.of(tower)))), "")


def installed(known: Weights) -> Distribution:
    """The installed package of weights.

    Raises:
        MMZooError: it is not there, or in another version.
    """
    what = f"The weights '{known.name}' of tower {' and '.join(repr(tower) for tower in known.towers)}"
    require(known.package, f"{what} come with no package: {known.install}.")
    try:
        found = distribution(known.package)
    except PackageNotFoundError:
        raise MMZooError(f"{what} come with the package {known.package}; install it: {known.install}") from None
    require(
        found.version == known.version,
        f"{what} are read from {known.package} {known.version}, and {found.version} is installed; install the other: "
        f"{known.install}",
    )
    return found


def digest_of(path: Path) -> str:
    """The SHA-256 of a plain file in hexadecimal digits; of one that has not changed since, remembered.

    Raises:
        OSError: it cannot be read.
    """
    handle, size = open_plain(path)
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        key = (str(path), facts.st_ino, size, facts.st_mtime_ns)
        if key not in _checked:
            _checked[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _checked[key]
