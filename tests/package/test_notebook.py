"""The Colab notebook: its cells run in order in a fresh process, on little data and for one epoch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "recipes" / "colab.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]

# Shell lines go through the command line within the process: each import of TensorFlow would cost seconds.
BEGIN = """
import json, shlex
from mmzoo.cli import main

def shell(line):
    assert main(shlex.split(line)) == 0, line
"""
LITTLE = """
EVERY, EPOCHS = 12, 1
CHANGES += " --set picture.tower=small_cnn --set name.tower=embedding_attention"
"""
END = """
said = {"rows": len(rows), "lite": answer, "model": run.predict(record)["group"], "verdict": result["verdict"]}
Path("said.json").write_text(json.dumps(said))
"""


def python(cell: dict[str, Any]) -> str:
    """A cell as plain Python: `!mmzoo ...` is a call, with the variables in braces that IPython would put in."""
    lines = []
    for line in "".join(cell["source"]).splitlines():
        if line.startswith("!"):
            command, _, arguments = line[1:].partition(" ")
            assert command == "mmzoo", f"this test runs mmzoo's commands only: {line}"
            line = f"shell(f{arguments!r})"
        lines.append(line)
    return "\n".join(lines)


def test_nothing_that_was_run_is_in_the_file() -> None:
    assert [(cell["outputs"], cell["execution_count"]) for cell in CODE] == [([], None)] * len(CODE)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)
    assert NOTEBOOK.stat().st_size < 10_000


def test_what_it_installs_is_what_there_is() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    (pip,) = (line for cell in CODE for line in cell["source"] if line.startswith("%pip"))
    (extras,) = re.findall(r'"\{SOURCE\}\[([\w,]+)\]"', pip)
    assert set(extras.split(",")) <= set(setup["options.extras_require"])


@pytest.mark.long
def test_it_runs(tmp_path: Path) -> None:
    install, *cells = CODE
    assert "%pip" in "".join(install["source"])
    (settings,) = (k for k, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", []))
    steps = [python(cell) for cell in cells]
    steps[settings] += LITTLE
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([BEGIN, *steps, END])],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning,error::RuntimeWarning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads((tmp_path / "said.json").read_text("utf-8"))
    assert said["rows"] == len(list((tmp_path / "things").glob("*.png"))) == 138
    assert said["lite"] == pytest.approx(said["model"], abs=1e-5)
    assert said["verdict"] in done.stdout
    assert "138 records (96 train, 14 validation, 28 test)" in done.stdout
    for page in ("check.html", "run/report.html", "run/export/report.html"):
        assert "</html>" in (tmp_path / page).read_text("utf-8")
    with Image.open(tmp_path / "why.png") as picture:
        assert min(picture.size) > 200
