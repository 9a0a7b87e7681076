"""What `mmzoo list` and the package itself offer, without anything heavy imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.listing import LISTS, rows

ROOT = Path(__file__).parents[2]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    found = capsys.readouterr()
    return code, found.out, found.err


def test_help_imports_nothing_heavy() -> None:
    """So it is there at once, on the slowest of machines."""
    program = "import sys, mmzoo; from mmzoo.cli import main; main(['--help']); print('modules:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    said, _, modules = done.stdout.partition("modules:")
    assert "mmzoo train emoji" in said
    assert not {"tensorflow", "keras", "numpy", "matplotlib", "PIL"} & set(modules.split())


@pytest.mark.parametrize(
    "what", ["towers", "fusions", "tasks", "modalities", "tokenizers", "tuning", "recipes", "datasets"]
)
def test_list(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ask(capsys, "list", what)
    assert code == 0
    for line in out.splitlines():
        assert len(line.split("  ")) >= 2, f"{line} has no summary"
    expected = {
        "towers": "vgg16",
        "fusions": "concat",
        "tasks": "regression",
        "modalities": "audio",
        "tokenizers": "hashed_words",
        "tuning": "lora",
        "recipes": "emoji",
        "datasets": "emoji",
    }
    assert expected[what] in out


@pytest.mark.parametrize("what", LISTS)
def test_names_of_a_list(what: str) -> None:
    assert mmzoo.list(what) == sorted({row[0] for row in rows(what)})


def test_a_list_that_is_not_there() -> None:
    with pytest.raises(MMZooError, match=r"no list called 'tower'\. Did you mean 'towers'"):
        mmzoo.list("tower")


def test_everything_is_reached_from_the_package_alone() -> None:
    """Nothing heavy is imported before it is used, and what is promised is there."""
    program = (
        "import sys, mmzoo\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
        "assert mmzoo.datasets.datasets.names() == mmzoo.list('datasets')\n"
        "assert callable(mmzoo.lite.Model)\n"
        "assert 'tensorflow' not in sys.modules\n"
        "import tensorflow, keras\n"
        "assert not {'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert callable(tensorflow.keras.wrappers.SKLearnClassifier) and keras.visualization.plot_image_gallery\n"
        "assert all(getattr(mmzoo, name) is not None for name in dir(mmzoo))\n"
        "assert callable(mmzoo.tune) and callable(mmzoo.evaluate) and callable(mmzoo.compare)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
