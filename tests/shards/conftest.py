"""A folder of shards that is only read, and copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmzoo.data.shards.folder import write_shards
from tests.shards.case import source


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "made"
    write_shards(source(), folder, records=3)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))
