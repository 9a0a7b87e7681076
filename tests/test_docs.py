"""What the documents show is run: the contributor's example, and every Python block of the README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmzoo.fusions import fusions
from mmzoo.listing import written

ROOT = Path(__file__).parent.parent


def blocks(path: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text("utf-8"), re.DOTALL)


def test_the_contributors_example() -> None:
    source, test = blocks(".github/CONTRIBUTING.md", "python")
    try:
        exec(source, {"__name__": "example"})
        scope: dict[str, object] = {}
        exec(test, scope)
        scope["test_minimum"]()
    finally:
        fusions._entries.pop("minimum", None)
        fusions._facts.pop("minimum", None)


def test_the_tables_of_the_readme() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    assert re.findall(r"<!-- list: (\w+) -->", page) == [
        "augmentations",
        "tuning",
        "objectives",
        "towers",
        "fusions",
        "tasks",
        "tokenizers",
    ]
    assert written(page) == page, "run: python -m mmzoo.listing README.md"


@pytest.mark.long
def test_the_readmes_python(tmp_path: Path) -> None:
    program = "\n".join(blocks("README.md", "python"))
    # The same code, on little data and for one epoch: what is tested is that it runs as it stands.
    program = program.replace(
        'load("emoji")', 'load("emoji")\ntrain, val, test = (s.take(16) for s in (train, val, test))'
    )
    program = program.replace("epochs=30", "epochs=1")
    lines = ["photo,zip_code,species", *(f"{k}.png,{10000 + k % 3},{'cat' if k % 2 else 'dog'}" for k in range(12))]
    (tmp_path / "photos.csv").write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_readmes_commands_exist() -> None:
    from mmzoo.cli import parser

    shell = "\n".join(blocks("README.md", "sh"))
    targets = set(re.findall(r"^make ([\w-]+)", shell, re.MULTILINE))
    made = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= targets <= made
    for line in re.findall(r"^mmzoo (.+)$", shell, re.MULTILINE):
        words = re.findall(r'"[^"]*"|\S+', line.partition("  #")[0])
        parser().parse_args([word.strip('"') for word in words])
