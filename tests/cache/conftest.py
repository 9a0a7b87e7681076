"""A place for kept features, of each test its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
