"""Checkpoints: written whole or not at all; read only if the hash is right."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mmzoo.errors import MMZooError
from mmzoo.files import is_folder, is_plain, read_file, write_file
from mmzoo.files.folders import discard

KEEP = 2
NAME = re.compile(r"step-([0-9]{8,15})\.checkpoint")
MAX_CHECKPOINT = 2**36

Checkpoint = tuple[dict[str, np.ndarray], dict[str, Any]]


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest last; none where there is no such folder, or a link."""
    found = {path: NAME.fullmatch(path.name) for path in folder.iterdir()} if is_folder(folder) else {}
    steps = {path: int(name[1]) for path, name in found.items() if name}
    return sorted(steps, key=steps.__getitem__)


def save_checkpoint(folder: Path, step: int, arrays: dict[str, np.ndarray], state: Mapping[str, object]) -> None:
    """Keep `arrays` and `state` of a step; the last `KEEP` checkpoints stay.

    Raises:
        MMZooError: it cannot be written; those that are there stay whole.
    """
    head = json.dumps(state).encode()
    data = len(head).to_bytes(8, "little") + head + save(arrays)
    path = folder / f"step-{step:08d}.checkpoint"
    try:
        write_file(path, hashlib.sha256(data).digest() + data)
    except MMZooError as error:
        before = [old.name for old in checkpoints(folder) if old != path]
        kept = f" '{before[-1]}' is whole: the same command goes on from it." if before else ""
        raise MMZooError(f"{error}{kept}") from error
    for old in filter(is_plain, checkpoints(folder)[:-KEEP]):
        discard(old)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; a damaged one is named and passed over. None where there is none."""
    for path in reversed(checkpoints(folder)):
        if (found := read_checkpoint(path)) is not None:
            return found
        print(f"The checkpoint '{path}' is damaged; going on from the one before.")
    return None


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The arrays and the state in a file; None where it is no plain file, or damaged."""
    try:
        data = read_file(path, links=False, limit=MAX_CHECKPOINT)
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            size = int.from_bytes(data[32:40], "little")
            state = json.loads(data[40 : 40 + size])
            return (load(data[40 + size :]), state) if isinstance(state, dict) else None
    except (OSError, ValueError, RecursionError, SafetensorError):
        pass
    return None
