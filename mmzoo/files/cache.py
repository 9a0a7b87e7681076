"""The folder for what can be had again: the one that MMZOO_CACHE names, or ~/.cache/mmzoo; none, if set to nothing.

Nothing in a file there could show that somebody else has made it up; so the folder and what is in it must be the
user's own, and nobody else may write them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from mmzoo.errors import MMZooError, require


def folder() -> Path | None:
    """Where it is; None for nowhere."""
    chosen = os.environ.get("MMZOO_CACHE")
    if chosen is None:
        return Path.home() / ".cache" / "mmzoo"
    return Path(chosen) if chosen else None


def claim(place: Path, *, links: bool = True) -> None:
    """Make a folder where it is not there, and see that it is the user's own.

    Args:
        links: may it be a link to the user's own folder?

    Raises:
        MMZooError: it belongs to somebody else, others may write into it, or it cannot be made.
    """
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, ValueError) as error:
        raise MMZooError(f"the folder '{place}' cannot be made: {error}") from error
    own = is_own(place, stat.S_ISDIR, links=links)
    require(
        own, f"'{place}' is not this user's own folder, or others may write into it; chmod go-w, or set MMZOO_CACHE"
    )


def is_own(path: Path, kind: Callable[[int], bool], *, links: bool = False) -> bool:
    """Is it there, of that kind and the user's own, and can nobody else write it?"""
    try:
        facts = path.stat(follow_symlinks=links)
    except (OSError, ValueError):
        return False
    mine = not hasattr(os, "getuid") or (facts.st_uid == os.getuid() and not facts.st_mode & 0o022)
    return mine and kind(facts.st_mode)
