"""The vectors of any model: of single inputs and of all together, as a table of them, and learnt from elsewhere."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.answers.written.part import PartFile
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.inference.embed import embed
from tests.conftest import LABELS, small_records, small_spec


@pytest.fixture(scope="module")
def run(learned_run: mmzoo.Run) -> mmzoo.Run:
    return learned_run


@pytest.fixture(scope="module")
def records() -> Records:
    """Records of which some lack some inputs, and one is silent."""
    found = small_records(40, 3)
    for name, rows in {"picture": (0, 1, 2), "words": (1, 3), "sound": (2, 4)}.items():
        for row in rows:
            found.columns[name][row] = None
    found.columns["sound"][5] = np.zeros(4000, np.float32)
    return found


def test_vectors_are_what_the_fusion_and_the_heads_read(run: mmzoo.Run, records: Records) -> None:
    found = run.embed(records)
    assert list(found) == ["picture", "words", "sound", "fused"]
    assert {name: (each.shape[0], each.dtype) for name, each in found.items()} == dict.fromkeys(found, (40, np.float32))
    lacking = {name: np.flatnonzero(np.isnan(each).any(axis=1)).tolist() for name, each in found.items()}
    assert lacking == {"picture": [0, 1, 2], "words": [1, 3], "sound": [2, 4, 5], "fused": []}
    # The head by hand: the task's logits are linear in what it reads.
    dense = next(layer for layer in run.model.parts.heads["animal"].fused[0].layers if layer.weights)
    logits = found["fused"] @ np.asarray(dense.kernel) + np.asarray(dense.bias)
    heads = run.model.parts.heads["animal"]
    said = run.model.parts.cut(run.model.input, run.model.parts.output(heads.uncalibrated))
    inputs = mmzoo.data.records.decode(run.spec, records)
    np.testing.assert_allclose(logits, said(inputs), atol=1e-4)
    # The mean over the words that are there, of the tokens as the fusion takes them.
    tokens = run.model.parts.cut(run.model.input, list(run.model.parts.tokens("words")))
    values, mask = (np.asarray(each) for each in tokens(inputs))
    wanted = [each[there].mean(axis=0) for each, there in zip(values[6:], mask[6:].astype(bool), strict=True)]
    np.testing.assert_allclose(found["words"][6:], wanted, atol=1e-5)
    some = run.embed(records, inputs=["sound"])
    np.testing.assert_allclose(some["sound"], found["sound"], atol=1e-5)
    one = run.embed({"words": "the dog"})
    assert list(one) == ["words", "fused"]


def test_a_fusion_of_answers_has_the_vectors_of_inputs_alone() -> None:
    model = mmzoo.build(small_spec("decision_mean"))
    assert list(embed(model, small_records(3))) == ["picture", "words", "sound"]
    with pytest.raises(MMZooError, match="'decision_mean' joins answers and makes no vector of all inputs"):
        embed(model, small_records(3), inputs=["fused"])
    with pytest.raises(MMZooError, match=r"input with vectors called 'picure'.*Did you mean 'picture'"):
        embed(model, small_records(3), inputs=["picure"])
    with pytest.raises(MMZooError, match="have none of the inputs that"):
        embed(model, Records({"other": [1]}))
    with pytest.raises(MMZooError, match="not be 'present' or 'fusion' or 'fused'"):
        mmzoo.Text("fused")
    both = mmzoo.build(small_spec(tasks=[mmzoo.Retrieval("match", 8), mmzoo.Classification("animal", labels=LABELS)]))
    found = embed(both, small_records(3))
    np.testing.assert_allclose(np.linalg.norm(found["words"], axis=1), 1, rtol=1e-5)
    assert (list(found), found["words"].shape) == (["picture", "words", "sound"], (3, 8))
    alone = mmzoo.build(small_spec(tasks=[mmzoo.Retrieval("match", 8)]))
    with pytest.raises(MMZooError, match=r"none of all together, which 'match' \(retrieval\) does not.*leave 'fused'"):
        embed(alone, small_records(3), inputs=["fused"])
    assert embed(both, small_records(3), inputs=["fused"])["fused"].shape[0] == 3


def write_table(path: Path, count: int) -> Path:
    """Words and labels of `small_spec`, some of them missing."""
    rows = small_records(count, 5)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "words", "animal", "note"])
        for k, (name, row) in enumerate(zip(rows.ids, rows, strict=True)):
            writer.writerow([name, row["words"], row["animal"], "=1+1" if k % 2 else ""])
    return path


@pytest.mark.long
def test_vectors_as_files(run: mmzoo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("mmzoo.answers.pieces.MOST", 16)
    table = write_table(tmp_path / "new.csv", 50)
    wanted = run.embed(table)
    command = ["embed", str(run.folder), str(table), "--columns", "animal,note", "--inputs", "words,fused", "--out"]
    assert main([*command, str(tmp_path / "vectors.npz")]) == 0
    for ending in (".csv", ".jsonl", ".parquet"):
        out = tmp_path / f"vectors{ending}"
        run.write_vectors(table, out, inputs=["words", "fused"], columns=["animal", "note"])
    assert "vectors.npz: 50 records in" in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "vectors.jsonl").read_text("utf-8").splitlines()]
    assert list(lines[0]) == ["id", "animal", "note", "words", "fused", "inputs", "error"]
    with np.load(tmp_path / "vectors.npz") as arrays:  # which refuses what is pickled
        kept = dict(arrays)
    assert {"error"} == {*lines[0]} - {*kept}, "a column without anything is left out"
    assert kept["animal"].tolist() == [line["animal"] for line in lines]
    assert kept["note"].tolist()[:2] == ["", "=1+1"]
    with open(tmp_path / "vectors.csv", newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    parquet = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "vectors.parquet").to_pydict()
    for name in ("words", "fused"):
        width = wanted[name].shape[1]
        for found in (
            np.array([line[name] for line in lines], np.float32),
            kept[name],
            np.array([[row[f"{name}_{k + 1}"] for k in range(width)] for row in cells], np.float32),
            np.array(parquet[name], np.float32),
        ):
            np.testing.assert_allclose(found, wanted[name], rtol=1e-4, atol=1e-5)
    assert kept["words"].dtype == np.float32
    assert main([*command, str(tmp_path / "vectors.csv")]) == 2
    assert "is there already; give --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".npz", ".csv"])
def test_what_was_begun_is_gone_on_with(
    run: mmzoo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr("mmzoo.answers.pieces.MOST", 16)
    table = write_table(tmp_path / "new.csv", 50)
    lines = table.read_text("utf-8").splitlines()
    lines[21] = "record-20,,cat,"
    table.write_text("\n".join(lines), "utf-8")
    whole, out = tmp_path / f"whole{ending}", tmp_path / f"vectors{ending}"
    how: dict[str, Any] = {"columns": ("animal",), "on_error": "skip", "budget": 0.1}
    run.write_vectors(table, whole, **how)
    append = PartFile.append

    def interrupted(self: PartFile, rows: Any, tally: Any) -> None:
        append(self, rows, tally)
        if len(self.tallies) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PartFile, "append", interrupted)
        run.write_vectors(table, out, **how)
    with pytest.raises(MMZooError, match="unfinished answers of another table, model or other options"):
        run.write_vectors(table, out, inputs=["words"], **how)
    done = run.write_vectors(table, out, **how)
    assert (done.records, done.kept) == (50, 32)
    assert out.read_bytes() == whole.read_bytes()


def test_an_svm_learns_from_them(run: mmzoo.Run, tmp_path: Path) -> None:
    """The example of the documentation."""
    table, vectors = write_table(tmp_path / "new.csv", 60), tmp_path / "vectors.parquet"
    run.write_vectors(table, vectors, columns=["animal"])

    pandas, svm = pytest.importorskip("pandas"), pytest.importorskip("sklearn.svm")
    pytest.importorskip("pyarrow")
    frame = pandas.read_parquet(vectors)
    model = svm.SVC().fit(np.stack(frame["fused"][:40]), frame["animal"][:40])
    assert model.score(np.stack(frame["fused"][40:]), frame["animal"][40:]) > 0.9
