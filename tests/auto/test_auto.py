"""Several candidates within a time, and what is left of it when it is stopped."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.auto import search as search_module
from mmzoo.auto import watch as watch_module
from mmzoo.auto import within
from mmzoo.auto.candidates import candidates
from mmzoo.auto.search import Search
from mmzoo.auto.tried import Trials
from mmzoo.auto.watch import TooSlowError, Watch
from mmzoo.auto.within import train_within
from mmzoo.baselines import fit_baselines
from mmzoo.data.records import Records
from mmzoo.errors import DataError, MMZooError
from mmzoo.training.run_folder.notes import read_history
from tests.auto.case import LABELS, SMALL, words_records, words_spec


@pytest.fixture(autouse=True)
def quick_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The baselines have tests of their own: here only those that take no time."""

    def quick(*given: Any, **options: Any) -> Any:
        return fit_baselines(*given, **{**options, "seconds": 0.0})

    monkeypatch.setattr(search_module, "fit_baselines", quick)


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Of the candidates these alone are tried, in this order: each takes seconds."""
    monkeypatch.setattr(
        within,
        "candidates",
        lambda *given: sorted(
            [each for each in candidates(*given) if each.name in names], key=lambda each: names.index(each.name)
        ),
    )


def trained(out: Path, spec: mmzoo.Spec, *, seconds: float = 1e6, **options: Any) -> Trials:
    train_within(spec, words_records(40), words_records(20, 1), seconds=seconds, training=SMALL, out=out, **options)
    found = Trials.read(out)
    assert found is not None
    return found


@pytest.mark.long
def test_the_best_of_several_is_an_ordinary_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "concat", "second_alone")
    out = tmp_path / "run"
    spec = words_spec("first", "second")
    found = trained(out, spec, data="", seed=3)
    assert [each.name for each in found.candidates] == ["concat", "second_alone"]
    assert all(each.trained == 3 and each.score is not None and not each.note for each in found.candidates)
    run = mmzoo.Run(out)
    kept = next(each for each in found.candidates if each.name == found.chosen)
    assert run.settings["seed"] == 3
    assert run.settings["made_in"]["folder"] == str(out.resolve())
    rows = read_history(out)
    assert max(row["val_accuracy"] for row in rows) == rows[kept.best_epoch - 1]["val_accuracy"]
    assert sorted(path.name for path in (out / "candidates").iterdir()) == sorted(
        each.name for each in found.candidates if each.name != found.chosen
    )
    result = run.evaluate(words_records(30, 2), validation=words_records(20, 1))
    assert result["examples"] == 30
    page = (out / "report.html").read_text("utf-8")
    assert "What was tried" in page
    assert "second_alone" in page
    assert "about" in repr(run) or "Fusion" in repr(run)
    assert "data:image/png;base64," in run._repr_html_()
    said = capsys.readouterr().out
    assert found.why in said
    assert said.count("epoch ") < 12, "a line a candidate, not one an epoch"
    before = (out / "candidates.json").read_bytes()
    assert trained(out, spec, seed=3) == found
    assert "trained already" in capsys.readouterr().out
    assert (out / "candidates.json").read_bytes() == before
    with pytest.raises(MMZooError, match="another spec, other settings"):
        trained(out, spec, seed=4)


def test_a_time_that_is_too_short_for_an_epoch_keeps_what_there_is(tmp_path: Path) -> None:
    found = trained(tmp_path / "run", words_spec("first"), seconds=0.01)
    assert [each.trained for each in found.candidates] == [1, 0, 0]
    assert all("not tried" in each.note for each in found.candidates[1:])
    (row,) = read_history(tmp_path / "run")
    assert row["epoch"] == 1
    assert mmzoo.Run(tmp_path / "run").predict({"first": "a cat"})["animal"].keys() == {*LABELS}


@pytest.mark.long
def test_after_a_kill_what_has_ended_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, real, begun = tmp_path / "run", watch_module.train_folder, []

    def killed(spec: Any, *rest: Any, **options: Any) -> Any:
        begun.append(options["out"].name)
        if len(begun) == 2:
            raise SystemExit("killed")
        return real(spec, *rest, **options)

    monkeypatch.setattr(watch_module, "train_folder", killed)
    only(monkeypatch, "first", "first_rate_times_3")
    with pytest.raises(SystemExit):
        trained(out, words_spec("first"))
    first = Trials.read(out)
    assert first is not None
    assert first.chosen == ""
    found = trained(out, words_spec("first"))
    assert begun == ["first", "first_rate_times_3", "first_rate_times_3"]
    assert found.candidates[0] == first.candidates[0]
    assert found.spent >= first.spent > 0
    assert (out / "model" / "card.json").exists()


def test_ctrl_c_keeps_the_best_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Watch.on_train_batch_end

    def pressed(self: Watch, batch: int, logs: Any = None) -> None:
        if batch >= 6 and not self.asked:
            os.kill(os.getpid(), signal.SIGINT)
        real(self, batch, logs)

    monkeypatch.setattr(Watch, "on_train_batch_end", pressed)
    found = trained(tmp_path / "run", words_spec("first"))
    assert found.candidates[0].trained >= 1
    assert [each.note for each in found.candidates[1:]] == ["not tried: stopped before"] * 2
    assert found.why.startswith("Stopped: first is kept")
    assert (tmp_path / "run" / "model" / "card.json").exists()


@pytest.mark.long
def test_where_all_epochs_do_not_fit_the_best_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is seen to be too slow: all begin with fewer epochs, and the best goes on from its weights."""
    begun = []

    def slow(self: Watch, now: float, batch: int) -> None:
        begun.append(self.epochs)
        if self.epochs > 4:
            raise TooSlowError(4)

    monkeypatch.setattr(Watch, "check_speed", slow)
    monkeypatch.setattr(watch_module, "SURE", 0)
    monkeypatch.setattr(watch_module, "SECONDS", 0.0)
    spec, out = words_spec("first"), tmp_path / "run"
    records = words_records(40), words_records(20, 1)
    train_within(spec, *records, seconds=1e6, training=replace(SMALL, epochs=6), out=out)
    found = Trials.read(out)
    assert found is not None
    assert begun[0] == 6
    assert [each.epochs for each in found.candidates] == [2, 2, 2, 4]
    assert found.candidates[-1].name.endswith("_longer")
    if found.chosen.endswith("_longer"):
        assert mmzoo.Run(out).settings["training"]["init_from"] == "", "others train with these settings too"
        assert "trained on from where it was" in found.why


@pytest.mark.long
def test_best_lets_one_learn_from_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = ["first", "first_rate_times_3", "first"]
    monkeypatch.setattr(search_module, "greedy", lambda found: members)
    monkeypatch.setattr(Search, "mean", lambda self, name: float(name == "distilled"))
    out = tmp_path / "run"
    found = trained(out, words_spec("first"), quality="best")
    student = found.candidates[-1]
    assert (student.name, student.trained, student.note) == ("distilled", 3, "")
    assert found.chosen == "distilled"
    assert "which has learned from first + first_rate_times_3 + first" in found.why
    run = mmzoo.Run(out)
    (method,) = run.settings["training"]["methods"]
    assert [Path(method["teacher"]).name, *(Path(each).name for each in method["others"])] == members
    assert run.settings["training"]["init_from"] == ""
    assert {path.name for path in (out / "candidates").iterdir()} >= {*members}, "whom it learned from is still there"
    assert run.evaluate(words_records(20, 2), validation=words_records(20, 1))["examples"] == 20


def test_the_floor_is_beside_the_candidates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = trained(tmp_path / "run", words_spec("first"), quality="fast")
    assert found.floor
    best = found.best_floor
    assert best is not None
    assert best.score == max(each.score for each in found.floor if each.score is not None)
    assert best.name in found.verdict
    assert "The floor is" in capsys.readouterr().out
    assert "Nothing beat the floor" in found.against(best, best.score - 0.1)
    assert "It beats the floor" in found.against(best, best.score + 0.1)
    assert "It is level with the floor" in found.against(best, best.score + 1e-7)


def test_one_that_fails_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = watch_module.train_folder

    def failing(spec: Any, *rest: Any, **options: Any) -> Any:
        if options["out"].name == "first":
            raise MMZooError("No luck.")
        return real(spec, *rest, **options)

    monkeypatch.setattr(watch_module, "train_folder", failing)
    only(monkeypatch, "first", "first_rate_by_3")
    found = trained(tmp_path / "run", words_spec("first"), quality="good")
    assert found.candidates[0].note == "No luck."
    assert found.chosen != "first"
    assert ["first", None, None, None, None, "No luck."] in found.rows
    with pytest.raises(MMZooError, match="No luck"):
        trained(tmp_path / "other", words_spec("first"), quality="fast")


def test_an_input_that_some_records_lack_is_not_tried_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "first_alone", "second_alone")
    some = words_records(40)
    lacking = Records({**some.columns, "second": [None, *some.columns["second"][1:]]})
    settings = {"seconds": 1e6, "training": replace(SMALL, epochs=1), "quality": "good"}
    train_within(words_spec("first", "second"), lacking, words_records(20, 1), out=tmp_path / "run", **settings)
    found = Trials.read(tmp_path / "run")
    assert found is not None
    notes = {each.name: each.note for each in found.candidates}
    assert (
        notes["second_alone"] == "not tried: 1 record has none of its inputs, which it could not answer"
        and not notes["first_alone"]
    )


def test_records_of_no_use_end_the_search_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def failing(spec: Any, *rest: Any, **options: Any) -> Any:
        asked.append(options["out"].name)
        raise DataError("Record 'two' is torn.")

    monkeypatch.setattr(watch_module, "train_folder", failing)
    with pytest.raises(DataError, match="is torn"):
        trained(tmp_path / "run", words_spec("first"), quality="good")
    assert asked == ["first"]


def test_what_a_stranger_wrote_into_the_folder_leads_nowhere(tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained(out, words_spec("first"), quality="fast")
    path = out / "candidates.json"
    there = json.loads(path.read_text())
    path.write_text(json.dumps({**there, "chosen": "../../elsewhere"}))
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(MMZooError, match="no candidate called"):
        trained(out, words_spec("first"), quality="fast")
    for wrong in ({"candidates": 3}, {"spent": "x"}, {"candidates": [{"name": 3, "summary": ""}]}, {"more": 1}):
        path.write_text(json.dumps({**there, **wrong}))
        with pytest.raises(MMZooError, match="damaged"):
            Trials.read(out)


def test_several_tasks_of_two_kinds(tmp_path: Path) -> None:
    tasks = [mmzoo.Classification("animal", labels=LABELS), mmzoo.Regression("age")]
    records = [words_records(n, seed, age=[float(k % 5) for k in range(n)]) for n, seed in ((40, 0), (20, 1))]
    spec = words_spec("first", tasks=tasks)
    train_within(spec, *records, seconds=1e6, training=SMALL, out=tmp_path / "run", quality="fast")
    found = Trials.read(tmp_path / "run")
    assert found is not None
    assert found.metric == "animal_accuracy"
    assert found.floor
    rows = {row[0]: row for row in found.rows if str(row[0]).endswith("(floor)")}
    ages = [each for each in found.floor if each.task == "age"]
    ranked = [row for row in found.rows if row[1] is not None]
    assert len(ranked) == len(found.candidates) + len(found.floor) - len(ages), "an R2 is in no order with accuracies"
    assert any(f"age: r2 {each.score:.3f}" in str(row[5]) for each in ages for row in found.rows)
    assert rows


def test_after_a_kill_while_the_best_is_moved_it_is_moved_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = within.check_absent

    def killed(path: Path) -> Path:
        if path.name == "model":
            raise SystemExit("killed")
        return real(path)

    monkeypatch.setattr(within, "check_absent", killed)
    with pytest.raises(SystemExit):
        trained(tmp_path / "run", words_spec("first"), quality="fast")
    monkeypatch.undo()
    trained(tmp_path / "run", words_spec("first"), quality="fast")
    assert mmzoo.Run(tmp_path / "run").settings["seed"] == 0
    assert not (tmp_path / "run" / "candidates" / "first").exists()


@pytest.mark.long
def test_with_time_enough_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    """What hangs on the clock is only how many epochs there are."""
    found = [trained(tmp_path / name, words_spec("first"), quality="fast", seed=5) for name in "ab"]
    assert found[0].candidates[0].score == found[1].candidates[0].score
    models = [mmzoo.load(tmp_path / name / "model") for name in "ab"]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)
