"""No name of a user meets one of the model's own, or another that is made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from keras.src.backend.common import global_state

import mmzoo
from mmzoo.data.records import decode
from mmzoo.names import owner_of
from mmzoo.summary import outline
from mmzoo.training.model.init_from import narrowed, with_fewer_channels
from mmzoo.tuning.model import tune
from tests.conftest import LABELS, small_records, small_spec

COUNTERS = "object_name_uids"  # where Keras keeps the numbers of the names that it makes up
# Names that Keras gives to layers and operations of ours, names of our layers, and words that Python has.
NAMES = """
    add any arange argmax cast clip concatenate dense divide dropout embedding exp expand_dims functional get_item
    input_layer keras_tensor logical_and lambda log max maximum mean model multiply reshape softmax squeeze stack
    subtract where zeros entry gate head input log_variances mmzoo output outputs tokens training frozen_features data
    dim
    args inputs name
"""
ANSWERS = "sum matmul logits sequential multimodal class mask tasks spec"


@pytest.fixture
def first_names() -> Iterator[None]:
    """Keras begins to number anew, so that its first `cast` is called `cast`."""
    before = global_state.get_global_attribute(COUNTERS)
    global_state.set_global_attribute(COUNTERS, defaultdict(int))
    yield
    global_state.set_global_attribute(COUNTERS, before)


def small_text(name: str) -> mmzoo.Text:
    tower = mmzoo.Tower("embedding_mean", width=2)
    return mmzoo.Text(name, max_bytes=8, tokens=2, tokenizer=mmzoo.Tokenizer("hashed_words", buckets=8), tower=tower)


@pytest.mark.long
def test_inputs_and_tasks_may_be_called_as_layers_are(first_names: None) -> None:
    names, answers = NAMES.split(), ANSWERS.split()
    tasks = [mmzoo.Classification(name, labels=LABELS, auxiliary=float(name == "sum")) for name in answers]
    spec = mmzoo.Spec(
        [small_text(name) for name in names],
        "concat",
        tasks,
        dim=4,
        task_weights="learned",
    )
    model = mmzoo.build(spec)
    found = model(decode(spec, mmzoo.Records({name: ["one", "two three"] for name in names})))
    assert found.keys() == {"fusion.log_variances", *answers, *(f"sum.{name}" for name in names)}
    assert {tensor.name for tensor in model.inputs} == {*names, "present"}


def prefixes(filters: tuple[int, int] = (4, 8)) -> mmzoo.Spec:
    """Inputs and tasks of which one's name begins with the other's, and whose names together make a third."""
    tower = mmzoo.Tower("small_cnn", filters=list(filters))
    names = ["photo", "photo_back", "photo_back_frame"]
    tasks = [mmzoo.Classification(name, labels=LABELS, auxiliary=1.0) for name in ("group", "group_photo")]
    return mmzoo.Spec([mmzoo.Image(name, size=16, tower=tower) for name in names], "concat", tasks, dim=4)


def test_outputs_of_heads_do_not_overwrite_tasks() -> None:
    spec = prefixes()
    model = mmzoo.build(spec)
    assert len(model.output) == 2 * (1 + 3)
    heads = model.parts.heads["group_photo"]
    assert {owner_of(layer.name) for layer in (*heads.fused, heads.uncalibrated, heads.temperature)} == {"group_photo"}
    operation = model.output["group_photo"]._keras_history[0]
    behind = [tensor._keras_history[0] for tensor in operation._inbound_nodes[0].input_tensors]
    assert behind == [heads.uncalibrated, heads.temperature]


def test_a_summary_counts_every_parameter_once() -> None:
    spec = prefixes()
    assert sum(box.total for box in outline(spec).boxes) == mmzoo.build(spec).count_params()


def test_a_map_is_that_of_its_own_tower() -> None:
    model = mmzoo.build(prefixes())
    for name in model.spec.input_names:
        found = model.parts.of(name).feature_map
        assert found is not None and model.parts.owner_of(found) == name


def test_channels_are_kept_tower_by_tower() -> None:
    """What a tower keeps is decided by its own kernels: here the last channels of one, the first of the other."""
    old = mmzoo.build(prefixes())
    new = mmzoo.build(with_fewer_channels(old.spec, 0.5))
    kept = {"photo": [2, 3], "photo_back": [0, 1], "photo_back_frame": [1, 2]}
    for name, channels in kept.items():
        kernel = np.full((3, 3, 3, 4), 0.1, np.float32)
        kernel[..., channels] = 1.0 + np.arange(2)
        old.get_layer(f"{name}.conv0").set_weights([kernel])
    new.set_weights(narrowed(old, new, "old"))
    for name, channels in kept.items():
        wide, slim = (np.asarray(model.get_layer(f"{name}.conv1").kernel) for model in (old, new))
        rest = [k for k in range(8) if (slim == wide[:, :, channels][..., k, None]).all((0, 1, 2)).any()]
        assert len(rest) == 4, f"the second convolution of '{name}' reads the channels that the first kept"


def test_explaining_inputs_whose_names_begin_alike() -> None:
    spec = mmzoo.Spec(
        [mmzoo.Image(name, size=16, tower=mmzoo.Tower("small_cnn", filters=[4])) for name in ("photo", "photo_back")],
        "concat",
        [mmzoo.Classification("group", labels=LABELS)],
        dim=4,
    )
    from mmzoo.explanation.explain import explain

    picture = small_records(1).columns["picture"][0]
    found = explain(mmzoo.build(spec), {"photo": picture, "photo_back": picture[::-1].copy()})
    assert found.inside["photo"].maps.keys() == {"integrated_gradients", "occlusion", "grad_cam"}


def test_a_tower_within_a_tower_is_not_an_input() -> None:
    inner = mmzoo.Tower("small_cnn", filters=[4])
    inputs = [
        mmzoo.Video("clip", size=16, frames=2, tower=mmzoo.Tower("frames", image=inner)),
        mmzoo.Image("clip_frame", size=16, tower=inner),
    ]
    model = mmzoo.build(mmzoo.Spec(inputs, "concat", [mmzoo.Classification("group", labels=LABELS)], dim=4))
    assert owner_of(model.get_layer("clip.frame.conv0").name) == "clip"


def test_a_name_that_an_export_needs_is_refused() -> None:
    """`<task>_uncertainty` stands beside the answers for everyone who calls an exported model."""
    asked = mmzoo.Classification("group", labels=LABELS, objective="evidential")
    for other in (
        {"tasks": [asked, mmzoo.Regression("group_uncertainty")]},
        {"inputs": [small_text("group_uncertainty")], "tasks": [asked]},
    ):
        with pytest.raises(mmzoo.MMZooError, match=r"'group_uncertainty' .* of task 'group'"):
            small_spec(**other)
    small_spec(
        tasks=[mmzoo.Classification("group", labels=LABELS), mmzoo.Classification("group_uncertainty", labels=LABELS)]
    )


def test_a_word_of_a_kernels_path_is_not_its_inputs_name() -> None:
    tower = mmzoo.Tower("embedding_attention", width=8, heads=2)
    spec = mmzoo.Spec([mmzoo.Text("value", tower=tower)], "concat", prefixes().tasks, dim=4)
    training = mmzoo.Training(tune=mmzoo.Tune("lora", rank=1, only=["value"]), tune_inputs=["value"])
    (found,) = tune(mmzoo.build(spec), training).additions
    assert found.kernel.path == "value.attention/value/kernel"


def test_a_saved_model_answers_by_these_names(tmp_path: Path) -> None:
    spec = mmzoo.Spec([small_text("cast"), small_text("cast_1")], "concat", prefixes().tasks, dim=4)
    model = mmzoo.build(spec)
    mmzoo.save(model, tmp_path / "model")
    assert mmzoo.load(tmp_path / "model").output.keys() == model.output.keys()
