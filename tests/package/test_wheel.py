"""What an installation needs beside the code is named in setup.cfg: the wheel has nothing else."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def listed(text: str) -> list[str]:
    """The values of a setting, which are separated by commas or lines."""
    return text.replace(",", " ").split()


def test_every_file_of_the_package_is_packed() -> None:
    packed = {
        path
        for package, patterns in SETUP["options.package_data"].items()
        for pattern in listed(patterns)
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    there = {path for path in (ROOT / "mmzoo").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert sorted(str(path) for path in there - packed if path.suffix != ".py") == []
    assert sum(path.name == "card.json" for path in packed) >= 7  # the trained models


def test_every_folder_with_code_is_a_package() -> None:
    """What is no package is not found, and its code is left out."""
    folders = {path.parent for path in (ROOT / "mmzoo").rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_recipe_is_installed() -> None:
    installed = {
        path
        for patterns in SETUP["options.data_files"].values()
        for pattern in listed(patterns)
        for path in ROOT.glob(pattern)
    }
    assert sorted(str(path) for path in set((ROOT / "recipes").rglob("*.py")) - installed) == []
