"""Model folders made to hurt are refused in one sentence, fast and small, and nothing else happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.attacks import ATTACKS

pytestmark = pytest.mark.slow  # about half a minute for all of them


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of each attack, in a process of its own: what watches it cannot be taken away again."""
    scratch = tmp_path_factory.mktemp("attacks")
    command = [sys.executable, "-W", "ignore", "-m", "tests.attacks.runner", str(scratch)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads((scratch / "results.json").read_text()))


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str, results: dict[str, Any]) -> None:
    _, words = ATTACKS[name]
    result = results[name]
    assert result["error"] == "MMZooError", result["message"]
    assert re.search(words, result["message"]), result["message"]
    assert result["message"].isprintable()  # in one line
    assert result["message"].endswith(".")
    assert len(result["message"]) < 500
    assert result["seconds"] < 3
    assert result["bytes"] < 256e6
    assert not result["seen"]


@pytest.mark.parametrize("name", ["for_the_first_time", "nothing", "weights_from_a_file"])
def test_a_good_model_is_loaded_and_nothing_else_is_opened(name: str, results: dict[str, Any]) -> None:
    assert results[name]["error"] is None, results[name]["message"]
    assert not results[name]["seen"]
