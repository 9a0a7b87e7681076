"""A run whose inputs find each other: evaluated, shown, exported, asked with words, and trained from a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.evaluation.compare import compare
from mmzoo.evaluation.zero_shot import zero_shot
from mmzoo.inference.agreement import agreement_of
from mmzoo.reports.report import table
from tests.conftest import LABELS, small_records, small_spec

ELSEWHERE = {"calibration", "confusion", "shapley", "noise", "uncertainty", "conformal"}
"""Analyses of answers, which a retrieval does not give."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """One that has learned, with a classification beside; only to be read."""
    spec = small_spec(tasks=[mmzoo.Retrieval("match", 8), mmzoo.Classification("animal", labels=LABELS)])
    training = mmzoo.Training(epochs=12, batch_size=30, learning_rate=3e-3, modality_dropout=0.0)
    out = tmp_path_factory.mktemp("run") / "run"
    return mmzoo.train(spec, words_of(small_records(90)), words_of(small_records(30, 1)), training=training, out=out)


def words_of(records: Records) -> Records:
    """With the animal alone for words, so that few of them are different."""
    return Records({**records.columns, "words": [f"the {name}" for name in records.column("animal")]}, records.ids)


@pytest.mark.slow
def test_an_evaluation_says_what_finds_what(run: mmzoo.Run) -> None:
    records = words_of(small_records(30, 2))
    records.columns["sound"][4] = None
    data = run.evaluate(records, validation=words_of(small_records(30, 1)))
    assert json.loads((run.folder / "metrics.json").read_text()) == json.loads(json.dumps(data))
    found = data["tasks"]["match"]
    rows = {(*each["asked"], each["key"]): each for each in found["directions"]}
    assert len(rows) == 6 + 3
    assert not found.keys() & ELSEWHERE

    vectors = run.embed(records)
    there = np.arange(30) != 4
    animals, words = np.array(records.column("animal")), np.array(records.column("words"))
    candidates = [f"the {name}" for name in LABELS]
    texts = np.stack([vectors["words"][np.flatnonzero(words == text)[0]] for text in candidates])
    best = (vectors["sound"][there] @ texts.T).argmax(axis=1)
    hits = np.array([candidates[k] for k in best]) == words[there]
    direction = rows["sound", "words"]
    assert (direction["queries"], direction["candidates"]) == (29, 3)
    assert direction["metrics"]["recall@1"] == pytest.approx(hits.mean())
    assert direction["chance"]["recall@1"] == pytest.approx(1 / 3)
    assert data["metrics"]["match_recall@1"] == pytest.approx(
        np.mean([rows[pair]["metrics"]["recall@1"] for pair in rows if len(pair) == 2]), abs=1e-5
    )
    together = vectors["words"][there] + vectors["sound"][there]
    scores = (together / np.linalg.norm(together, axis=1, keepdims=True)) @ vectors["picture"][there].T
    own = scores.argmax(axis=1) == np.arange(29)
    assert rows["words", "sound", "picture"]["metrics"]["recall@1"] == pytest.approx(own.mean(), abs=0.04)

    assert "better than chance" in found["verdict"] and "together" in found["verdict"]
    page = (run.folder / "report.html").read_text("utf-8")
    alone = {**found, "split": "test", "examples": 30, "metrics": data["metrics"], "subsets": data["subsets"]}
    said = table(alone)
    for start in ("picture -> sound, words  ", "picture+sound -> words  ", "every one -> every other  "):
        assert f"\n{start}" in said, said
    assert "What finds what" in page and "that of the first right one" in page and 'id="animal-task"' in page
    assert page.count('class="query"') == 8 * 3
    assert set(animals) <= {*LABELS}

    with pytest.raises(MMZooError, match="nothing to explain: ask animal"):
        run.explain({"words": "the cat"}, task="match")
    assert run.predict({"words": "the cat"})["match"] == pytest.approx(
        vectors["words"][words == "the cat"][0], abs=1e-5
    )


@pytest.mark.long
def test_what_is_not_for_retrieval_leaves_it_out(run: mmzoo.Run) -> None:
    records = words_of(small_records(30, 2))
    data = run.evaluate(records, validation=words_of(small_records(30, 1)), noise=True, mc_dropout=2)
    assert not data["tasks"]["match"].keys() & ELSEWHERE
    tables = compare([run, run], records).to_json()["tasks"]
    assert tables["match"]["runs"][1]["against_first"]["gain"] == 0
    (row,) = run.export("tflite", records)
    assert row["max_abs_diff"] < 1e-5 and row["tasks"]["match"]["metric_drop"] == 0


def test_words_tell_labels_that_nobody_taught(run: mmzoo.Run) -> None:
    records = words_of(small_records(30, 2))
    found = zero_shot(run.model, records, LABELS, templates=["the {}"])
    assert found.answers.keys() == {"picture", "sound"}
    vectors = run.embed(records, inputs=["picture"])["picture"]
    texts = run.embed([{"words": f"the {name}"} for name in LABELS], inputs=["words"])["words"]
    weights = agreement_of(run.model, run.spec.tasks[0], "words", "picture")
    told = texts @ weights
    told /= np.linalg.norm(told, axis=1, keepdims=True)
    wanted = [LABELS[k] for k in (vectors @ weights @ told.T).argmax(axis=1)]
    assert found.answers["picture"] == wanted
    right = np.array(wanted) == np.array(records.column("animal"))
    assert found.accuracy["picture"][0] == pytest.approx(right.mean()) and right.mean() > 0.6
    assert found.heads.keys() == {"animal"} and found.majority >= 1 / 3
    assert "trained head 'animal'" in found.text()
    untold = zero_shot(run.model, records, ["a plane", "a ship"])
    assert not untold.accuracy and "a plane" in untold.text()
    with pytest.raises(MMZooError, match="has none"):
        zero_shot(run.model, records, LABELS, templates=["a cat"])
    with pytest.raises(MMZooError, match="at least 2 labels"):
        zero_shot(run.model, records, ["cat"])
    with pytest.raises(MMZooError, match="given twice: 'cat'"):
        zero_shot(run.model, records, ["cat", "cat"])
    with pytest.raises(MMZooError, match="none of the labels"):
        zero_shot(run.model, records, ["cat", "dog"], truth="animal")


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.long
def test_a_table_needs_no_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random, rows = np.random.default_rng(0), ["picture,note,match"]
    for k in range(40):
        colour = random.integers(0, 255, 3)
        Image.new("RGB", (16, 16), tuple(int(c) for c in colour)).save(tmp_path / f"{k}.png")
        rows.append(f"{k}.png,a field of {' '.join(map(str, colour))},{k % 3}")
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    table, out = str(tmp_path / "t.csv"), str(tmp_path / "run")
    small = ["--set", "picture.tower=small_cnn", "--set", "note.tower=embedding_mean", "--inputs", "picture,note"]
    assert main(["train", table, "--task", "retrieval", "--out", out, "--epochs", "1", *small]) == 0
    said = capsys.readouterr().out
    assert "no label: retrieval (match_2)" in said and "What finds what" not in said and "mean_recall" in said
    run = mmzoo.Run(out)
    assert run.spec.tasks[0].directions == [("picture", "note"), ("note", "picture")]
    assert main(["evaluate", out, table]) == 0
    assert main(["zero-shot", out, table, "--labels", "a field of red,a field of blue"]) == 0
    assert "picture: a field of red" in capsys.readouterr().out
    moved = tmp_path / "moved"
    (tmp_path / "run").rename(moved)
    assert main(["evaluate", str(moved)]) == 2, "a table that a run of elsewhere names is not read unasked"
    assert main(["train", table, "--task", "retrieval", "--out", str(tmp_path / "b"), "--budget-minutes", "1"]) == 2
