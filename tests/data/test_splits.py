"""Records that hold the same are on one side, wherever their table lies and whatever their files are called."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.guess import load_named, load_table
from mmzoo.data.schema.options import Drawing, Options, TableName
from mmzoo.data.splits import contents
from mmzoo.data.splits.parts import SHARES, folds_of, parts_of
from mmzoo.errors import MMZooError

RANDOM = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixty pictures, all different."""
    home = tmp_path / "a"
    (home / "img").mkdir(parents=True)
    lines = ["photo,label"]
    for k in range(60):
        pixels = RANDOM.integers(0, 255, (4, 4, 3), dtype=np.uint8)
        Pillow.fromarray(pixels).save(home / "img" / f"{k}.png")
        lines.append(f"img/{k}.png,{'cat' if k % 2 else 'dog'}")
    (home / "t.csv").write_text("\n".join(lines) + "\n")
    return home


def sides(path: Path) -> dict[str, str]:
    """The side of each picture, by its bytes."""
    table = mmzoo.read_table(path)
    pictures = [Path(value).read_bytes().hex() for value in table.columns["photo"]]
    return dict(zip(pictures, parts_of(table, "label").tolist(), strict=True))


def test_a_table_that_was_moved_renamed_sorted_and_grown(folder: Path, tmp_path: Path) -> None:
    wanted = sides(folder / "t.csv")
    assert set(wanted.values()) == {"train", "validation", "test"}
    shutil.copytree(folder, tmp_path / "b")
    assert sides(tmp_path / "b" / "t.csv") == wanted
    lines = (folder / "t.csv").read_text().splitlines()
    for k in range(60):
        (tmp_path / "b" / "img" / f"{k}.png").rename(tmp_path / "b" / f"other-{k}.png")
    renamed = [line.replace("img/", "other-") for line in lines[:0:-1]]
    (tmp_path / "b" / "t.csv").write_text("\n".join(["photo,label", *renamed]))
    assert sides(tmp_path / "b" / "t.csv") == wanted
    (folder / "more.csv").write_text("\n".join(["n,photo,label", *(f"{k},{line}" for k, line in enumerate(lines[1:]))]))
    assert sides(folder / "more.csv") == wanted


def test_one_picture_under_many_names_is_on_one_side(folder: Path) -> None:
    for k in range(60):
        shutil.copy(folder / "img" / f"{k}.png", folder / f"copy-{k}.png")
    lines = (folder / "t.csv").read_text().splitlines()
    copies = [line.replace("img/", "copy-").replace("dog", "cow") for line in lines[1:]]
    (folder / "t.csv").write_text("\n".join([*lines, *copies]))
    parts = parts_of(mmzoo.read_table(folder / "t.csv"), "label")
    np.testing.assert_array_equal(parts[:60], parts[60:])


def test_pictures_in_memory_are_drawn_as_their_files_are(folder: Path) -> None:
    table = mmzoo.read_table(folder / "t.csv")
    data = [Path(path).read_bytes() for path in table.columns["photo"]]
    held = mmzoo.read_table({"other": data, "label": table.columns["label"]})
    np.testing.assert_array_equal(parts_of(held, "label"), parts_of(table, "label"))


def test_files_that_are_not_there_or_are_empty_have_nothing_in_common(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{k}.png,{'ab'[k % 2]}" for k in range(60)))
    before = parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y")
    assert len(set(before)) == 3
    for k in range(60):
        (tmp_path / f"{k}.png").touch()
    np.testing.assert_array_equal(parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y"), before)


def test_a_file_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    real = contents.open_plain
    monkeypatch.setattr(contents, "open_plain", lambda path: reads.append(path) or real(path))
    table = mmzoo.read_table(folder / "t.csv")
    first = parts_of(table, "label")
    np.testing.assert_array_equal(parts_of(mmzoo.read_table(folder / "t.csv"), "label"), first)
    assert len(reads) == 60


def test_all_records_the_same(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = ["photo,label", *(f"img/{k % 2}.png,{'ab'[k % 2]}" for k in range(40))]
    (folder / "t.csv").write_text("\n".join(lines))
    with pytest.raises(MMZooError, match="records that hold the same stay on one side; give more that differ"):
        load_table(folder / "t.csv", "label")


def people(count: int = 160) -> tuple[dict[str, list[object]], list[str]]:
    """Records of 16 people, of seven classes, of which the last are rare."""
    drawn = RANDOM.exponential(1.3, count)
    classes = ["abcdefg"[min(int(each), 6)] for each in drawn]
    return {"x": drawn.tolist(), "who": [f"p{k % 16}" for k in range(count)], "y": classes}, classes


def test_every_class_is_in_every_part_as_far_as_its_records_allow() -> None:
    counts = {"a": 100, "b": 20, "c": 5, "d": 4, "e": 3, "f": 2, "g": 1}
    classes = [name for name, count in counts.items() for _ in range(count)]
    parts = parts_of(mmzoo.read_table({"x": RANDOM.normal(size=135).tolist(), "y": classes}), "y", classes)
    found = {name: [int(np.sum((np.array(classes) == name) & (parts == part))) for part in SHARES] for name in counts}
    wanted = {"a": [70, 10, 20], "b": [14, 2, 4], "c": [3, 1, 1], "d": [2, 1, 1]}
    assert found == wanted | {"e": [2, 0, 1], "f": [1, 0, 1], "g": [1, 0, 0]}


def test_one_more_record_moves_one_at_most_and_another_seed_moves_many() -> None:
    columns, classes = people()
    before = parts_of(mmzoo.read_table(columns), "y", classes)
    more = {name: [*values, value] for (name, values), value in zip(columns.items(), (9.5, "p1", "a"), strict=True)}
    after = parts_of(mmzoo.read_table(more), "y", [*classes, "a"])
    assert np.sum(after[:-1] != before) <= 2  # one at each border of its class
    assert np.mean(parts_of(mmzoo.read_table(columns), "y", classes, Drawing(seed=1)) != before) > 0.2


def test_groups_are_on_one_side() -> None:
    columns, classes = people()
    table = mmzoo.read_table(columns)
    parts = parts_of(table, "y", classes, Drawing("who"))
    for name in {*columns["who"]}:
        assert len({part for part, who in zip(parts, columns["who"], strict=True) if who == name}) == 1
    sizes = [int(np.sum(parts == part)) for part in SHARES]
    np.testing.assert_allclose(sizes, [112, 16, 32], atol=10)  # a person has ten records
    few = mmzoo.read_table(columns | {"who": [f"p{k % 3}" for k in range(160)]})
    assert {*parts_of(few, "y", classes, Drawing("who"))} == {*SHARES}
    one = mmzoo.read_table(columns | {"who": ["p"] * 160})
    with pytest.raises(MMZooError, match="'who' has one group, so that there is nothing to keep apart; leave --group"):
        parts_of(one, "y", classes, Drawing("who"))
    with pytest.raises(MMZooError, match="Did you mean 'who'"):
        parts_of(table, "y", classes, Drawing("whom"))


@pytest.mark.parametrize("group", ["", "who"])
def test_folds(group: str) -> None:
    columns, classes = people()
    table, drawing = mmzoo.read_table(columns), Drawing(group)
    folds = np.array(folds_of(table, "y", 4, classes, drawing))
    np.testing.assert_array_equal(folds, folds_of(mmzoo.read_table(columns), "y", 4, classes, drawing))
    np.testing.assert_array_equal((folds == "test").sum(axis=0), 1)
    assert np.ptp((folds == "test").sum(axis=1)) <= (10 if group else 0)
    assert (folds != "").all()
    np.testing.assert_allclose((folds == "validation").sum(axis=1), 15, atol=6)  # an eighth of 120
    for each in folds:
        if group:
            assert len({*zip(each.tolist(), columns["who"], strict=True)}) == 16
        else:
            assert {*np.array(classes)[each == "train"]} >= {y for y in classes if classes.count(y) > 2}
    if not group:
        assert np.ptp((folds[:, np.array(classes) == "a"] == "test").sum(axis=1)) <= 1
    with pytest.raises(MMZooError, match=r"20 folds need 20 different groups|161 folds need 161 different records"):
        folds_of(table, "y", 20 if group else 161, classes, drawing)


def test_no_fold_has_what_the_table_says_is_for_the_test() -> None:
    columns, classes = people()
    told = ["test" if k % 4 == 0 else "validation" if k % 4 == 1 else "train" for k in range(160)]
    folds = np.array(folds_of(mmzoo.read_table(columns | {"split": told}), "y", 3, classes))
    assert (folds[:, ::4] == "").all()
    np.testing.assert_array_equal((folds == "test").sum(axis=0), [k % 4 > 0 for k in range(160)])
    with pytest.raises(MMZooError, match="that there are no folds"):
        folds_of(mmzoo.read_table(columns | {"split": ["test"] * 160}), "y", 3, classes)


def test_records_that_hold_the_same_are_in_one_fold_and_too_few_are_none() -> None:
    twice = {"x": [k // 2 * 1.5 for k in range(40)], "y": [k // 2 % 2 for k in range(40)]}
    folds = np.array(folds_of(mmzoo.read_table(twice), "y", 5))
    np.testing.assert_array_equal(folds[:, ::2], folds[:, 1::2])
    for count, records, words in ((1, 20, "two folds or more"), (2, 2, "2 folds need 3 different records")):
        few = mmzoo.read_table({"x": [k * 1.5 for k in range(records)], "y": [0, 1] * (records // 2)})
        with pytest.raises(MMZooError, match=words):
            folds_of(few, "y", count)


def test_what_a_column_does_not_have_is_drawn_from_train(tmp_path: Path) -> None:
    columns, _ = people()
    told = ["Training" if k % 4 else "TEST" for k in range(160)]
    rows = zip(*columns.values(), told, strict=True)
    lines = [",".join(map(str, row)) for row in rows]
    (tmp_path / "t.csv").write_text("\n".join(["x,who,y,split", *lines]))
    named = TableName(str(tmp_path / "t.csv"), "y", Options(group="who"))
    _, parts, said, _ = load_named(named)
    assert [len(part) for part in parts] == [110, 10, 40] or sum(map(len, parts)) == 160
    assert len(parts[2]) == 40
    assert {row["row"]["x"] for row in parts[2]} == {
        x for x, part in zip(columns["x"], told, strict=True) if part == "TEST"
    }
    assert (
        "as the column 'split' says, validation drawn from train; stratified by 'y'; groups of 'who' stay together"
        in "".join(said)
    )
    assert any("who: groups of the split, no input" in line for line in said)
    (tmp_path / "t.csv").write_text(
        "x,split,y\n" + "\n".join(f"{k}.5,{'dev' if k % 2 else 'test'},{k % 2}" for k in range(9))
    )
    with pytest.raises(MMZooError, match="no record for training; say 'train'"):
        load_table(tmp_path / "t.csv", "y")


def test_classes_that_cannot_be_learned_or_tested_are_named(tmp_path: Path) -> None:
    rows = [f"{k * 1.5},{'ab'[k % 2]},{'train' if k < 30 else 'val' if k < 35 else 'test'}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["x,y,split", *rows, "7.1,c,test", "7.2,c,test", "7.3,d,train"]))
    said = load_named(TableName(str(tmp_path / "t.csv"), "y")).lines
    assert "split: 31 train, 5 validation, 7 test (as the column 'split' says)" in said
    assert any("no record for training has the label 'c'" in line for line in said)
    assert any("one record alone has the label 'd'; it is for training" in line for line in said)


@pytest.mark.parametrize(("said", "words"), [("", "'split' is empty in line 4"), ("tset", "Did you mean 'test'")])
def test_a_column_that_says_it(tmp_path: Path, said: str, words: str) -> None:
    rows = [f"text {k},{['train', 'validation', ' test '][k % 3]},{'ab'[k % 2]}" for k in range(12)]
    (tmp_path / "t.csv").write_text("x,split,y\n" + "\n".join(rows))
    assert parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y")[:3].tolist() == ["train", "validation", "test"]
    rows[2] = f"text,{said},a"
    (tmp_path / "t.csv").write_text("x,split,y\n" + "\n".join(rows))
    with pytest.raises(MMZooError, match=words):
        parts_of(mmzoo.read_table(tmp_path / "t.csv"), "y")


def drawn_parts(columns: dict[str, list[object]], **kinds: str) -> tuple[np.ndarray, dict[str, str]]:
    table = mmzoo.read_table(columns, kinds=kinds)
    return parts_of(table, "y"), table.kinds


def test_numbers_of_rows_keep_no_two_records_apart() -> None:
    """Each record is there twice, under two numbers."""
    values = RANDOM.normal(size=100).tolist() * 2
    answers = ["ab"[value > 0] for value in values]
    columns: dict[str, list[object]] = {"n": [*range(1, 201)], "x": values, "y": answers}
    parts, kinds = drawn_parts(columns)
    assert kinds["n"] == "ignore"
    assert parts[:100].tolist() == parts[100:].tolist()
    assert {*parts.tolist()} == {*SHARES}
    same, _ = drawn_parts({"x": values, "y": answers})
    assert same.tolist() == parts.tolist(), "as if the column were not there"
    told, _ = drawn_parts(columns, n="number")
    assert told[:100].tolist() != told[100:].tolist(), "an input tells records apart"


def test_records_that_are_equal_by_nature_stay_different() -> None:
    """Of two questions with two answers each there are four records; their numbers tell them apart."""
    answers = [["yes", "no"][k % 2] for k in range(400)]
    columns: dict[str, list[object]] = {
        "n": [*range(400)],
        "p": answers,
        "q": answers[::-1],
        "y": ["ab"[k % 3 > 0] for k in range(400)],
    }
    parts, kinds = drawn_parts(columns)
    assert kinds["n"] == "ignore"
    assert {part: int(np.sum(parts == part)) for part in SHARES} == {"train": 280, "validation": 40, "test": 80}


def test_a_column_split_that_is_something_else() -> None:
    values = RANDOM.normal(size=60).tolist()
    columns: dict[str, list[object]] = {
        "x": values,
        "split": ["banana", "sundae"] * 30,
        "y": ["ab"[v > 0] for v in values],
    }
    asked = r"'split' says 'banana' in row 0, .*--kind split=category makes it an input and --kind split=ignore leaves"
    with pytest.raises(MMZooError, match=asked):
        load_named(TableName("", "y"), mmzoo.read_table(columns))
    for kind, read in (("category", ("x", "split")), ("ignore", ("x",))):
        table = mmzoo.read_table(columns, kinds={"split": kind})
        found = load_named(TableName("", "y"), table)
        (row,) = found.spec.inputs
        assert row.columns == read
        assert [len(part) for part in found.splits] == [42, 6, 12]
    with pytest.raises(MMZooError, match="Did you mean 'train'"):
        drawn_parts({**columns, "split": ["trian"] * 60})
