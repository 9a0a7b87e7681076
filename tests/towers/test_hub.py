"""Towers that KerasHub builds: local presets, their vocabulary, low-rank training, and what is said without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.towers.bert import Around, preset_vocabulary
from mmzoo.tuning.model import tune
from mmzoo.tuning.parts import tuned_towers
from tests.conftest import usual
from tests.zoo import TASK, batch_of

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "dog", "##s", "number", "0", "1", "2"]


@pytest.fixture(scope="module")
def bert_preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    backbone = keras_hub.models.BertBackbone(len(WORDS), 2, 2, 8, 16, max_sequence_length=12)
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=WORDS, lowercase=True)
    keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=8).save_to_preset(folder)
    backbone.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def vit_preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vit")
    backbone = keras_hub.models.ViTBackbone((32, 32, 3), (16, 16), 2, 2, 8, 16, layer_norm_epsilon=1e-6)
    backbone.save_to_preset(folder)
    return folder


def text_item(preset: Path, **options: Any) -> mmzoo.Text:
    tower = mmzoo.Tower("bert", weights=str(preset), **options)
    return mmzoo.Text("x", tokens=6, tokenizer="wordpiece", vocabulary=preset_vocabulary(preset), tower=tower)


def image_item(preset: Path, **options: Any) -> mmzoo.Image:
    return mmzoo.Image("x", size=32, tower=mmzoo.Tower("vit", weights=str(preset), **options))


def tower_values(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """What the tower hands to the rest of the model."""
    values = keras.tree.flatten(model.get_layer("x.tokens").input)[0]
    return np.asarray(keras.Model(model.input, values)(inputs))


def test_bert_reads_as_kerashubs_own_pipeline(bert_preset: Path) -> None:
    """The same ids, and the same vectors, as KerasHub's tokenizer, packer and backbone give."""
    item = text_item(bert_preset, dropout=0.0)
    spec = mmzoo.Spec([item], "concat", [TASK], dim=8)
    model = mmzoo.build(spec)
    texts = ["the cats", "Dog number 2"]
    inputs = {"x": np.stack([item.decode(text) for text in texts]), "present": np.ones((2, 1), bool)}
    found = tower_values(model, inputs)

    source = keras_hub.models.BertBackbone.from_preset(str(bert_preset))
    tokenizer = keras_hub.models.BertTokenizer.from_preset(str(bert_preset))
    packer = keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=8)
    wanted = source(packer(texts))["sequence_output"]
    real = np.asarray(packer(texts)["padding_mask"]).astype(bool)
    np.testing.assert_allclose(np.asarray(found)[real], np.asarray(wanted)[real], atol=1e-5)


def test_marks_go_around_the_text() -> None:
    ids = np.array([[5, 6, 0, 0], [5, 6, 7, 8], [0, 0, 0, 0]], np.int32)
    found = np.asarray(Around(2, 3)(ids))
    assert found.tolist() == [[2, 5, 6, 3, 0, 0], [2, 5, 6, 7, 8, 3], [0, 0, 0, 0, 0, 0]]


def test_vit_sees_as_kerashubs_own(vit_preset: Path) -> None:
    spec = mmzoo.Spec([image_item(vit_preset)], "concat", [TASK], dim=8)
    model, batch = mmzoo.build(spec), batch_of(spec)
    found = tower_values(model, batch)
    source = keras_hub.models.ViTBackbone.from_preset(str(vit_preset))
    np.testing.assert_allclose(found, source(batch["x"] / 127.5 - 1.0), atol=1e-5)


@pytest.mark.parametrize("kind", ["image", "text"])
def test_a_preset_is_not_needed_to_load(kind: str, bert_preset: Path, vit_preset: Path, tmp_path: Path) -> None:
    item = image_item(vit_preset) if kind == "image" else text_item(bert_preset)
    spec = mmzoo.Spec([item], "concat", [TASK], dim=8)
    model, batch = mmzoo.build(spec), batch_of(spec)
    mmzoo.save(model, tmp_path / "model")
    keras_hub_folder = bert_preset if kind == "text" else vit_preset
    hidden = keras_hub_folder.with_name("hidden")
    keras_hub_folder.rename(hidden)
    try:
        np.testing.assert_array_equal(mmzoo.load(tmp_path / "model")(batch)["animal"], model(batch)["animal"])
    finally:
        hidden.rename(keras_hub_folder)


@pytest.mark.parametrize("kind", ["image", "text"])
def test_low_rank_additions_to_queries_and_values(kind: str, bert_preset: Path, vit_preset: Path) -> None:
    item = image_item(vit_preset) if kind == "image" else text_item(bert_preset)
    model = mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8))
    way = mmzoo.Tune("lora", rank=2, only=["query", "value"])
    found = tune(model, mmzoo.Training(tune=way))
    assert len(found.additions) == 2 * 2, "two layers, queries and values"
    assert {each.a.shape for each in found.additions} == {(8, 2)}
    pretrained = {id(v) for v in model.get_layer("x.pretrained").variables}
    assert not any(id(v) in pretrained for group in found.groups for v in group.variables)


@pytest.mark.parametrize("kind", ["image", "text"])
def test_a_transformers_parts_are_its_layers(kind: str, bert_preset: Path, vit_preset: Path) -> None:
    item = image_item(vit_preset) if kind == "image" else text_item(bert_preset)
    (tower,) = tuned_towers(mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8)))
    names = [type(part).__name__ for part in tower]
    assert names.count("TransformerEncoder" if kind == "text" else "ViTEncoderBlock") == 2
    assert "Embedding" in names[0] or "Patching" in names[0]


@pytest.mark.parametrize("tower", usual(["bert", "efficientnet_lite0"], {"bert"}))
@pytest.mark.long
def test_adapters_train_alone_and_begin_as_nothing(tower: str, bert_preset: Path, tmp_path: Path) -> None:
    def build(adapters: int) -> keras.Model:
        options = {"adapters": adapters, "weights": "imagenet"}
        if tower == "bert":
            item: Any = text_item(bert_preset, adapters=adapters)
        else:
            item = mmzoo.Image("x", size=32, tower=mmzoo.Tower(tower, **options))
        return mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8))

    model, plain = build(4), build(0)
    batch = batch_of(model.spec)
    np.testing.assert_allclose(tower_values(model, batch), tower_values(plain, batch), rtol=1e-4, atol=1e-4)
    trained = [v.path for v in model.get_layer("x.adapted").trainable_variables]
    assert len(trained) == {"bert": 2, "efficientnet_lite0": 7}[tower] * 4, "two dense layers each"
    assert all("adapter" in path for path in trained)
    before = {v.path: v.numpy() for v in model.get_layer("x.adapted").variables}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss={"animal": loss})
    for _ in range(2):
        model.train_on_batch(batch, {"animal": np.array([0, 1, 2])})
    now = {v.path: v.numpy() for v in model.get_layer("x.adapted").variables}
    moved = {path for path, value in now.items() if not np.array_equal(value, before[path]) and "seed" not in path}
    assert moved == set(trained)
    mmzoo.save(model, tmp_path / "model")
    np.testing.assert_array_equal(mmzoo.load(tmp_path / "model")(batch)["animal"], model(batch)["animal"])


def test_adapters_ask_for_weights() -> None:
    for tower in (mmzoo.Tower("vgg16", adapters=4), mmzoo.Tower("efficientnet_lite0", adapters=4, trainable_blocks=1)):
        with pytest.raises(MMZooError, match="Adapters of input 'x' go between pretrained blocks"):
            mmzoo.build(mmzoo.Spec([mmzoo.Image("x", size=32, tower=tower)], "concat", [TASK]))


def test_what_does_not_fit_or_is_not_there(bert_preset: Path, vit_preset: Path, tmp_path: Path) -> None:
    def words(item: Any) -> str:
        with pytest.raises(MMZooError) as caught:
            mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8))
        assert "'x'" in str(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "was trained on 32 pixels, not 48; give size=32" in words(
        mmzoo.Image("x", size=48, tower=mmzoo.Tower("vit", weights=str(vit_preset)))
    )
    assert "preset_vocabulary('/" in words(
        mmzoo.Text("x", tokens=6, tokenizer="wordpiece", vocabulary=["[UNK]", "a"], tower=text_item(bert_preset).tower)
    )
    long = text_item(bert_preset)
    assert "reads 12 tokens at most; give tokens=10" in words(
        mmzoo.Text("x", tokens=40, tokenizer="wordpiece", vocabulary=long.vocabulary, tower=long.tower)
    )
    assert "does not exist; check the path" in words(image_item(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    assert "is no ViTBackbone that can be loaded" in words(image_item(tmp_path / "empty"))


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(keras_hub.models.ViTBackbone, "from_preset", offline)
    with pytest.raises(MMZooError, match=r"could not be downloaded; connect to the network once"):
        mmzoo.build(
            mmzoo.Spec([mmzoo.Image("x", size=224, tower=mmzoo.Tower("vit", weights="imagenet"))], "concat", [TASK])
        )
