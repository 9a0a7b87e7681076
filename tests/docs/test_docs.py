"""What the pages show is run: every block of Python, and in `make test-long` every line of shell, on little data.

The blocks of one page are one program. A `console` block is what no test can run; its commands are parsed all the same.
"""

from __future__ import annotations

import configparser
import importlib.util
import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo import datasets
from mmzoo import recipe as recipes
from mmzoo.auto import search
from mmzoo.baselines import fit_baselines
from mmzoo.cli import main, parser
from mmzoo.data.records import Records
from tests.conftest import privately
from tests.docs.case import CONTRIBUTING, ROOT, blocks

# In the order of a reader: what one page makes, another may use.
ORDER = ("README.md", "docs/quickstart.md", "docs/data.md", "docs/export.md")
FOUND = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
PAGES = [*ORDER, *(page for page in FOUND if page not in ORDER)]
SMALL = (
    'image.tower={"name": "small_cnn", "filters": [4, 8]}',
    "image.augmentations=[]",
    'name.tower={"name": "embedding_attention", "width": 8, "heads": 2}',
    'speech.tower={"name": "spectrogram_cnn", "filters": [4, 4, 4, 4]}',
    "dim=16",
    "training.epochs=1",
)
"""What the recipe is made: what is tested is that the pages run as they stand, not what a model learns."""
SMALLER = {
    'size=64, tower=mmzoo.Tower("efficientnet_lite0", resolution=160)': "size=32, augmentations=[]",
    'tower="static_embedding_attention"': 'tower=mmzoo.Tower("embedding_attention", width=8, heads=2)',
    'tower="spectrogram_cnn"': 'tower=mmzoo.Tower("spectrogram_cnn", filters=[4, 4, 4, 4]), augmentations=[]',
    '"cross_attention"': '"concat"',
    "epochs=30": "epochs=1",
    'out="runs/python"': 'out="runs/emoji", data="emoji"',  # the run that the other pages ask
}
SMALL_GUESS = {'quality="fast", out="runs/fit"': 'quality="fast", out="runs/fit", settings=["photo.tower=small_cnn"]'}


def lines(page: str) -> list[str]:
    """The commands of its shell blocks."""
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line and line[0] != "#"]


def words_of(line: str) -> list[str]:
    """A command without the comment behind it."""
    return shlex.split(re.split(r"\s+# ", line)[0])


PYTHON = [page for page in PAGES[1:] if blocks(page, "python")]


@cache
def few() -> tuple[Records, Records, Records]:
    """Some records of each split of the sample."""
    train, validation, test = SAMPLE()
    return train.select(range(0, 1144, 48)), validation.select(range(0, 164, 20)), test.select(range(0, 328, 20))


SAMPLE = datasets.datasets["emoji"]
RECIPE = recipes.load_recipe("emoji")


@pytest.fixture(scope="module")
def little() -> Iterator[None]:
    """The sample has few records, and the recipe small towers."""

    def load_recipe(name: str) -> mmzoo.Recipe:
        return RECIPE.changed(SMALL) if name == "emoji" else load(name)

    def quick(*given: Any, **wanted: Any) -> Any:
        """Of the baselines those that take no time."""
        return fit_baselines(*given, **{**wanted, "seconds": 0.0})

    load = recipes.load_recipe
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(datasets.datasets._entries, "emoji", few)
        patch.setattr(search, "fit_baselines", quick)
        patch.setattr(recipes, "load_recipe", load_recipe)
        yield


def write_table(folder: Path) -> None:
    """What a reader has of their own: photos.csv with pictures, and one picture more."""
    rng = np.random.default_rng(0)
    rows = ["photo,zip_code,species"]
    for k in range(40):
        picture = rng.integers(0, 128, (24, 24, 3)).astype(np.uint8) + np.uint8(127 * (k % 2))
        Image.fromarray(picture).save(folder / f"{k}.png")
        rows.append(f"{k}.png,{10000 + k % 3},{('dog', 'cat')[k % 2]}")
    (folder / "photos.csv").write_text("\n".join(rows))
    Image.fromarray(picture).save(folder / "cat.png")


@pytest.fixture(scope="module")
def workplace(little: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a table, and with the run that the README trains, which the other pages ask.

    It is one object for all of them: what was compiled for one page need not be for the next.
    """
    folder = tmp_path_factory.mktemp("python")
    write_table(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runs = {"runs/emoji": run_python("README.md")["run"]}
        patch.setattr(mmzoo, "Run", runs.__getitem__)
        yield folder


def run_python(page: str) -> dict[str, Any]:
    """The blocks of a page as one program; what it has defined."""
    scope: dict[str, Any] = {"__name__": page}
    for block in blocks(page, "python"):
        for large, small in (SMALLER | SMALL_GUESS).items():
            block = block.replace(large, small)
        exec(compile(block, page, "exec"), scope)
    return scope


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150
    assert (ROOT / "docs" / "pictures" / "report.png").stat().st_size < 150_000


def test_the_links_of_the_readme() -> None:
    """Those between the pages are looked at when they are built."""
    for link in re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("page", [*PAGES, CONTRIBUTING])
def test_the_files_that_are_named_exist(page: str) -> None:
    """But for those that an example of the page makes, which are named in its first line."""
    text = (ROOT / page).read_text("utf-8")
    made = set(re.findall(r"^# (\S+\.py)$", text, re.MULTILINE))
    named = set(re.findall(r"\b(?:mmzoo|tests|docs|benchmarks|recipes)/[\w./-]*\w", text)) - made
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_the_page_on_design_has_every_module_of_the_package() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    folders = [path.parent.name for path in (ROOT / "mmzoo").glob("*/__init__.py")]
    files = [path.name for path in (ROOT / "mmzoo").glob("[a-z]*.py")]
    named = [*(f"{name}/" for name in folders), *files]
    assert [each for each in sorted(named) if not re.search(rf"(?<!\w){re.escape(each)}", text)] == []


def test_the_reference_says_how_everything_is_called() -> None:
    """Each parameter of each function and class of the pages, and how the build of a model is called as a whole."""
    found = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert found is not None and found.loader is not None
    hooks = importlib.util.module_from_spec(found)
    found.loader.exec_module(hooks)
    (block,) = re.findall(r"^```python\n(.*?)^```$", hooks.api("layers.transformer.gathered"), re.DOTALL | re.MULTILINE)
    assert block == "gathered(tokens: dict[str, Tokens], present: Tensor, *, embedded: bool = False) -> Tokens\n"
    text = "".join((ROOT / "docs" / "reference" / f"{page}.md").read_text("utf-8") for page in ("python", "contracts"))
    names = [name for line in re.findall(r"^<!-- api: (.*) -->$", text, re.MULTILINE) for name in line.split()]
    assert len(names) > 50
    for name in names:
        home, _, last = name.rpartition(".")
        thing = getattr(importlib.import_module(f"mmzoo.{home}") if home else mmzoo, last)
        shown = hooks.signature(last, thing)
        wanted = {} if thing is mmzoo.MMZooError else inspect.signature(thing).parameters
        assert [each for each in wanted if not re.search(rf"\b{each}\b", shown)] == [], name
        assert "<" not in shown and " at 0x" not in shown, name


def test_the_quickstart_has_every_extra() -> None:
    """Those for whoever works on mmzoo are not for users."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = set(setup["options.extras_require"]) - {"test", "docs", "lint", "benchmark"}
    text = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    assert extras == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, CONTRIBUTING])
def test_the_commands_exist(page: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    consoles = "\n".join(blocks(page, "console"))
    for line in [*lines(page), *re.findall(r"^\$ (.+)", consoles, re.MULTILINE)]:
        first, *words = words_of(line)
        if first == "make":
            assert set(words) <= targets, line
        if first == "mmzoo":
            parser().parse_args(words)


@pytest.mark.slow
def test_the_python_of_the_readme(workplace: Path) -> None:
    """It is short, and all of it was made smaller."""
    (program,) = blocks("README.md", "python")
    assert len(program.splitlines()) <= 25
    assert all(large in program for large in SMALLER)
    for name in ("report.html", "metrics.json", "export/model.tflite"):
        assert (workplace / "runs" / "emoji" / name).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", PYTHON)
def test_the_python(page: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    if page == "docs/clients.md" and not (workplace / "runs/emoji/export/saved_model").exists():
        mmzoo.Run("runs/emoji").export("saved_model")
    run_python(page)


@pytest.fixture(scope="module")
def reader(little: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a table, after all commands of the quickstart."""
    folder = tmp_path_factory.mktemp("shell")
    write_table(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in lines("docs/quickstart.md"):
            run_line(line)
        yield folder


@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in PAGES if lines(page)])
def test_the_shell(page: str, reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page == "docs/quickstart.md":
        assert {"why.png", "compared.png", "emoji.png"} <= {path.name for path in reader.iterdir()}
        return
    monkeypatch.chdir(reader)
    for line in lines(page):
        run_line(line)


def run_line(line: str) -> None:
    """One command; that of another process, which knows no small recipe, is told what it is."""
    first, *words = words_of(line.replace("--trials 20", "--trials 1"))
    if first == "python":
        subprocess.run([sys.executable, *words], check=True)
    elif "--workers" in words:
        if not privately():
            return  # the system allows no network of one's own
        small = [word for change in SMALL for word in ("--set", change)]
        subprocess.run([sys.executable, "-m", "mmzoo", *words, *small, "--limit", "16"], check=True)
    elif first == "mmzoo":
        words += ["--epochs", "1"] * (words[0] in ("train", "prune"))
        words += ["--set", "photo.tower=small_cnn"] * ("--label" in words)
        if "image.tower.trainable_blocks=2" in words:  # of a tower that has such
            words[2:2] = ["--set", 'image.tower={"name": "efficientnet_lite0", "resolution": 32}']
        assert main(words) == 0, line
