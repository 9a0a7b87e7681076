"""What CONTRIBUTING shows a contributor is run: each example is an entry of its registry, for one test."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.records import Records
from mmzoo.listing import registry_of
from mmzoo.registry import Registry
from mmzoo.training.methods import made
from tests.docs.case import CONTRIBUTING, ROOT, blocks

REGISTRIES = (
    "fusions",
    "towers",
    "tokenizers",
    "augmentations",
    "objectives",
    "tuning",
    "methods",
    "readers",
    "formats",
    "analyses",
)


@pytest.fixture
def contributed() -> Iterator[list[dict[str, Any]]]:
    """What the examples for contributors define, file by file; they leave the registries afterwards."""
    registries: list[Registry[Any]] = [registry_of(each) for each in REGISTRIES]
    for registry in registries:
        registry.names()
    kept = [copy.copy(vars(registry)) for registry in registries]
    for registry in registries:
        vars(registry).update({name: dict(held) for name, held in vars(registry).items() if isinstance(held, dict)})
    try:
        scopes: list[dict[str, Any]] = []
        for block in blocks(CONTRIBUTING, "python"):
            scopes.append({"__name__": "example"})
            exec(compile(block, CONTRIBUTING, "exec"), scopes[-1])
        yield scopes
    finally:
        for registry, before in zip(registries, kept, strict=True):
            vars(registry).update(before)


def test_the_contributors_reader_and_format(contributed: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "things.ini").write_text("[a]\nweight = 1\n[b]\nweight = 2.5\n")
    assert mmzoo.read_table(tmp_path / "things.ini").column("weight") == [1, 2.5]
    from mmzoo.data.records import Records
    from mmzoo.export.formats import formats
    from mmzoo.export.formats.base import Job
    from mmzoo.export.proof import Proof

    task = mmzoo.Classification("kind", labels=["a", "b"])
    spec = mmzoo.Spec([mmzoo.Text("words", max_bytes=8)], "mean", [task], dim=8)
    model, form = mmzoo.build(spec), formats["npz"]()
    ((variant, path),) = form.write(Job(model, tmp_path, {}), ("npz",))
    row = Proof(model, Records({"words": ["ab", "c"]}), form).row(variant, path)
    assert row["max_abs_diff"] <= 1e-6
    assert (row["file"], row["examples"]) == ("model.npz", 2)


def test_the_contributors_analysis(contributed: list[dict[str, Any]]) -> None:
    from mmzoo.evaluation.evaluate import evaluate

    items = [mmzoo.Text(name, max_bytes=8) for name in ("title", "words")]
    model = mmzoo.build(mmzoo.Spec(items, "mean", [mmzoo.Classification("kind", labels=["a", "b"])], dim=8))
    records = Records({"title": ["a", None, "b"], "words": ["ab", "c", "d"], "kind": ["a", "b", "a"]})
    rows = evaluate(model, records).to_json()["completeness"]
    assert [row["inputs"] for row in rows] == [1, 2]
    assert all(0.5 <= row["confidence"] <= 1 for row in rows)


def test_the_contributors_examples(contributed: list[dict[str, Any]]) -> None:
    """Each does what it says, and all of them together are a model."""
    (test,) = (scope["test_minimum"] for scope in contributed if "test_minimum" in scope)
    test()
    item = mmzoo.Text("words", tokens=4, tokenizer="characters", tower=mmzoo.Tower("tokenwise", width=8))
    item = item.fit(["baa", "ba"])
    assert item.decode("abxa").tolist() == [1, 2, 1, 0]
    picture = mmzoo.Image("picture", size=16, augmentations=[mmzoo.Augmentation("negative", share=1.0)])
    batch = np.arange(768).astype(np.uint8).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(picture.augment(batch, np.arange(1)), 255 - batch)
    task = mmzoo.Classification("kind", labels=["a", "b"], objective=mmzoo.Objective("poly", alpha=0.5))
    loss = task.loss(tf.constant([0]), tf.constant([[0.0, np.log(3.0)]], tf.float32))
    np.testing.assert_allclose(loss, np.log(4.0) + 0.5 * 0.75, rtol=1e-5)

    model = mmzoo.build(mmzoo.Spec([item], "minimum", [task], dim=8))
    (method,) = made(mmzoo.Training(methods=[mmzoo.Method("small_logits", weight=0.5)]).methods)
    method.build(SimpleNamespace(spec=model.spec))
    added = method.added_loss(SimpleNamespace(share=0.25), {"kind": tf.constant([[1.0, 3.0]])})
    assert float(added) == 0.5 * 0.25 * 5.0
    ids = np.array([item.decode("ab")])
    assert np.isfinite(model({"words": ids, "present": np.ones((1, 1), bool)})["kind"]).all()
    from mmzoo.tuning import tuning
    from mmzoo.tuning.parts import tuned_towers

    (group,) = tuning["kernels"](tuned_towers(model, ["words"]), 0.1).groups
    assert group.variables and {variable.name for variable in group.variables} == {"kernel"}


def test_the_contributors_package(contributed: list[dict[str, Any]]) -> None:
    """The groups of its entry points are of registries, and each is a module of the name of what the examples have."""
    ((points,),) = [[tomllib.loads(block)["project"]["entry-points"]] for block in blocks(CONTRIBUTING, "toml")]
    assert len(points) > 1
    for group, named in points.items():
        home, _, what = group.partition(".")
        assert home == "mmzoo"
        for name, module in named.items():
            assert name in registry_of(what).names() and module == f"my_parts.{name}"


def test_what_the_contributors_may_override_and_where_analyses_stand() -> None:
    """Two lists that are written by hand, because the page is read without being built."""
    from mmzoo.evaluation.analyses import SECTIONS
    from mmzoo.training.methods.base import TrainingMethod

    text = (ROOT / CONTRIBUTING).read_text("utf-8")
    hooks = [name for name, held in vars(TrainingMethod).items() if callable(held) or isinstance(held, property)]
    assert [name for name in (*SECTIONS, *hooks) if not name.startswith("_") and f"`{name}`" not in text] == []
