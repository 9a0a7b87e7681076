"""A task in a file of its own, which nothing else knows: it trains, is evaluated, reported, exported and explained."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import mmzoo
from mmzoo import lite
from mmzoo.cli import main
from mmzoo.commands.evaluate import show
from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import Records
from mmzoo.data.sources import open_table
from mmzoo.data.tables.labels import label_task
from mmzoo.evaluation.compare import compare
from mmzoo.labels import encode_labels
from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task
from tests.conftest import LABELS, small_records, small_spec

COUNT = '''
"""How many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmzoo.tasks import tasks
from mmzoo.tasks.base import Task


@tasks.register("count", label="number")
@dataclass(frozen=True)
class Count(Task):
    """A whole number from 0: the logarithm of a rate, whose likelihood is Poisson's; behind a hidden layer."""

    kind: ClassVar[str] = "count"
    primary_metric: ClassVar[str] = "within_one"
    metric_names: ClassVar[tuple[str, ...]] = ("within_one", "miss")
    score_name: ClassVar[str] = "miss"
    score_words: ClassVar[str] = "mean miss"
    greater_is_better: ClassVar[bool] = False

    @property
    def units(self) -> int:
        return 1

    def encode(self, value: Any) -> np.int32:
        return np.int32(value)

    def head(self, fused: Any, name: str) -> Any:
        import keras

        x = keras.layers.Dense(8, activation="gelu", name=f"{name}.hidden")(fused.embedding)
        return keras.layers.Dense(1, dtype="float32", name=f"{name}.logits")(x)

    def loss(self, labels: Any, logits: Any) -> Any:
        from keras import ops

        return ops.exp(logits[:, 0]) - ops.cast(labels, "float32") * logits[:, 0]

    def to_predictions(self, logits: Any) -> Any:
        from keras import ops

        return ops.exp(logits)

    def metrics(self, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        miss = np.abs(predictions[:, 0] - labels)
        return {"within_one": float((miss <= 1).mean()), "miss": float(miss.mean())}

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        return -np.abs(predictions[:, 0] - labels)
'''


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The class, registered for one test."""
    (tmp_path / "count_task.py").write_text(COUNT)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        yield importlib.import_module("count_task").Count
    finally:
        sys.modules.pop("count_task", None)
        for kept in (tasks._entries, tasks._facts):
            kept.pop("count", None)


def counted(records: Records) -> Records:
    """Records with how many there are of the animal, which is told by what it is; the first is not known."""
    many = [2 * LABELS.index(name) for name in records.column("animal")]
    return Records({**records.columns, "many": [None, *many[1:]]}, records.ids)


@pytest.mark.long
@pytest.mark.usefixtures("loaded_once")
def test_a_task_of_its_own(count: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a classification, with heads for the modalities too."""
    spec = small_spec(tasks=[mmzoo.Classification("animal", labels=LABELS), count("many", auxiliary=0.3)])
    spec = spec.subset(["picture", "words"])
    records, others = counted(small_records(24)), counted(small_records(12, 1))
    training = mmzoo.Training(epochs=2, batch_size=8, monitor="many_within_one")
    run = mmzoo.train(spec, records, others, training=training, out=tmp_path / "run")
    heads = run.model.parts.heads["many"]
    assert [layer.name for layer in heads.fused] == ["many.hidden", "many.logits"]
    assert {name: len(layers) for name, layers in heads.single.items()} == dict.fromkeys(spec.input_names, 2)
    assert run.model.parts.owner_of(run.model.get_layer("many.hidden")) == "many"
    assert run.model.parts.embedding is run.model.get_layer("many.hidden").input

    data = run.evaluate(records, validation=others, noise=True, mc_dropout=2)
    assert json.loads((run.folder / "metrics.json").read_text()) == json.loads(json.dumps(data))
    assert {"many_within_one", "many_miss", "animal_accuracy"} <= data["metrics"].keys()
    found = data["tasks"]["many"]
    assert "of mean miss" in found["verdict"] or "difference" in found["verdict"]
    assert found["intervals"]["picture"].keys() == {"many_miss"}
    assert found["noise"]["words"]["typos"]["metric"] == "miss"
    assert found["uncertainty"]["scores"].keys() == {"mc_dropout"}
    assert "no probabilities" in found["calibration"]["reason"]
    assert "neither with labels nor with numbers" in found["conformal"]["reason"]
    assert not found.keys() & {"confusion", "by_class", "residuals"}
    page = (run.folder / "report.html").read_text("utf-8")
    assert 'id="many-task"' in page and "The worst answers" in page
    assert (run.folder / "pictures" / "many-subsets.png").exists()
    show(run.results, data)
    said = capsys.readouterr().out
    assert "\nanimal: Fusion" in said and "\nmany: Fusion" in said

    explained = run.explain({"words": "the cat"}, task="many")
    assert explained.to_json()["answer"] == "number 1"
    assert explained.values["probability"][("words",)] == pytest.approx(np.exp(explained.values["logit"][("words",)]))
    assert main(["explain", str(run.folder), "--text", "the cat", "--png", str(tmp_path / "why.png")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"\nmany: \d+\.\d+\n", said) and "animal: " in said
    assert {path.name for path in tmp_path.glob("why*.png")} == {"why-animal.png", "why-many.png"}


@pytest.mark.long
def test_a_task_of_its_own_is_compared_and_exported(count: Any, tmp_path: Path) -> None:
    spec = small_spec(tasks=[mmzoo.Classification("animal", labels=LABELS), count("many", auxiliary=0.3)])
    records = counted(small_records(24))
    run = mmzoo.train(spec, records, training=mmzoo.Training(epochs=1, batch_size=8), out=tmp_path / "run")
    tables = compare([run, run], records).to_json()["tasks"]
    assert tables["many"]["runs"][1]["against_first"]["gain"] == 0
    (row,) = run.export("tflite", records)
    assert row["tasks"]["many"]["metric_name"] == "many_within_one"
    assert row["metric_drop"] == max(each["metric_drop"] for each in row["tasks"].values())
    assert row["max_abs_diff"] == max(each["max_abs_diff"] for each in row["tasks"].values()) <= 1e-5
    assert "many: differs by up to" in (run.folder / "export" / "report.html").read_text("utf-8")
    answer = lite.Model(run.folder / "export" / "model.tflite").predict({"words": "the cat"})
    assert answer["many"] == pytest.approx(run.predict({"words": "the cat"})["many"], abs=1e-4)


def test_a_column_of_its_own(count: Any, tmp_path: Path) -> None:
    """`--task count` takes amounts, because that is what it is registered for."""
    (tmp_path / "t.csv").write_text("note,much\n" + "".join(f"a note {k},{k}\n" for k in range(12)))
    made, labels, _ = label_task("much", open_table(str(tmp_path / "t.csv")), "much", task="count")
    assert isinstance(made, count)
    assert labels[:3] == [0.0, 1.0, 2.0]


@dataclass(frozen=True)
class Near(Task):
    """Which examples belong together: no column says it."""

    kind: ClassVar[str] = "near"
    target = "batch"
    group_columns = ("animal",)


@dataclass(frozen=True)
class Again(Task):
    """The text of an input, as the number of its words."""

    kind: ClassVar[str] = "again"
    target = "input"

    @property
    def column(self) -> str:
        return "words"

    def encode(self, value: Any) -> np.int32:
        return np.int32(len(value.split()))


def test_targets_that_are_no_columns_of_labels() -> None:
    """A task says what it is held against; records need no column of its name, and are not found to lack a label.

    Those of a batch are groups of records that are alike.
    """
    records = small_records(5)
    found = encode_labels([Near("pairs"), Again("length")], records)
    first = [records.column("animal").index(name) for name in records.column("animal")]
    assert found["pairs"].tolist() == [[row] for row in first]
    assert found["length"].tolist() == [4] * 5
    spec = small_spec(tasks=[Near("pairs"), Again("length")])
    assert usable(spec, records, Faults("skip"), "test").ids == records.ids
