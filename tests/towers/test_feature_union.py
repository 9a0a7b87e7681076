"""Several towers over one input: each as it would be alone, what never trains computed once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.artifact.packages import mentions
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.graph.cut import split
from mmzoo.graph.weights import named_weights
from mmzoo.inference.embed import embed
from mmzoo.inference.running import run_model
from mmzoo.tokens import masked_mean
from mmzoo.towers import towers
from mmzoo.towers.bert import MINILM, preset_vocabulary
from mmzoo.towers.feature_union import of_length, parts_of
from mmzoo.weights import is_installed
from tests.zoo import TASK, batch_of, make_input


def spec_of(item: Any) -> mmzoo.Spec:
    return mmzoo.Spec([item], "concat", [TASK], dim=16)


def test_each_tower_is_as_it_would_be_alone() -> None:
    """A mean of each, side by side and of one length; and cut behind what never trains it gives the same."""
    item = make_input("sensor", "feature_union")
    model = mmzoo.build(spec_of(item))
    batch = batch_of(model.spec)
    values, mask = model.parts.tower_tokens("x")
    found = model.parts.cut(model.input, {"values": values, "mask": mask})(batch)
    own, wanted = named_weights(model), []
    for part in parts_of(item, item.tower.options["towers"]):
        x = keras.Input(item.shape, dtype=item.dtype)
        alone = keras.Model(x, masked_mean(*towers[part.tower.name](x, part, **part.tower.options)))
        for layer in alone.layers:
            for weight in layer.weights:
                same = [
                    key for key in own if key.endswith(f"{layer.name}/{weight.path.removeprefix(layer.name + '/')}")
                ]
                (key,) = same
                weight.assign(own[key])
        wanted.append(np.asarray(alone(batch["x"])))
    lengths = [np.linalg.norm(each, axis=1, keepdims=True) for each in wanted]
    both = np.concatenate([each / length for each, length in zip(wanted, lengths, strict=True)], axis=1)
    np.testing.assert_allclose(found["values"][:, 0], both * np.sqrt(both.shape[1] / 2), rtol=1e-4, atol=1e-5)
    assert found["mask"].shape == (3, 1) and np.asarray(found["mask"]).all()
    part = split(model)
    features = {name: frozen(batch) for name, frozen in part.frozen.items()}
    assert features.keys() == {"x"}
    rest = run_model(part.rest, {**batch, **keras.tree.map_structure(np.asarray, features)})
    np.testing.assert_allclose(rest["animal"], model(batch)["animal"], atol=1e-5)


@pytest.mark.parametrize("beside", ["small_cnn", mmzoo.Tower("color_histogram", bins=2)])
def test_of_what_never_trains_the_mean_is_kept(beside: Any) -> None:
    """Beside a tower that trains, and where nothing trains at all."""
    tower = mmzoo.Tower("feature_union", towers=[mmzoo.Tower("color_histogram", bins=3), beside])
    model = mmzoo.build(spec_of(mmzoo.Image("x", size=32, tower=tower, augmentations=[])))
    batch, part = batch_of(model.spec), split(model)
    kept = part.frozen["x"](batch)
    shapes = [tuple(each.shape) for each in keras.tree.flatten(kept)]
    assert shapes[:2] == [(3, 27), (3, 1)] and shapes[2] == ((3, 32, 32, 3) if beside == "small_cnn" else (3, 8))
    rest = run_model(part.rest, {**batch, "x": keras.tree.map_structure(np.asarray, kept)})
    np.testing.assert_allclose(rest["animal"], model(batch)["animal"], atol=1e-5)


def test_what_is_not_there_has_no_length() -> None:
    x = np.array([[0, 0], [3, 4]], np.float32)
    np.testing.assert_allclose(of_length(x, 4.0), [[0, 0], [1.2, 1.6]], rtol=1e-6)


@pytest.mark.long
def test_of_two_networks_of_one_family_no_weight_is_lost() -> None:
    """Their layers have the same names."""
    pretrained = [mmzoo.Tower(f"efficientnet_lite{number}", resolution=32) for number in (0, 1)]
    model = mmzoo.build(spec_of(mmzoo.Image("x", size=32, tower=mmzoo.Tower("feature_union", towers=pretrained))))
    assert len(named_weights(model)) == len(model.weights)
    part = model.parts.of("x")
    assert part.frozen_network and not part.frozen.trainable_weights
    assert [each.towers[0] for each in part.packages] == ["efficientnet_lite0", "efficientnet_lite1"]


def test_a_text_keeps_its_capitals_if_all_its_towers_know_them() -> None:
    for names, small in ((["sentence", "sentence_bag"], False), (["sentence", "embedding_bag"], True)):
        text = mmzoo.Text("x", tower=mmzoo.Tower("feature_union", towers=names))
        assert text.in_lower_case == small


def test_what_it_is_made_of_is_looked_through() -> None:
    tower = {"name": "feature_union", "towers": [{"name": "small_cnn"}, {"name": "efficientnet_lite1", "inner": True}]}
    assert mentions(tower, ("efficientnet_lite1",)) and not mentions(tower, ("efficientnet_lite2",))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ([], "two towers or more"),
        (["small_cnn"], "two towers or more"),
        (["small_cnn", "lstm"], "'lstm' cannot stand beside another"),
        (["small_cnn", mmzoo.Tower("vgg16", weight=None)], "Did you mean 'weights'"),
    ],
)
def test_what_cannot_be_is_said(chosen: list[Any], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        spec_of(mmzoo.Image("x", size=32, tower=mmzoo.Tower("feature_union", towers=chosen)))


def test_trees_stand_alone() -> None:
    both = mmzoo.Tower("feature_union", towers=["mlp", "boosted_trees"])
    with pytest.raises(MMZooError, match="'boosted_trees' cannot stand beside another"):
        spec_of(replace(make_input("tabular", "mlp"), tower=both))


@pytest.mark.long
@pytest.mark.skipif(not is_installed(MINILM), reason=f"{MINILM.package} is not installed")
def test_bert_stands_beside_a_tower_that_reads_bytes() -> None:
    """With its tokenizer in the graph it says what it does with that on the host."""
    vocabulary, chosen = preset_vocabulary("minilm"), mmzoo.Tower("bert", weights="minilm", frozen=True, pooled=True)
    texts = Records(
        {"x": ["man: curly hair", "three o\u2019clock", "a station"], "animal": ["cat", "dog", "cat"]}, [*"abc"]
    )
    both = mmzoo.Tower("feature_union", towers=[mmzoo.Tower("embedding_bag", width=4), chosen], scaled=False)
    found = []
    for tokenizer, tower in (("wordpiece_in_graph", both), ("wordpiece", chosen)):
        item = mmzoo.Text("x", max_bytes=32, tokens=12, tokenizer=tokenizer, vocabulary=vocabulary, tower=tower)
        found.append(embed(mmzoo.build(spec_of(item)), texts, inputs=["x"], towers=True)["x"])
    np.testing.assert_allclose(found[0][:, -384:], found[1], atol=1e-5)
