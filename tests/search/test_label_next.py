"""The records that are worth a label: those between the classes, no two alike, more than a random choice is worth."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.few_labels.choosing import label_next, spread, uncertainty, vectors_of
from tests.conftest import LABELS, small_records, small_spec


@pytest.fixture(scope="module")
def run(learned_run: mmzoo.Run) -> mmzoo.Run:
    return learned_run


def with_doubts(count: int = 60, doubts: int = 8) -> Records:
    """Records of which the last ones show one class, name another and sound like the third."""
    found = small_records(count, 7)
    for row in range(count - doubts, count):
        near = [k for k in range(20) if found.columns["animal"][k] != found.columns["animal"][row]]
        found.columns["picture"][row] = found.columns["picture"][near[row % len(near)]]
        found.columns["words"][row] = f"the {found.columns['animal'][near[(3 * row) % len(near)]]} number {row}"
    return Records({name: found.columns[name] for name in ("picture", "words", "sound")}, found.ids)


@pytest.mark.parametrize("by", ["entropy", "bald"])
def test_what_the_inputs_disagree_about_is_worth_a_label(run: mmzoo.Run, by: str) -> None:
    records = with_doubts()
    chosen = label_next(run, records, 8, by=by)
    assert (len(chosen.rows), chosen.looked_at) == (8, 60)
    ids = [row["id"] for row in chosen.rows]
    assert len({*ids}) == 8
    assert len({*ids} & {*records.ids[52:]}) >= 5  # 1 by chance
    assert chosen.columns[-3:] == ["animal_confidence", by, "inputs"]
    assert all(row["animal"] is None and row[by] >= 0 for row in chosen.rows)
    if by == "entropy":
        answers = np.array([[row[f"animal_p_{label}"] for label in LABELS] for row in run.predict(records)])
        entropies = -(answers * np.log2(np.maximum(answers, 1e-12))).sum(axis=1)
        surest = label_next(run, records, 5, diverse=False)
        assert [row["id"] for row in surest.rows] == [records.ids[k] for k in np.argsort(-entropies)[:5]]
        np.testing.assert_allclose([row[by] for row in surest.rows], np.sort(entropies)[::-1][:5], atol=1e-3)


def test_a_table_and_a_page(run: mmzoo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("mmzoo.answers.pieces.MOST", 16)
    monkeypatch.setattr("mmzoo.few_labels.choosing.LEAST", 4)
    monkeypatch.setattr("mmzoo.few_labels.choosing.POOL", 2)
    table, out, html = tmp_path / "new.csv", tmp_path / "next.csv", tmp_path / "next.html"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "words", "animal", "by"])
        for k in range(50):
            words = f"the {LABELS[k % 3]} <b> {k}"
            writer.writerow([f"r{k}", words, "dog" if k % 10 == 4 else "", "me"])
    command = ["label-next", str(run.folder), str(table), "--out", str(out), "--html", str(html), "--count", "5"]
    assert main(command) == 0
    assert f"{out} and {html}: 5 of 45 records without a label" in capsys.readouterr().out
    with open(out, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("id", "words", "by", "animal"),
        *(f"animal_{x}" for x in ("prediction", "confidence")),
        "entropy",
        "inputs",
    ]
    assert {row["by"] for row in rows} == {"me"}
    found = [row for row in run.predict(table) if int(row["id"][1:]) % 10 != 4]
    answers = np.array([[row[f"animal_p_{label}"] for label in LABELS] for row in found])
    entropies = -(answers * np.log2(np.maximum(answers, 1e-12))).sum(axis=1)
    assert rows[0]["id"] == found[int(np.argmax(entropies))]["id"], "the least certain comes first"
    text = html.read_text("utf-8")
    assert rows[0]["words"].replace("<b>", "&lt;b&gt;") in text and "<script" not in text
    said = rows[0]["animal_prediction"]  # in Hebrew it would turn around what stands beside it
    assert f"it says <bdi>{said}</bdi>, " in text and f'dir="auto">{rows[0]["words"][:5]}' in text
    assert "it is least sure of (the entropy of its answer, in bits), and which differ most" in text
    assert main([*command, "--overwrite", "--no-diverse", "--by", "bald"]) == 0
    text = html.read_text("utf-8")
    assert "disagree most on (BALD, in bits)." in text and "differ most" not in text
    assert main(command) == 2
    assert "is there already; give --overwrite" in capsys.readouterr().err
    rows_in = [{"words": f"the {label}", "animal": label} for label in LABELS]
    with pytest.raises(MMZooError, match="Every record has a label in column 'animal' already"):
        label_next(run, rows_in)
    with pytest.raises(MMZooError, match="none of the columns that the model reads"):
        label_next(run, [{"other": 1}])
    with pytest.raises(MMZooError, match="task with classes called 'animals'"):
        label_next(run, rows_in, task="animals")
    with pytest.raises(MMZooError, match="The count of records"):
        label_next(run, rows_in, 0)


def test_a_run_without_classes_and_one_of_joined_answers() -> None:
    class Fake:
        spec = small_spec(tasks=[mmzoo.Regression("size")])

    with pytest.raises(MMZooError, match="no task with classes"):
        label_next(Fake(), [])  # type: ignore[arg-type]

    class Joins:
        model = mmzoo.build(small_spec("decision_mean").subset(["words"]))

    assert vectors_of(Joins(), small_records(3)).shape == (3, 16)  # type: ignore[arg-type]


def test_no_two_are_alike() -> None:
    """Two clusters of equal doubt: one is not taken twice before the other."""
    vectors = np.array([[0.0, 0.0], [0.0, 0.1], [0.1, 0.0], [5.0, 5.0], [5.0, 5.1]])
    assert spread(np.array([1.0, 0.99, 0.98, 0.5, 0.4]), vectors, 2).tolist() == [0, 3]
    assert spread(np.ones(5), vectors, 9).shape == (5,)


@pytest.mark.long
def test_a_random_choice_does_worse() -> None:
    """A simulated loop: a rare class, 6 rounds of 4 labels, the mean of 10 seeds; the model is a logistic one."""
    from sklearn.linear_model import LogisticRegression

    task = mmzoo.Classification("kind", labels=["a", "b"])

    def loop(seed: int, choose: Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]) -> float:
        random = np.random.default_rng(seed)
        pool, asked = random.normal(size=(400, 2)), random.normal(size=(2000, 2))
        labels, wanted = (each @ [1.0, 0.5] > 1.2 for each in (pool, asked))
        known = [*np.flatnonzero(labels)[:2], *np.flatnonzero(~labels)[:2]]
        for _ in range(6):
            model = LogisticRegression(C=10).fit(pool[known], labels[known])
            rest = np.setdiff1d(np.arange(400), known)
            known += rest[choose(random, model.predict_proba(pool[rest]), pool[rest])].tolist()
        return float((LogisticRegression(C=10).fit(pool[known], labels[known]).predict(asked) == wanted).mean())

    ours = [loop(seed, lambda _, shares, vectors: spread(uncertainty(task, shares), vectors, 4)) for seed in range(10)]
    theirs = [loop(seed, lambda random, shares, _: random.permutation(len(shares))[:4]) for seed in range(10)]
    assert 1 - np.mean(ours) < 0.75 * (1 - np.mean(theirs)), (np.mean(ours), np.mean(theirs))
