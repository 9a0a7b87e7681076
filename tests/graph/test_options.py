"""Values of options: whatever is given, either the spec says in one sentence what is wrong, or the model builds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest

import mmzoo
from mmzoo.augmentations import augmentations
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.fusions import fusions
from mmzoo.objectives import objectives
from mmzoo.options import Range, check_options, defaults, hints_of
from mmzoo.registry import Registry
from mmzoo.tokenizers import tokenizers
from mmzoo.towers import towers
from mmzoo.training.settings import check_settings
from mmzoo.tuning import tuning
from tests.conftest import LABELS, small_spec, usual
from tests.zoo import INPUTS, SMALL, TASK, batch_of

NUMBERS = [-1, 0, 1e9, 10**9, 2.5, math.nan, math.inf, True]
WRONG = [*NUMBERS, "x", "", None, [], [[]], [0], ["x"], [1] * 100, {}, {"name": "x"}]


def accepted(name: str, made: Any, make: Callable[[dict[str, Any]], Any]) -> list[tuple[dict[str, Any], Any]]:
    """Options of `name` that are not refused, with what was made of them; those that are, in one sentence."""
    found = []
    for option in defaults(made):
        for value in WRONG:
            try:
                found.append(({option: value}, make({option: value})))
            except MMZooError as error:
                assert "\n" not in str(error) and str(error).endswith((".", "?")), (name, option, value)
    return found


@pytest.mark.parametrize("name", towers.names())
def test_options_of_towers(name: str) -> None:
    serves = towers.facts(name)["serves"]
    kind = serves if isinstance(serves, str) else serves[0]

    def make(options: dict[str, Any]) -> mmzoo.Spec:
        tower = mmzoo.Tower(name, **{**SMALL.get(name, {}), **options})
        _, facts = INPUTS[kind]
        return mmzoo.Spec([INPUTS[kind][0]("x", tower=tower, **facts)], "concat", [TASK], dim=8)

    for options, spec in accepted(name, towers[name], make):
        # Whether there is a file of weights is asked when it is looked for; the deep networks take minutes to build.
        if "weights" not in options and "weights" not in defaults(towers[name]) and "image" not in options:
            assert np.isfinite(mmzoo.build(spec)(batch_of(spec))["animal"]).all(), options


@pytest.mark.parametrize("name", fusions.names())
def test_options_of_fusions(name: str) -> None:
    """Over three inputs whose towers are quickly built."""
    tower = mmzoo.Tower("mlp", hidden=[8], width=8)
    inputs = [mmzoo.Tabular(each, numbers=["a"], quantiles=[[0.0, 1.0]], tower=tower) for each in "xyz"]

    def make(options: dict[str, Any]) -> mmzoo.Spec:
        return mmzoo.Spec(inputs, mmzoo.Fusion(name, **options), [TASK], dim=16)

    batch = decode(make({}), mmzoo.Records({each: [{"a": 0.5}, {"a": None}] for each in "xyz"}))
    for options, spec in accepted(name, fusions[name], make):
        assert np.isfinite(mmzoo.build(spec)(batch)["animal"]).all(), options


@pytest.mark.parametrize("name", usual(augmentations.names(), {*augmentations.names()} - {"rand_augment"}))
def test_options_of_augmentations(name: str) -> None:
    kind = augmentations.facts(name)["serves"]

    def make(options: dict[str, Any]) -> mmzoo.Spec:
        made, facts = INPUTS[kind]
        return one(made("x", augmentations=[mmzoo.Augmentation(name, **options)], **facts))

    for options, spec in accepted(name, augmentations[name], make)[:3]:
        batch = batch_of(spec)["x"]
        found = np.asarray(spec.inputs[0].augment(batch, np.arange(len(batch))))
        assert found.shape == batch.shape and np.isfinite(found[np.isfinite(batch)]).all(), options


@pytest.mark.parametrize("name", tokenizers.names())
def test_options_of_tokenizers(name: str) -> None:
    def make(options: dict[str, Any]) -> mmzoo.Text:
        return mmzoo.Text("x", tokenizer=mmzoo.Tokenizer(name, **options))

    assert {type(value) for options, _ in accepted(name, tokenizers[name], make) for value in options.values()} <= {
        bool
    }


@pytest.mark.parametrize("name", objectives.names())
def test_options_of_objectives(name: str) -> None:
    def make(options: dict[str, Any]) -> mmzoo.Classification:
        return mmzoo.Classification("x", labels=LABELS, objective=mmzoo.Objective(name, **options))

    assert {value for options, _ in accepted(name, objectives[name], make) for value in options.values()} <= {2.5}


@pytest.mark.parametrize("name", tuning.names())
def test_options_of_ways_to_tune(name: str) -> None:
    def make(options: dict[str, Any]) -> mmzoo.Training:
        return mmzoo.Training(tune=mmzoo.Tune(name, **options))

    left = [options for options, _ in accepted(name, tuning[name], make)]
    assert left in ([], [{"decay": 0}], [{"alpha": 2.5}, {"alpha": None}, {"only": []}, {"only": ["x"]}]), left


def test_an_entry_that_joins_late_is_checked_too() -> None:
    registry: Registry[Any] = Registry("thing", "mmzoo.objectives")

    @registry.register("early")
    def early(*, width: int = 8) -> None:
        """An entry."""

    registry.check_options("early", {"width": 1})

    @registry.register("late")
    def late(*, share: float = 0.5) -> None:
        """Another."""

    with pytest.raises(MMZooError, match="The option 'share' of thing 'late' must be a number from 0 to 1, not 2"):
        registry.check_options("late", {"share": 2})


def test_what_is_said() -> None:
    def entry(*, width: int = 8, share: float = 0.5, least: Annotated[int, Range(2, 9)] = 3, deep: bool = True) -> None:
        """Something with options."""

    for options, words in (
        ({"width": -1}, "The option 'width' of entry must be a whole number from 1 to 4096, not -1."),
        ({"share": 2.0}, "The option 'share' of entry must be a number from 0 to 1, not 2.0."),
        ({"least": 1}, "The option 'least' of entry must be a whole number from 2 to 9, not 1."),
        ({"deep": 1}, "The option 'deep' of entry must be true or false, not 1."),
        ({"witdh": 1}, "There is no option of entry called 'witdh'. Did you mean 'width'?"),
    ):
        with pytest.raises(MMZooError) as caught:
            check_options("entry", entry, hints_of(entry), options)
        assert words in str(caught.value)


def test_options_that_do_not_fit_the_rest() -> None:
    for make, words in (
        (lambda: small_spec(mmzoo.Fusion("weighted", alpha=[1, 2])), "one alpha above 0 for each of the 3 inputs"),
        (lambda: small_spec(mmzoo.Fusion("film", target="pictures")), "Did you mean 'picture'"),
        (lambda: small_spec(mmzoo.Fusion("mixture_of_experts", experts=2, top=3)), "from 1 to 2, not 3"),
        (lambda: small_spec(mmzoo.Fusion("tensor", width=100)), "lower its width"),
        (lambda: one(mmzoo.Image("x", tower=mmzoo.Tower("small_cnn", filters=[4] * 7))), "fewer filters"),
        (lambda: one(mmzoo.Image("x", tower=mmzoo.Tower("vit", patch=7))), "patches of 7 pixels"),
        (lambda: one(mmzoo.Image("x", tower=mmzoo.Tower("vgg16", adapters=8))), "give weights"),
        (lambda: one(mmzoo.Image("x", size=16, tower="vgg16")), "at least 32 pixels"),
        (lambda: one(mmzoo.Video("x", tower=mmzoo.Tower("frames", image="lstm"))), "needs an image tower inside"),
        (lambda: one(mmzoo.Video("x", tower=mmzoo.Tower("frames", time="vgg16"))), "does not work over time"),
    ):
        with pytest.raises(MMZooError, match=words):
            make()


def one(item: Any) -> mmzoo.Spec:
    return mmzoo.Spec([item], "concat", [TASK])


TABLE = {"numbers": ["a"], "categories": ["b"]}


@pytest.mark.parametrize("wrong", ["abc", b"abc", 5, None, {"a": 1}, {"a"}], ids=repr)
@pytest.mark.parametrize(
    "make",
    [
        lambda v: mmzoo.Classification("x", labels=v),
        lambda v: mmzoo.Binary("x", labels=v),
        lambda v: mmzoo.MultiLabel("x", labels=v),
        lambda v: mmzoo.Ordinal("x", labels=v),
        lambda v: mmzoo.Classification("x", labels=LABELS, priors=v),
        lambda v: mmzoo.Text("x", tokenizer="wordpiece", vocabulary=v),
        lambda v: mmzoo.Image("x", augmentations=v if v is not None else 0),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "numbers": v}),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "categories": v}),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "quantiles": v}),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "vocabularies": v}),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "vocabularies": [v]}),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "quantiles": [v]}),
        lambda v: mmzoo.Tabular("x", dates=v),
        lambda v: mmzoo.Tabular("x", multi_categories=v),
        lambda v: mmzoo.Tabular("x", **{**TABLE, "delimiters": v}),
        lambda v: mmzoo.Sensor("x", channels=3, means=v),
        lambda v: mmzoo.Spec(v, "concat", [TASK]),
        lambda v: mmzoo.Spec([mmzoo.Image("x")], "concat", v),
        lambda v: mmzoo.Training(tune_inputs=v),
        lambda v: one(mmzoo.Image("x", tower=mmzoo.Tower("small_cnn", filters=v))),
    ],
)
def test_a_list_is_a_list(make: Callable[[Any], Any], wrong: Any) -> None:
    with pytest.raises(MMZooError, match=r"list|plain data") as caught:
        make(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", [["a", "a"], ["a", ""], ["a", " "], ["a", 1], ["a", None], [["a"], "b"], ["a"], []])
@pytest.mark.parametrize("task", [mmzoo.Classification, mmzoo.Ordinal, mmzoo.Binary])
def test_labels_are_different_names(task: Any, labels: list[Any]) -> None:
    with pytest.raises(MMZooError, match=r"[Tt]ask 'x'"):
        task("x", labels=labels)


def test_settings_that_name_nothing_are_refused_before_anything_is_read() -> None:
    spec = small_spec()
    for settings, words in (
        ({"monitor": "acuracy"}, "Did you mean 'accuracy'"),
        ({"monitor": "r2"}, "There are: accuracy, average_precision, macro_f1, roc_auc"),
        ({"tune_inputs": ["pictures"]}, "Did you mean 'picture'"),
        ({"methods": [mmzoo.Method("distillation", teacher="nowhere")]}, "'nowhere' is not a run"),
        ({"init_from": "nowhere"}, "'nowhere' is not a run"),
    ):
        unreadable = mmzoo.Records({name: [b"rust"] for name in [*spec.input_names, "animal"]})
        with pytest.raises(MMZooError, match=words):
            mmzoo.train(spec, unreadable, training=mmzoo.Training(**settings))
    alone = small_spec().subset(["words"])
    for name in ("ogm", "gradient_blending"):
        with pytest.raises(MMZooError, match=f"'{name}'"):
            check_settings(alone, mmzoo.Training(methods=[name]))
    with pytest.raises(MMZooError, match="Did you mean 'accuracy'"):
        mmzoo.Recipe(spec, "emoji", mmzoo.Training(monitor="acuracy"))


def test_metrics_are_called_as_the_tasks_say() -> None:
    labels = {"animal": np.array([0, 1, 2, 0]), "size": np.ones((4, 1), np.float32)}
    tasks = [mmzoo.Classification("animal", labels=LABELS), mmzoo.Regression("size")]
    from mmzoo.inference.metrics import metrics

    answers = {"animal": np.eye(4, 3), "size": np.zeros((4, 1))}
    spec = small_spec(tasks=tasks)
    assert metrics(spec, answers, labels).keys() == set(spec.metric_names)


def test_any_key_of_a_spec_can_be_set() -> None:
    recipe = mmzoo.Recipe(small_spec(), "emoji")
    assert recipe.changed(["task_weights=learned"]).spec.task_weights == "learned"
    assert recipe.changed(["dim=32", "fusion=gated"]).spec.dim == 32
    tasks = '[{"kind": "regression", "name": "size"}]'
    assert recipe.changed([f"tasks={tasks}"]).spec.tasks == (mmzoo.Regression("size"),)
    named = recipe.changed(["fusion=gated", "fusion.dropout=0.1", "picture.tower=vgg16", "picture.tower.weights=null"])
    assert named.spec.fusion == mmzoo.Fusion("gated", dropout=0.1)
    assert named.spec.inputs[0].tower == mmzoo.Tower("vgg16", weights=None)
    deep = "[" * 100_000
    wrong = ["data=5", "format=2", "training=5", "dim=" + "9" * 5000, f"dim={deep}", "dim=NaN", "dim", "picture=3"]
    for setting in (*wrong, "training.schedule.x=3", "fusion.dropout.x=3"):
        with pytest.raises(MMZooError) as caught:
            recipe.changed([setting])
        assert "\n" not in str(caught.value)


def test_an_input_called_training_does_not_hide_the_settings() -> None:
    spec = small_spec(inputs=[mmzoo.Image("training"), mmzoo.Text("data")])
    recipe = mmzoo.Recipe(spec, "emoji")
    with pytest.raises(MMZooError, match="called 'training'"):
        recipe.changed(["training.epochs=3"])
    assert recipe.changed(["data.tokens=3", "data=other"]).spec.inputs[1].tokens == 3
