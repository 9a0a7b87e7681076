"""A table that is read again whenever its records are asked for is the table that is held."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmzoo
from mmzoo.answers.again import records_of
from mmzoo.answers.given import joined
from mmzoo.answers.pieces import pieces
from mmzoo.data.faults import Faults, usable
from mmzoo.data.lazy.columns import TableColumn
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.run.seen import seen
from tests.answers.case import write_table


@pytest.fixture
def table(tmp_path: Path, small: None) -> str:
    """Of some pieces; some cells are empty, and two weights are none."""
    changes = {
        "Note": lambda k: "" if k % 7 == 3 else f"wuff {k}",
        "Weight in kg": lambda k: "heavy" if k in (20, 61) else k / 3,
    }
    return str(write_table(tmp_path / "new.csv", 90, 1, **changes))


def both(run: mmzoo.Run, table: str) -> tuple[Records, Records]:
    reread = run.reading(labels=True)
    return records_of(table, reread), joined(pieces(table, reread))


def plain(records: Records) -> dict[str, list[str]]:
    """All that they hold; two faults are the same that say the same."""
    return {"id": list(records.ids), **{name: list(map(str, column)) for name, column in records.columns.items()}}


def test_in_any_order(run: mmzoo.Run, table: str) -> None:
    again, held = both(run, table)
    assert isinstance(again.column("note"), TableColumn)
    assert plain(again) == plain(held)
    places = [80, 3, 40, 41, 0]
    assert plain(again.select(places)) == plain(held.select(places))
    train = run.records("train")
    assert seen(run.spec.input_names, train, again) == seen(run.spec.input_names, train, held)


@pytest.mark.parametrize("policy", ["skip", "mask"])
def test_what_cannot_be_used_is_found(run: mmzoo.Run, table: str, policy: str) -> None:
    found = [Faults(policy, 0.1), Faults(policy, 0.1)]
    again, held = (usable(run.spec, each, faults) for each, faults in zip(both(run, table), found, strict=True))
    assert plain(again) == plain(held)
    assert len(again) == {"skip": 88, "mask": 90}[policy]
    assert found[0].to_json() == found[1].to_json()


def test_the_first_that_cannot_be_used_ends_it(run: mmzoo.Run, table: str) -> None:
    said = []
    for records in both(run, table):
        with pytest.raises(MMZooError, match="heavy") as caught:
            usable(run.spec, records, Faults())
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_table_that_changes_meanwhile_is_noticed(run: mmzoo.Run, table: str) -> None:
    again, _ = both(run, table)
    Path(table).write_text("\n".join(Path(table).read_text().splitlines()[:30]))
    with pytest.raises(MMZooError, match="was changed while it was read"):
        list(again.column("note"))


@pytest.mark.long
def test_it_is_worth_the_same(run: mmzoo.Run, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = str(write_table(tmp_path / "new.csv", 70, 2))
    again, held = both(run, table)
    wanted = mmzoo.Run(run.folder, out=tmp_path / "held").evaluate(held)
    monkeypatch.setattr("mmzoo.inference.subset_predictions.DECODED", 0)  # decoded batch by batch
    monkeypatch.setattr("mmzoo.inference.subsets.BATCH", 32)
    found = mmzoo.Run(run.folder, out=tmp_path / "again").evaluate(again)
    assert found == wanted
    answers = [(tmp_path / name / "answers.csv").read_bytes() for name in ("held", "again")]
    assert answers[0] == answers[1] and answers[0].count(b"\n") == 71
