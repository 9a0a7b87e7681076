"""Conflict, energy and dropout: what they are by definition, and that they point at what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.spatial.distance import mahalanobis as distance
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.evaluation.analyses.failure_detection import failure_detection, ood_records
from mmzoo.evaluation.evaluate import evaluate
from mmzoo.evaluation.uncertainty import auroc, conflict, energy, ensemble, mahalanobis, mc_dropout
from tests.conftest import LABELS, small_records, small_spec

SPLITS = ("train", "train", "validation", "test")
SMALL = ("--set", "words.tower=embedding_mean")
TASK = mmzoo.Classification("group", labels=list("abc"))


def test_conflict_against_scipy() -> None:
    random = np.random.default_rng(0)
    answers = [random.dirichlet(np.ones(3), 20) for _ in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    wanted = np.mean([jensenshannon(answers[a], answers[b], base=2, axis=1) ** 2 for a, b in pairs], axis=0)
    np.testing.assert_allclose(conflict(TASK, answers), wanted, atol=1e-9)
    here = np.tile([True, True, False], (20, 1))
    np.testing.assert_allclose(conflict(TASK, answers, here), conflict(TASK, answers[:2]))
    sure = [np.eye(3)[[0, 0]], np.eye(3)[[0, 1]]]
    np.testing.assert_allclose(conflict(TASK, sure), [0, 1], atol=1e-9)
    assert conflict(TASK, answers[:1]).tolist() == [0] * 20
    numbers = [np.array([[1.0], [2.0]]), np.array([[1.0], [5.0]])]
    assert conflict(mmzoo.Regression("size"), numbers).tolist() == [0, 3]
    many = conflict(mmzoo.MultiLabel("tags", labels=list("ab")), [np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])])
    np.testing.assert_allclose(many, [0.5], atol=1e-9)


def test_energy_against_scipy() -> None:
    logits = np.random.default_rng(0).normal(0, 50, (10, 4))
    np.testing.assert_allclose(energy(logits), -logsumexp(logits, axis=1))
    np.testing.assert_allclose(energy(logits, exclusive=False), -np.logaddexp(0, logits).sum(axis=1))


def test_pairs_in_the_right_order() -> None:
    assert auroc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert auroc(np.array([]), np.array([1.0])) is None


@pytest.fixture(scope="module")
def trained(learned_run: mmzoo.Run) -> keras.Model:
    return learned_run.model


@pytest.mark.long
def test_strange_records_have_more_energy(trained: keras.Model) -> None:
    """Black pictures, words never seen and noise, against records like those learned."""
    random = np.random.default_rng(0)
    others = Records(
        {
            "picture": [np.zeros((32, 32, 3), np.uint8)] * 20,
            "words": ["zzz qqq"] * 20,
            "sound": [random.normal(0, 0.3, 4000).astype(np.float32) for _ in range(20)],
            "animal": [LABELS[0]] * 20,
        }
    )
    near = small_records(40, 3)
    found = failure_detection(trained, near, ood=others, training=small_records(60), draws=5, others=[trained])[
        "animal"
    ]
    assert found["ood_records"] == 20
    shares = {name: each["ood"] for name, each in found["scores"].items()}
    assert shares.keys() == {"probability", "energy", "mc_dropout", "ensemble", "mahalanobis"}
    assert shares["energy"] is not None
    assert shares["energy"] > 0.8
    assert shares["mahalanobis"] is not None
    assert shares["mahalanobis"] > 0.9
    assert shares["ensemble"] == pytest.approx(0.5, abs=1e-9), "a model never disagrees with itself"
    assert found["averaged"]["ensemble"]["score"] == evaluate(trained, near).to_json()["metrics"]["accuracy"]
    plain = failure_detection(trained, near)["animal"]
    assert {each["ood"] for each in plain["scores"].values()} == {None}
    assert plain["averaged"] == {}


def test_what_the_strange_lack_tells_nothing(trained: keras.Model) -> None:
    """Records like those learned, but of one input only, are held against the same input of the others."""
    near, same = small_records(60, 3), small_records(60, 8)
    columns = {"picture": same.column("picture"), "words": [None] * 60, "sound": [None] * 60}
    shares = failure_detection(trained, near, ood=Records(columns))["animal"]["scores"]
    assert shares["energy"]["ood"] == pytest.approx(0.5, abs=0.2)


def test_mistakes_are_told_by_doubt() -> None:
    """The AUROC of an answer's probability is scikit-learn's."""
    keras.utils.set_random_seed(1)
    model, records = mmzoo.build(small_spec()), small_records(60)
    answers = np.array([list(mmzoo.predict(model, row_of(records, k))["animal"].values()) for k in range(60)])
    wrong = answers.argmax(axis=1) != [LABELS.index(name) for name in records.column("animal")]
    found = failure_detection(model, records)["animal"]["scores"]["probability"]["mistakes"]
    assert found == pytest.approx(roc_auc_score(wrong, -answers.max(axis=1)), abs=1e-3)


def row_of(records: Records, row: int) -> dict[str, Any]:
    return {name: records.column(name)[row] for name in ("picture", "words", "sound")}


@pytest.mark.long
def test_from_a_table_and_from_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`mmzoo evaluate RUN --mc-dropout --ensemble --ood`, from files; and what cannot be is said."""
    rows = [f"the {LABELS[k % 3]} number {k},{LABELS[k % 3]},{SPLITS[k % 4]}" for k in range(48)]
    rows = ["Words,Animal,split", *rows]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    (tmp_path / "strange.csv").write_text("\n".join(["words", *(f"zzz qqq {k} vvv" for k in range(12))]))
    (tmp_path / "other.csv").write_text("name\nx\ny\n")
    learn = [
        "train",
        str(tmp_path / "table.csv"),
        "--label",
        "Animal",
        "--epochs",
        "2",
        "--set",
        "training.batch_size=8",
    ]
    for seed in ("0", "1"):
        assert main([*learn, "--seed", seed, "--out", str(tmp_path / seed)]) == 0
    asked = ["evaluate", str(tmp_path / "0"), "--mc-dropout", "3", "--ensemble", str(tmp_path / "1"), "--ood"]
    assert main([*asked, str(tmp_path / "strange.csv")]) == 0
    found = json.loads((tmp_path / "0" / "metrics.json").read_text())["uncertainty"]
    assert found["ood_records"] == 12
    assert all(0 <= each["ood"] <= 1 for each in found["scores"].values())
    assert {*found["averaged"]} == {"mc_dropout", "ensemble"}
    page = (tmp_path / "0" / "report.html").read_text("utf-8")
    assert "distance from what was learned" in page
    assert "The mean of the ensemble" in page
    capsys.readouterr()
    assert main([*asked, str(tmp_path / "other.csv")]) == 2
    assert "has one of the inputs words" in capsys.readouterr().err


def test_strangers_of_a_data_set() -> None:
    spec = mmzoo.Spec([mmzoo.Image("image", size=32, tower="small_cnn")], "concat", [mmzoo.Binary("sick")])
    found = ood_records(spec, "emoji")
    assert len(found) == 328
    assert found.columns.keys() == {"image"}


def test_mahalanobis_against_scipy() -> None:
    """With many records the shrunk covariance is the plain one."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 4000) * 2
    learned = random.normal(size=(4000, 4)) * [1, 1.2, 0.8, 1] + labels[:, None] * 3
    judged = random.normal(size=(20, 4)) * 5
    means = [learned[labels == label].mean(axis=0) for label in (0, 2, 4)]
    centred = np.concatenate([learned[labels == label] - mean for label, mean in zip((0, 2, 4), means, strict=True)])
    inverse = np.linalg.inv(centred.T @ centred / len(centred))
    wanted = [min(distance(each, mean, inverse) ** 2 for mean in means) for each in judged]
    np.testing.assert_allclose(mahalanobis(learned, labels, judged), wanted, rtol=0.05)


def test_dropout_at_work(trained: keras.Model) -> None:
    records = small_records(12, 4)
    found = mc_dropout(trained, records, draws=30)["animal"]
    plain = mmzoo.predict(trained, {name: records.column(name)[0] for name in ("picture", "words", "sound")})
    assert found["mean"].shape == (12, 3)
    assert found["mean"][0].argmax() == np.argmax(list(plain["animal"].values()))
    assert (found["deviation"].max(axis=1) > 0).all()
    assert (found["information"] >= -1e-9).all()
    again = mc_dropout(trained, records, draws=30)["animal"]
    np.testing.assert_array_equal(found["mean"], again["mean"])


def test_an_ensemble_is_the_mean(trained: keras.Model) -> None:
    records = small_records(5)
    alone, twice = (ensemble([trained] * count, records)["animal"] for count in (1, 2))
    np.testing.assert_allclose(alone["mean"], twice["mean"], atol=1e-7)
    assert alone["deviation"].max() == 0
    other = mmzoo.build(small_spec())
    assert ensemble([trained, other], records)["animal"]["deviation"].max() > 0
