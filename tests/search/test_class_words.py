"""What pictures and texts say in the words of classes that a pretrained network tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import softmax

import mmzoo
from mmzoo import lite
from mmzoo.data.guess import tower_fact
from mmzoo.data.records import Records
from mmzoo.declared import Classifier, knows_classes
from mmzoo.errors import MMZooError
from mmzoo.inference.worded import beside, fit_share, shares_of
from mmzoo.layers.nearness import Beside, Worded, WordedByClasses
from mmzoo.modalities.base import Modality
from mmzoo.names import single_output
from mmzoo.tasks.common.class_words import SHRINKAGE, as_one, word_space
from mmzoo.tasks.retrieval import Retrieval
from mmzoo.tokens import Tokens
from mmzoo.towers import towers

RNG = np.random.default_rng(0)
SIDE = 32
NAMES = [
    f"{first}{second}"
    for first in ("red", "old", "big", "wet")
    for second in ("cat", "dog", "hat", "car", "bus", "pen", "cup", "box")
]


def unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))


def test_the_logits_of_several_networks_are_one() -> None:
    """Of each the mean on the training records is 0, and the spread the same for each class; then their mean."""
    x = RNG.normal(size=(50, 9)) + 3.0
    given = [(0, RNG.normal(size=(4, 6)), RNG.normal(size=6)), (5, RNG.normal(size=(3, 6)), RNG.normal(size=6))]
    kernel, bias = as_one(given, x)
    wanted = []
    for place, own, added in given:
        logits = x[:, place : place + len(own)] @ own + added
        each = (logits - logits.mean(axis=0)) / logits.std(axis=0)
        wanted.append(each * np.sqrt(logits.var(axis=0).mean()))
    np.testing.assert_allclose(x @ kernel + bias, np.mean(wanted, axis=0), atol=1e-4)


def test_the_words_are_whitened_about_a_mean_of_their_own() -> None:
    """With all directions the squared length of a text is a Mahalanobis distance of the shrunk covariance."""
    texts, named = RNG.normal(size=(60, 5)) @ RNG.normal(size=(5, 5)) + 2.0, RNG.normal(size=(40, 5)) - 7.0
    space = word_space({"a": texts}, named, 7)
    both = (np.cov(texts.T, bias=True) + np.cov(named.T, bias=True)) / 2
    shrunk = both + SHRINKAGE * np.trace(both) / 5 * np.eye(5)
    np.testing.assert_allclose(space.kernel @ space.kernel.T, np.linalg.inv(shrunk), rtol=1e-4, atol=1e-5)
    assert not space.kernel[:, 5:].any()
    np.testing.assert_allclose(space.words, unit((named - named.mean(axis=0)) @ space.kernel), atol=1e-4)
    np.testing.assert_allclose(space.centres["a"], texts.mean(axis=0), atol=1e-5)


def test_the_layers_are_what_numpy_makes() -> None:
    x, text = RNG.normal(size=(4, 5)).astype(np.float32), RNG.normal(size=(4, 3)).astype(np.float32)
    kernel, bias, words = RNG.normal(size=(5, 6)), RNG.normal(size=6), unit(RNG.normal(size=(6, 2)))
    layer, said = WordedByClasses(2, 6), Worded(2)
    layer.build((None, 5))
    said.build((None, 3))
    layer.set_weights([kernel, bias, words])
    centre, own = RNG.normal(size=3), RNG.normal(size=(3, 2))
    said.set_weights([centre, own])
    shown, told = np.asarray(layer(x)), np.asarray(said(text))
    np.testing.assert_allclose(shown, unit(softmax(x @ kernel + bias, axis=1) @ words), atol=1e-5)
    np.testing.assert_allclose(told, unit((text - centre) @ own), atol=1e-5)

    first, other = unit(RNG.normal(size=(4, 3))), unit(RNG.normal(size=(4, 3)))
    both = [np.asarray(Beside(0.6)(a.astype(np.float32), b)) for a, b in ((first, shown), (other, told))]
    np.testing.assert_allclose(both[0], beside(first, shown, 0.6), atol=1e-5)
    mean = (first @ other.T + 0.6 * shown @ told.T) / 1.6
    np.testing.assert_allclose(both[0] @ both[1].T, mean, atol=1e-5)
    for each in (layer, said, Beside(0.6)):
        assert type(each).from_config(each.get_config()).get_config() == each.get_config()


@pytest.mark.parametrize("helps", [True, False])
def test_words_count_where_they_find(helps: bool) -> None:
    task = Retrieval("match", 12, inputs=("near", "far"), class_words=6)
    true = RNG.normal(size=(60, 6))
    vectors = {}
    for name in task.inputs:
        noisy, noise = true + 0.5 * RNG.normal(size=true.shape), RNG.normal(size=true.shape)
        vectors[name] = np.concatenate([unit(noisy), unit(true if helps else noise)], axis=1)
    layers = {name: Beside(0.5) for name in task.inputs}
    for layer in layers.values():
        layer.build((None, 6), (None, 6))
    fit_share(task, layers, vectors, np.tile(np.arange(60)[:, None], (1, 2)))
    shares = {float(layer.share.numpy()) for layer in layers.values()}
    assert (shares == {1.0}) if helps else (max(shares) <= 0.25)


@pytest.fixture(scope="module")
def told() -> Iterator[str]:
    """An image tower that has what its network told `NAMES` by: which row of a picture is bright."""

    def toy_told(x: Any, item: mmzoo.Image) -> Tokens:
        knows_classes(item, Classifier(0, SIDE, lambda: (NAMES, np.eye(SIDE) * 20.0, np.zeros(SIDE))))
        rows = keras.ops.mean(keras.ops.cast(x, "float32"), axis=(2, 3))[:, None] / 255.0
        return Tokens(rows, keras.ops.ones_like(rows[..., 0], dtype="bool"))

    toy_told.__doc__ = "A toy."
    towers.register("toy_told", serves="image")(toy_told)
    yield "toy_told"
    towers._entries.pop("toy_told")


def spec_of(tower: str | mmzoo.Tower, **options: Any) -> mmzoo.Spec:
    inputs = [
        mmzoo.Image("photo", size=SIDE, tower=tower, augmentations=[]),
        mmzoo.Text("says", max_bytes=16, tokens=8, tower=mmzoo.Tower("embedding_bag", width=64)),
        mmzoo.Sensor("pulse", channels=1, steps=8, tower="cnn_1d"),
    ]
    return mmzoo.Spec(inputs, "concat", [Retrieval("match", 24, start="correlations", bank=10, **options)], dim=8)


def records(classes: range, copies: int, seed: int) -> Records:
    random, photos, says, pulses = np.random.default_rng(seed), [], [], []
    for k in [*classes] * copies:
        photo = random.integers(0, 60, size=(SIDE, SIDE, 3))
        photo[k] = 255
        photos.append(photo.astype(np.uint8))
        says.append(NAMES[k])
        pulses.append(random.normal(size=(8, 1)).astype(np.float32))
    return Records({"photo": photos, "says": says, "pulse": pulses}, [f"r{k}" for k in range(len(says))])


@pytest.fixture(scope="module")
def run(told: str, tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """Trained on pairs of half of the classes."""
    return mmzoo.train(
        spec_of(told, class_words=12),
        records(range(16), 2, 0),
        records(range(16, 24), 2, 1),
        training=mmzoo.Training(epochs=1, batch_size=20, learning_rate=1e-4, modality_dropout=0.0),
        out=tmp_path_factory.mktemp("runs") / "run",
    )


def test_what_no_pair_taught_is_found_by_its_name(run: mmzoo.Run) -> None:
    assert set(shares_of(run.model, run.spec.tasks[0])) == {"photo", "says"}
    new = records(range(24, 32), 1, 2)
    found = mmzoo.Run(run.folder).embed(new)
    assert {name: each.shape for name, each in found.items()} == dict.fromkeys(("photo", "says", "pulse"), (8, 24))
    for each in found.values():
        np.testing.assert_allclose(np.linalg.norm(each, axis=1), 1.0, rtol=1e-5)
    assert ((found["photo"] @ found["says"].T).argmax(axis=1) == np.arange(8)).mean() >= 0.8  # chance is .125
    task, shown = run.spec.tasks[0], {single_output("match", name): each for name, each in found.items()}
    assert task.measured(np.tile(np.arange(8)[:, None], (1, 3)), shown, ["photo"])["recall@1"] > 0.4


@pytest.mark.long
def test_an_encoder_of_a_phone_says_the_same(run: mmzoo.Run) -> None:
    new = records(range(24, 32), 1, 2)
    run.export("tflite", new)
    wanted = run.embed(new)
    for name in ("photo", "says"):
        encoder = lite.Encoder(run.folder / "export" / "encoders" / f"{name}.tflite")
        found = np.stack([encoder.embed(value) for value in new.column(name)])
        np.testing.assert_allclose(found, wanted[name], atol=1e-5)


def test_beside_another_tower_its_classes_are_told_by_its_own_columns(told: str) -> None:
    both = mmzoo.Tower("feature_union", towers=[mmzoo.Tower("small_cnn", filters=[4, 6]), told], scaled=False)
    parts = mmzoo.build(spec_of(both, class_words=4).fit(records(range(4), 1, 0))).parts
    (known,) = parts.inputs["photo"].classifiers
    width = parts.tower_tokens("photo").values.shape[-1]
    assert (known.place, known.classes) == (width - SIDE, SIDE)
    assert parts.inputs["says"].classifiers == ()
    scaled = mmzoo.Tower("feature_union", towers=["small_cnn", told])
    # The classifier would read other numbers than it was trained on.
    assert mmzoo.build(spec_of(scaled).fit(records(range(4), 1, 0))).parts.inputs["photo"].classifiers == ()


def test_a_table_is_asked_in_the_words_of_classes_where_its_towers_know_them() -> None:
    picture = mmzoo.Image("photo", size=32, tower="efficientnet_lite1")
    says = mmzoo.Text("says", tower="sentence_bag")
    sound = mmzoo.Audio("sound")
    suited = [Retrieval.suited(item, tower_fact(item, "frozen")) for item in (picture, says, sound)]
    assert [mmzoo.Tower.of(item.tower).name for item in suited[:2]] == ["efficientnet_lite1", "sentence"]
    assert suited[2] is sound
    (task,) = Retrieval.without_label("match", suited, named(suited))
    assert (task.start, task.class_words, task.dim - task.class_words) == ("correlations", 256, 256)
    untaught = mmzoo.Image("photo", size=32, tower=mmzoo.Tower("efficientnet_lite1", weights=None))
    for inputs in ([suited[0], sound], suited[1:], [picture, says], [untaught, suited[1]]):
        (task,) = Retrieval.without_label("match", inputs, named(inputs))
        assert (task.start, task.class_words, task.dim) == ("correlations", 0, 256)


def named(inputs: Sequence[Modality]) -> list[str]:
    return [item.name for item in inputs if tower_fact(item, "classes")]


def test_what_lacks_classes_is_told_so(told: str, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="no text is among photo, pulse"):
        mmzoo.Spec(
            [item for item in spec_of(told).inputs if item.name != "says"], "concat", [Retrieval("m", class_words=4)]
        )
    with pytest.raises(MMZooError, match="too few are left beside class_words"):
        Retrieval("match", 16, class_words=15)
    with pytest.raises(MMZooError, match="no picture of it has a tower that knows classes"):
        mmzoo.train(spec_of("small_cnn", class_words=4), records(range(8), 1, 0), out=tmp_path / "run")
