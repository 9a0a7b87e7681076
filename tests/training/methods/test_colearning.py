"""What modalities, and models, learn of each other: the formulas in float64, and problems on which they matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.names import teacher_labels
from mmzoo.training.loss import total_loss
from mmzoo.training.methods import made
from mmzoo.training.methods.base import Learner
from mmzoo.tuning.groups import Tuned
from tests.conftest import small_records, small_spec

RANDOM = np.random.default_rng(0)
LABELS = ("a", "b", "c")


def table_spec(**task: Any) -> mmzoo.Spec:
    """Two tables of numbers and one question."""
    inputs = [
        mmzoo.Tabular(name, numbers=[f"{name}{k}" for k in range(8)], tower=mmzoo.Tower("mlp", width=32))
        for name in ("near", "far")
    ]
    return mmzoo.Spec(inputs, "concat", [mmzoo.Classification("kind", labels=LABELS, **task)], dim=16)


def table(near: np.ndarray, far: np.ndarray, labels: np.ndarray) -> mmzoo.Records:
    columns: dict[str, list[Any]] = {"kind": [LABELS[k] if k >= 0 else None for k in labels]}
    for name, rows in (("near", near), ("far", far)):
        columns[name] = [{f"{name}{k}": float(x) for k, x in enumerate(row)} for row in rows]
    return mmzoo.Records(columns, [f"r{k}" for k in range(len(labels))])


def trained(spec: mmzoo.Spec, records: mmzoo.Records, out: Path, **settings: Any) -> mmzoo.Run:
    training = mmzoo.Training(**{"epochs": 10, "modality_dropout": 0.0, "ema_decay": 0.0, **settings})
    return mmzoo.train(spec, records, training=training, out=out)


def logits(*names: str, units: int = 3, rows: int = 6) -> dict[str, np.ndarray]:
    return {name: RANDOM.normal(size=(rows, units)).astype(np.float32) * 2 for name in names}


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.asarray((softmax(p, axis=1) * (log_softmax(p, axis=1) - log_softmax(q, axis=1))).sum(axis=1))


def test_imitation_is_zero_of_oneself_and_the_divergence_of_others() -> None:
    one, two = (RANDOM.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    kind = mmzoo.Classification("kind", labels=LABELS)
    np.testing.assert_allclose(kind.imitation(one, two, 3.0), 9 * divergence(one / 3, two / 3), rtol=1e-4)
    p, q = expit(one / 2), expit(two / 2)
    wanted = 4 * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean(axis=1)
    for task in (mmzoo.MultiLabel("tags", labels=LABELS), mmzoo.Ordinal("pain", labels=(*LABELS, "d"))):
        np.testing.assert_allclose(task.imitation(one, two, 2.0), wanted, rtol=1e-3)
    np.testing.assert_allclose(mmzoo.Regression("size", targets=3).imitation(one, two), ((one - two) ** 2).mean(axis=1))
    for task in (kind, mmzoo.Binary("sick"), mmzoo.Regression("size")):
        np.testing.assert_allclose(task.imitation(one, one, 2.0), 0, atol=1e-6)


def test_the_loss_with_a_teacher_and_with_heads_that_learn_of_each_other() -> None:
    spec = table_spec(auxiliary=0.5, mutual=2.0)
    outputs, teacher_logits = logits("kind", "kind.near", "kind.far"), logits("kind")["kind"]
    labels = np.array([0, 1, 2, -1, 1, 0])
    present = np.array([[1, 1], [1, 0], [0, 1], [1, 1], [1, 1], [0, 1]], bool)
    (method,) = made([mmzoo.Method("distillation", teacher="runs/a", weight=0.3, temperature=2.0)])
    method.build(Learner(spec, keras.Model(), Tuned([]), 10))
    given = {"kind": labels, teacher_labels("kind"): teacher_logits}
    found = total_loss(spec, outputs, given, tf.constant(present), methods=[method])
    assert float(total_loss(spec, outputs, {"kind": labels}, present, methods=[method])) == pytest.approx(
        float(total_loss(spec, outputs, given, present)), rel=1e-6
    ), "validation records have no teacher"

    def entropy(name: str) -> np.ndarray:
        return -log_softmax(outputs[name].astype(np.float64), axis=1)[np.arange(6), labels]

    known = labels >= 0
    loss = 0.7 * entropy("kind")[known].mean() + 0.3 * (4 * divergence(teacher_logits / 2, outputs["kind"] / 2)).mean()
    near, far = outputs["kind.near"], outputs["kind.far"]
    both = present.all(axis=1)
    heads = [
        entropy("kind.near") + 2 * both * divergence(far, near),
        entropy("kind.far") + 2 * both * divergence(near, far),
    ]
    kept = known[:, None] & present
    assert float(found) == pytest.approx(loss + 0.5 * np.stack(heads, axis=1)[kept].mean(), rel=1e-4)


@pytest.mark.long
def test_a_teacher_makes_up_for_labels_that_are_missing(tmp_path: Path) -> None:
    """A student that hears only one modality, with a label for one record in twenty."""
    random = np.random.default_rng(0)  # of its own: what other tests have drawn must not tell
    near = random.normal(size=(600, 8))
    labels = (near[:, :3] + 0.3 * near[:, 3:6] * near[:, 5:8]).argmax(axis=1)
    far = random.normal(size=(600, 8)) + 2 * np.eye(8)[labels]
    few = np.arange(0, 400, 20)
    most = np.where(np.isin(np.arange(400), few), labels[:400], -1)
    teacher = trained(table_spec(), table(near[:400], far[:400], labels[:400]), tmp_path / "teacher", epochs=20)
    new = table(near[400:], far[400:], labels[400:])
    found = []
    for name, records, settings in (
        ("alone", table(near[few], far[few], labels[few]), {"batch_size": 20, "epochs": 200}),
        (
            "taught",
            table(near[:400], far[:400], most),
            {"methods": [mmzoo.Method("distillation", teacher=str(teacher.folder), weight=0.9)]},
        ),
    ):
        run = trained(table_spec().subset(["near"]), records, tmp_path / name, **settings)
        found.append(run.evaluate(new)["subsets"]["near"]["accuracy"])
    assert found[1] > found[0] + 0.04, found


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    records = small_records(8)
    plain = small_spec(tasks=[mmzoo.Classification("animal", labels=("cat", "dog", "bird"))])
    with pytest.raises(MMZooError, match="set 'auxiliary' above 0"):
        mmzoo.Classification("kind", labels=LABELS, mutual=1.0)
    with pytest.raises(MMZooError, match="'teacher' of method 'distillation' must be a string"):
        mmzoo.Training(methods=[mmzoo.Method("distillation", teacher=3)])
    with pytest.raises(MMZooError, match="name its folder"):
        mmzoo.Training(methods=["distillation"])
    with pytest.raises(MMZooError, match="nowhere"):
        nowhere = mmzoo.Method("distillation", teacher=str(tmp_path / "nowhere"))
        trained(plain, records, tmp_path / "b", methods=[nowhere], batch_size=4, epochs=1)
