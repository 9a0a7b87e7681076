"""Checkpoints: written whole or not at all; read only if the hash is right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from mmzoo.files import write_file

KEEP = 2


def save_checkpoint(folder: Path, step: int, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
    """Keep `arrays` and `state` of a step; the last `KEEP` checkpoints stay."""
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps(state).encode()
    data = len(head).to_bytes(8, "little") + head + save(arrays)
    write_file(folder / f"step-{step:08d}.checkpoint", hashlib.sha256(data).digest() + data)
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
