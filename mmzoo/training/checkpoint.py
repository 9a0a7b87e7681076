"""Checkpoints: written whole or not at all; read only if the hash is right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from mmzoo.errors import MMZooError
from mmzoo.files import write_file

KEEP = 2


def save_checkpoint(folder: Path, step: int, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
    """Keep `arrays` and `state` of a step; the last `KEEP` checkpoints stay.

    Raises:
        MMZooError: it cannot be written; those that are there stay whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps(state).encode()
    data = len(head).to_bytes(8, "little") + head + save(arrays)
    path = folder / f"step-{step:08d}.checkpoint"
    try:
        write_file(path, hashlib.sha256(data).digest() + data)
    except MMZooError as error:
        before = [old.name for old in sorted(folder.glob("step-*.checkpoint")) if old != path]
        kept = f" '{before[-1]}' is whole: the same command goes on from it." if before else ""
        raise MMZooError(f"{error}{kept}") from error
    for old in sorted(folder.glob("step-*.checkpoint"))[:-KEEP]:
        old.unlink()


def load_checkpoint(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint that is whole; a damaged one is named and passed over. None where there is none."""
    for path in sorted(folder.glob("step-*.checkpoint"), reverse=True):
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() == data[:32]:
            size = int.from_bytes(data[32:40], "little")
            return load(data[40 + size :]), json.loads(data[40 : 40 + size])
        print(f"The checkpoint '{path}' is damaged; going on from the one before.")
    return None
