"""Labels keep the text that they are written with; what they ask is decided, said, and can be overruled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import mmzoo
from mmzoo.data.guess import load_table
from mmzoo.data.schema.options import Options, TableName, told_kinds
from mmzoo.data.shards.folder import write_shards
from mmzoo.data.tables.labels import label_task
from mmzoo.datasets import open_source
from mmzoo.errors import DataError, MMZooError
from mmzoo.tasks import tasks

MANY = 60


def asked(
    labels: list[Any], how: str = "csv", folder: Path | None = None, **options: Any
) -> tuple[Any, list[Any], str]:
    rows = [{"x": f"text number {k}", "y": label} for k, label in enumerate(labels)]
    kinds = {"y": options.pop("kind")} if "kind" in options else None
    if how == "frame":
        return label_task("y", mmzoo.read_table(pandas.DataFrame(rows), kinds=kinds), "y", **options)
    assert folder
    path = folder / f"t.{how}"
    lines = ["x,y", *(f"{row['x']},{row['y']}" for row in rows)] if how == "csv" else map(json.dumps, rows)
    path.write_text("\n".join(lines), "utf-8")
    return label_task("y", mmzoo.read_table(path, kinds=kinds), "y", **options)


@pytest.mark.parametrize(
    ("labels", "kind", "names"),
    [
        (["01234", "1234", "02345"] * 10, "classification", ("01234", "1234", "02345")),
        (["1_0", "10"] * 10, "binary", ("10", "1_0")),
        (["0x1", "1"] * 10, "binary", ("1", "0x1")),
        (["1.0", "1"] * 10, "binary", ("1", "1.0")),
        (["yes", "no"] * 10, "binary", ("no", "yes")),
        (["True", "False"] * 10, "binary", ("False", "True")),
        ([str(k % 25) for k in range(500)], "classification", tuple(map(str, range(25)))),
        ([str(k % 3) for k in range(30)], "classification", ("0", "1", "2")),
        ([f"{k}" for k in range(20)], "regression", ()),
        ([f"{k % 25}" for k in range(50)], "regression", ()),
        ([f"{k % 9}.5" for k in range(90)], "regression", ()),
        ([f"{k % 40 + 100}" for k in range(800)], "classification", tuple(str(k + 100) for k in range(40))),
        (["cat.png", "dog.png"] * 10, "binary", ("cat.png", "dog.png")),
        ([" a", "a ", "b"] * 10, "binary", ("a", "b")),
    ],
)
def test_what_a_label_asks(tmp_path: Path, labels: list[str], kind: str, names: tuple[str, ...]) -> None:
    task, answers, said = asked(labels, "csv", tmp_path)
    assert (task.kind, tuple(task.describe()["labels"])) == (kind, names)
    if names:
        assert answers == [label.strip() for label in labels]
    assert said


@pytest.mark.parametrize("values", [[True, False] * 10, [0, 1] * 10, [1.0, 2.0] * 10, ["01", "1"] * 10])
def test_every_source_gives_the_same_labels(tmp_path: Path, values: list[Any]) -> None:
    wanted = [str(int(value)) if isinstance(value, float) else str(value) for value in values]
    for how in ("jsonl", "frame"):
        task, answers, _ = asked(values, how, tmp_path)
        assert answers == wanted
        assert sorted(task.labels) == sorted(set(wanted))


def test_numbers_with_gaps_are_still_whole() -> None:
    frame = pandas.DataFrame({"x": [f"text {k}" for k in range(21)], "y": [1, 2, None] * 7})
    task, answers, _ = label_task("y", mmzoo.read_table(frame), "y")
    assert task.labels == ("1", "2")
    assert answers[:3] == ["1", "2", None]


@pytest.mark.parametrize("made", [list, tuple, np.array, set])
def test_lists_are_several_labels(made: Any) -> None:
    task, answers, _ = asked([made(["b", "a"]), made(["c"])] * 5, "frame")
    assert (task.kind, task.labels) == ("multi_label", ("a", "b", "c"))
    assert answers[0] == ["a", "b"]


def test_a_delimiter(tmp_path: Path) -> None:
    labels = ["a; b", "b", "", "None;a"] * 5
    task, answers, _ = asked(labels, "csv", tmp_path, delimiter=";")
    assert (task.kind, task.labels) == ("multi_label", ("None", "a", "b"))
    assert answers[:3] == [["a", "b"], ["b"], None]
    assert asked(labels, "csv", tmp_path, kind="category")[0].labels == ("None;a", "a; b", "b")


def test_words_for_nothing_are_labels_only_if_told(tmp_path: Path) -> None:
    labels = ["None", "rust", "scab"] * 20
    task, answers, _ = asked(labels, "csv", tmp_path)
    assert task.labels == ("rust", "scab")
    assert isinstance(answers[0], DataError)
    assert answers[0].cause == "missing_label"
    assert "'None', a usual word for nothing" in str(answers[0])
    for options in ({"kind": "category"}, {"task": "classification"}):
        assert asked(labels, "csv", tmp_path, **options)[0].labels == ("None", "rust", "scab")
    with pytest.raises(MMZooError, match=r"usual word for nothing.*--kind y=category"):
        asked(["NA", "spam"] * 20, "csv", tmp_path)


@pytest.mark.parametrize("odd", ["abc", "inf", "nan", "1e999", "1_0", "-"])
@pytest.mark.parametrize("numbers", [[f"{k}.5" for k in range(MANY)], [str(k % 3) for k in range(MANY)]])
def test_an_odd_label_among_numbers(tmp_path: Path, odd: str, numbers: list[str]) -> None:
    task, answers, _ = asked([*numbers[:7], odd, *numbers[8:]], "csv", tmp_path)
    assert task.kind == ("regression" if "." in numbers[0] else "classification")
    if odd in ("nan", "-"):  # no number is meant by that
        assert [k for k, answer in enumerate(answers) if answer is None] == [7]
        return
    assert [k for k, answer in enumerate(answers) if isinstance(answer, DataError)] == [7]
    assert "line 9" in str(answers[7])
    assert answers[7].cause == "bad_label"


@pytest.mark.parametrize(
    ("labels", "options", "kind"),
    [
        ([str(k % 3) for k in range(30)], {"task": "regression"}, "regression"),
        ([str(k % 3) for k in range(30)], {"kind": "number"}, "regression"),
        ([f"{k % 10}.5" for k in range(30)], {"task": "classification"}, "classification"),
        ([f"{k % 10}.5" for k in range(30)], {"kind": "category"}, "classification"),
        (["a", "b"] * 10, {"task": "classification"}, "classification"),
        (["10 high", "2 low"] * 10, {"task": "ordinal"}, "ordinal"),
        (["10", "2", "1"] * 10, {"task": "ordinal"}, "ordinal"),
    ],
)
def test_overruled(tmp_path: Path, labels: list[str], options: dict[str, str], kind: str) -> None:
    task, _, _ = asked(labels, "csv", tmp_path, **options)
    assert task.kind == kind
    if kind == "ordinal":
        numbers = [int(label.split()[0]) for label in task.labels]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (["a", "b", "c"] * 5, {"task": "binary"}, "two values, but 'y' has 3"),
        (["ripe", "odd"] * 5, {"task": "ordinal"}, "begin each with a number"),
        (["a", "b"] * 5, {"task": "clasification"}, "Did you mean 'classification'"),
        (["a", "b"] * 5, {"task": "binary", "delimiter": ";"}, "--delimiter is for"),
        (["a", "b"] * 5, {"task": "regression"}, "where a number should be"),
        (["a"] * 5, {}, "two different values"),
        ([""] * 5, {}, "two different values"),
        ([f"name {k}" for k in range(9)], {}, "9 different values in 9 records"),
    ],
)
def test_wrong_questions(tmp_path: Path, labels: list[str], options: dict[str, str], words: str) -> None:
    with pytest.raises(MMZooError, match=words):
        _, answers, _ = asked(labels, "csv", tmp_path, **options)
        raise next(answer for answer in answers if isinstance(answer, DataError))


def test_a_task_that_no_column_answers_takes_no_label(tmp_path: Path) -> None:
    alone = {name for name in tasks.names() if tasks[name].target in ("batch", "input")}
    assert alone == set(tasks.names(label="")) >= {"retrieval", "reconstruction"}
    for name in alone:
        with pytest.raises(MMZooError, match=f"'{name}' is answered by no column; leave out the label 'y'"):
            asked(["a", "b"] * 5, "csv", tmp_path, task=name)
        with pytest.raises(MMZooError, match="train it without a budget of time"):
            mmzoo.fit(tmp_path / "t.csv", task=name, out=tmp_path / "out")
    with pytest.raises(MMZooError, match="Did you mean 'retrieval'"):
        mmzoo.fit(tmp_path / "t.csv", task="retreival")


def test_shards_keep_the_labels(tmp_path: Path) -> None:
    lines = [f"text number {k},{['007', '7', 'None'][k % 3]}" for k in range(60)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(lines))
    name = f"{tmp_path / 't.csv'}#y?kind.y=category"
    write_shards(open_source(name), tmp_path / "shards")
    spec, parts = load_table(tmp_path / "shards", "y")
    wanted, table = load_table(name)
    assert spec.tasks == wanted.tasks
    assert spec.tasks[0].labels == ("007", "7", "None")
    assert [part.column("y") for part in parts] == [part.column("y") for part in table]


NAMES = [
    TableName("a/t.csv", "species"),
    TableName("t.csv", "spam?", Options({"zip=code": "category", "文章": "text"}, root="/a b/&?#", allow_outside=True)),
    TableName("t.csv", "# of rooms", Options(task="ordinal", delimiter=";", encoding="cp1252", sheet="Data & more")),
    TableName("t.csv", "is it? root=1", Options(kinds={"a.b": "ignore"})),
    TableName("t.csv", "y", Options({"x": "number:,€"}, group="who?&", stratify=False, split_seed=7)),
    TableName("tfds:mnist", "label"),
    TableName("shards", "why?"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_how_a_table_is_read(name: TableName) -> None:
    assert TableName.parse(str(name)) == name


def test_names(tmp_path: Path) -> None:
    (tmp_path / "run#3").mkdir()
    (tmp_path / "run#3" / "t.csv").write_text("x,y\n")
    assert TableName.parse(f"{tmp_path}/run#3/t.csv#y").path == f"{tmp_path}/run#3/t.csv"
    assert TableName.parse("t.csv") == TableName("t.csv")
    both = Options({"a": "text"}, root="x").updated(Options({"b": "text"}, root="y"))
    assert both == Options({"a": "text", "b": "text"}, root="y")
    assert told_kinds(["a=b=text"]) == {"a=b": "text"}
    for wrong in ("a", "=text", "a=txt"):
        with pytest.raises(MMZooError):
            told_kinds([wrong])
