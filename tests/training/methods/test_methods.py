"""A training method is one file: it is found, checked, called in the order that is said, and kept in checkpoints."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.fusions import fusions
from mmzoo.listing import rows
from mmzoo.recipe import Recipe
from mmzoo.registry import Registry
from mmzoo.training import step, trainer
from mmzoo.training.methods import methods
from mmzoo.training.methods.base import TrainingMethod
from tests.conftest import small_spec
from tests.training.tuning.case import PICTURES, trainer_of

NAMES = ("mixup", "pruning")
SHRINKING = '''
"""Weights that are pulled to zero after each step."""

from typing import Any

import tensorflow as tf

from mmzoo.training.methods import methods
from mmzoo.training.methods.base import Learner, TrainingMethod


@methods.register("shrinking")
class Shrinking(TrainingMethod):
    """All that trains is multiplied by a share after each step, and the loss has twice the share in it."""

    term = "shrinking_loss"

    def __init__(self, *, share: float = 0.5) -> None:
        self.share = share

    def build(self, learner: Learner) -> None:
        self.count = tf.Variable(0.0, trainable=False)
        self.trained = [v for group in learner.tuned.groups for v in group.variables]

    @property
    def variables(self) -> list[Any]:
        return [self.count]

    def added_loss(self, batch: Any, outputs: Any) -> Any:
        return batch.share * self.share * 2.0

    def after_step(self, before: dict[int, Any], step: Any) -> None:
        for variable in self.trained:
            variable.assign(variable.value * self.share)
        self.count.assign_add(1.0)
'''


@pytest.fixture
def shrinking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a method in a module outside the package."""
    methods.names()
    (tmp_path / "shrinking_method.py").write_text(SHRINKING)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("shrinking_method")
    yield "shrinking"
    del sys.modules["shrinking_method"]
    for kept in (methods._entries, methods._facts, methods._hints):
        kept.pop("shrinking", None)


def test_a_method_of_ones_own_trains(shrinking: str) -> None:
    """Two steps: the weights are those of plain training times the share, and all that it keeps is in the state."""
    assert ("shrinking", "") in [row[:2] for row in rows("methods")]
    with pytest.raises(MMZooError, match="'share' of method 'shrinking' must be a number from 0 to 1"):
        mmzoo.Training(methods=[mmzoo.Method("shrinking", share=2.0)])
    after = []
    for chosen in ([], [mmzoo.Method("shrinking", share=0.25)]):
        training = mmzoo.Training(epochs=4, batch_size=4, ema_decay=0.0, methods=chosen)
        made, batches, _ = trainer_of(PICTURES, training)
        losses, _ = made.run(batches, 1)
        after.append([v.numpy() for v in made.model.trainable_variables])
    for plain, shrunk in zip(*after, strict=True):
        np.testing.assert_allclose(shrunk, 0.25 * plain, atol=1e-7)
    assert made.gradients.terms == ("loss_animal", "shrinking_loss", "layers_loss")
    assert losses[0, 1] == 0.5
    made.run(batches, 1)
    state = made.arrays()
    assert state[max(state)] == 2.0, "the last of the state is what the method counts"
    assert np.isfinite(losses).all()


def test_methods_from_a_recipe_and_a_command_line() -> None:
    recipe = Recipe(small_spec(), "emoji").changed(['training.methods=["mixup", {"name": "pruning", "sparsity": 0.3}]'])
    assert recipe.training.methods == (mmzoo.Method("mixup"), mmzoo.Method("pruning", sparsity=0.3))
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    for bad, words in (
        ('"mixup"', "'methods' must be a list"),
        ('["mixupp"]', "no method 'mixupp'. Did you mean 'mixup'"),
        ('[{"alpha": 1}]', "A method is a name or mmzoo.Method"),
        ('[{"name": "mixup", "beta": 1}]', "no option of method 'mixup' called 'beta'"),
    ):
        with pytest.raises(MMZooError, match=words):
            recipe.changed([f"training.methods={bad}"])


def test_nobody_knows_a_method_by_name() -> None:
    """Neither the step nor the trainer: a new method is a new file."""
    for module in (step, trainer):
        source = inspect.getsource(module)
        assert not [name for name in methods.names() if f'"{name}"' in source or f"methods.{name}" in source]


@pytest.mark.parametrize("name", methods.names())
def test_every_method_says_what_it_is(name: str) -> None:
    made = methods[name]
    assert issubclass(made, TrainingMethod)
    assert len(methods.facts(name)["summary"]) > 20
    options = inspect.signature(made).parameters
    for option in options:
        assert f"{option}: " in (inspect.getdoc(made) or "") + (inspect.getdoc(made.__mro__[1]) or ""), option
    hooks = [each for each in vars(TrainingMethod) if not each.startswith("_")]
    assert any(getattr(made, hook) is not getattr(TrainingMethod, hook) for hook in hooks)


def installed(folder: Path, value: str) -> None:
    """What an installed package leaves behind that has a fusion."""
    facts = folder / "other_zoo-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: other-zoo\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[mmzoo.fusions]\nnothing = {value}\n")


def test_another_packages_entry_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_zoo.py").write_text(
        "from mmzoo.fusions import fusions\n\n\n"
        '@fusions.register("nothing", level="feature", absent="left out")\n'
        'def nothing(tokens, present, *, dim):\n    """Nothing at all."""\n'
    )
    installed(tmp_path, "other_zoo")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fusions, "_loaded", False)
    try:
        assert "nothing" in fusions.names(level="feature")
    finally:
        fusions._entries.pop("nothing", None)
        fusions._facts.pop("nothing", None)
        sys.modules.pop("other_zoo", None)


def test_another_packages_entry_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "a_module_that_is_gone")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[Any] = Registry("fusion", "mmzoo.fusions")
    for _ in range(2):
        with pytest.raises(MMZooError, match=r"package 'other-zoo' has a fusion 'nothing' .* No module named"):
            registry.names()


def test_who_looks_at_no_step_costs_no_copy_of_the_weights() -> None:
    made = [trainer_of(PICTURES, mmzoo.Training(epochs=4, batch_size=4, methods=[name]))[0] for name in NAMES]
    assert [[type(each) for each in trainer.moving] for trainer in made] == [[], [methods["pruning"]]]
