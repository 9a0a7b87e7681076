"""What the tests of a run's folder share: a small run, and what a stranger may have put there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import mmzoo
from mmzoo.data.records import Records

ROOT = Path(__file__).parents[2]
LABELS = ("under $5", "$10^$", "<img src=x>\n# [a](javascript:b)")
SPEC = mmzoo.Spec(
    [mmzoo.Text("words", tower="embedding_mean", tokens=6, max_bytes=24), mmzoo.Tabular("row", numbers=["$weight$"])],
    "concat",
    [mmzoo.Classification("price", labels=LABELS)],
    dim=8,
)
QUICK = mmzoo.Training(epochs=2, batch_size=8)


def records(count: int = 24) -> Records:
    which = [k % 3 for k in range(count)]
    columns = {
        "words": [f"word{k} number {n}" for n, k in enumerate(which)],
        "row": [{"$weight$": float(k)} for k in which],
        "price": [LABELS[k] for k in which],
    }
    return Records(columns, [f"$record$ {n}" for n in range(count)])


def train(out: Path, **options: Any) -> mmzoo.Run:
    return mmzoo.train(SPEC, records(), records(8), training=QUICK, out=out, **options)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def saved(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    return folder


DEEP = b"[" * 100_000 + b"]" * 100_000


def damage(path: Path, how: Any) -> None:
    """Put something else in place of a file."""
    there = path.read_bytes() if path.exists() else b"{}"
    path.unlink(missing_ok=True)
    if isinstance(how, dict):
        path.write_text(json.dumps({**json.loads(there), **how}))
    elif isinstance(how, bytes):
        path.write_bytes(how)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "link":
        (path.parent / "elsewhere").write_bytes(there)
        path.symlink_to(path.parent / "elsewhere")
    elif how == "folder":
        path.mkdir()
    elif how is not None:
        path.symlink_to(how)
