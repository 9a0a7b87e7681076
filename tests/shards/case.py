"""What the tests of shards share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.records import Records
from mmzoo.data.shards.folder import read_shards
from mmzoo.data.table import Source

KINDS = {"note": "text", "motion": "sensor", "weight": "number", "shop": "category", "tags": "ignore"}


def source(count: int = 6) -> Source:
    columns: dict[str, Any] = {
        "note": [f"note {k}" if k != 2 else None for k in range(count)],
        "motion": [np.full((2, 3), k, np.float32) for k in range(count)],
        "weight": [k / 7 for k in range(count)],
        "shop": ["ab"[k % 2] for k in range(count)],
        "tags": [["x", "y"][: k % 3] for k in range(count)],
    }
    return Source("memory", {"all": Records(columns, [f"line {k}" for k in range(count)])}, KINDS, "tags")


def everything(folder: Path) -> list[dict[str, Any]]:
    return list(read_shards(folder))


def changed(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file, and the hash that index.json has of it."""
    value = json.loads(path.read_bytes())
    text = change(value)
    data = text if isinstance(text, bytes) else json.dumps(value if text is None else text).encode()
    path.write_bytes(data)
    if path.name != "index.json":
        sealed(path.parent, path.stem, "index_sha256", data)


def sealed(folder: Path, name: str, key: str, data: bytes) -> None:
    about = json.loads((folder / "index.json").read_bytes())
    for facts in about["shards"]:
        if facts["name"] == name:
            facts[key] = hashlib.sha256(data).hexdigest()
    (folder / "index.json").write_text(json.dumps(about))
