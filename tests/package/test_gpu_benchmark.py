"""The script that is to be run when there is a GPU, tried where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_its_small_form(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/gpu.py", "--small", "--models", "recipe", "vit_s", "--json"]
    done = subprocess.run(
        [*command, str(tmp_path / "gpu.json")], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["equal"]["ids"] == 0
    assert found["equal"]["log-mel"] < 1e-4
    assert {row["model"] for row in found["rows"]} == {"recipe", "vit_s"}
    for row in found["rows"]:
        assert row["ms"] > 0 and 0 <= row["waiting"] <= 1, row
    assert "| vit_s | mmzoo bfloat16 xla |" in done.stdout
