"""Settings that follow the data, several candidates within a time, and what is left of it when it is stopped."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.auto import search as search_module
from mmzoo.auto import watch as watch_module
from mmzoo.auto import within
from mmzoo.auto.candidates import candidates, linear, linear_input
from mmzoo.auto.choosing import Answers, choose
from mmzoo.auto.defaults import training_for, with_auxiliary
from mmzoo.auto.ensemble import greedy
from mmzoo.auto.search import Search
from mmzoo.auto.summary import described
from mmzoo.auto.tried import Trials
from mmzoo.auto.watch import TooSlowError, Watch
from mmzoo.auto.within import train_within
from mmzoo.baselines import fit_baselines
from mmzoo.data.records import Records, decode
from mmzoo.errors import DataError, MMZooError
from mmzoo.training.notes import read_history
from mmzoo.training.settings import Training

LABELS = ("cat", "dog", "bird")
SMALL = Training(epochs=3, batch_size=8, learning_rate=3e-3)


@pytest.fixture(autouse=True)
def quick_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The baselines have tests of their own: here only those that take no time."""

    def quick(*given: Any, **options: Any) -> Any:
        return fit_baselines(*given, **{**options, "seconds": 0.0})

    monkeypatch.setattr(search_module, "fit_baselines", quick)


def words_spec(*names: str, tasks: Any = None) -> mmzoo.Spec:
    """Texts alone: the quickest to build."""
    inputs = [
        mmzoo.Text(
            name,
            max_bytes=16,
            tokens=4,
            tokenizer=mmzoo.Tokenizer("hashed_words", buckets=32),
            tower=mmzoo.Tower("embedding_attention", width=8, heads=1),
        )
        for name in names
    ]
    return mmzoo.Spec(inputs, "concat", tasks or [mmzoo.Classification("animal", labels=LABELS)], dim=8)


def words_records(count: int, seed: int = 0, **columns: list[Any]) -> Records:
    labels = np.random.default_rng(seed).integers(0, 3, count)
    said = {"first": [f"a {LABELS[k]}" for k in labels], "second": [f"{LABELS[k]} {n}" for n, k in enumerate(labels)]}
    return Records({**said, "animal": [LABELS[k] for k in labels], **columns})


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


@pytest.mark.parametrize(
    ("count", "batch", "epochs"), [(30, 8, 100), (340, 8, 36), (1144, 16, 21), (8000, 64, 12), (10**6, 256, 10)]
)
def test_settings_follow_the_number_of_records(count: int, batch: int, epochs: int) -> None:
    found = training_for(words_spec("first", "second"), count)
    assert (found.batch_size, found.epochs) == (batch, epochs)
    assert 0 < found.patience <= found.epochs
    assert found.modality_dropout > 0
    assert training_for(words_spec("first"), count).modality_dropout == 0


def test_heads_for_each_modality_where_there_are_several() -> None:
    assert with_auxiliary(words_spec("first")).tasks[0].auxiliary == 0
    assert with_auxiliary(words_spec("first", "second")).tasks[0].auxiliary == 1
    told = words_spec("first", "second", tasks=[mmzoo.Classification("animal", labels=LABELS, auxiliary=0.3)])
    assert with_auxiliary(told) == told


def test_candidates_of_each_quality() -> None:
    spec = words_spec("first", "second")
    names = {quality: [each.name for each in candidates(spec, SMALL, quality)] for quality in ("fast", "good", "best")}
    assert names["fast"] == ["concat"]
    assert names["good"] == ["concat", "calibrated", "gated", "first_alone", "second_alone"]
    assert {*names["good"]} < {*names["best"]}
    single = candidates(words_spec("first"), SMALL, "good")
    assert len({each.training.learning_rate for each in single}) == 3
    row = mmzoo.Spec([mmzoo.Tabular("row", numbers=["a"])], "concat", [mmzoo.Classification("animal", labels=LABELS)])
    assert training_for(row, 800).batch_size == 100, "an eighth of the records"
    assert training_for(row, 800).epochs == math.ceil(1500 / 8)
    sensor = replace(row, inputs=[mmzoo.Sensor("motion", channels=3, steps=16, tower="cnn_1d")])
    others = [mmzoo.Tower.of(each.spec.inputs[0].tower).name for each in candidates(sensor, SMALL, "good")]
    assert {"rocket", "inception_time"} <= {*others}
    evidence = replace(spec, tasks=[mmzoo.Classification("animal", labels=LABELS, objective="evidential")])
    assert "calibrated" not in [each.name for each in candidates(evidence, SMALL, "good")], "it would lose the evidence"
    with pytest.raises(MMZooError, match="quality"):
        candidates(spec, SMALL, "better")


def bag_spec(*names: str) -> mmzoo.Spec:
    """Texts whose towers are linear in what tokens they have."""
    spec = words_spec(*names)
    return replace(spec, inputs=[replace(item, tower=mmzoo.Tower("embedding_bag", width=8)) for item in spec.inputs])


def test_linear_heads_are_tried_where_features_do_not_train() -> None:
    spec = with_auxiliary(bag_spec("first", "second"))
    row = mmzoo.Tabular("row", numbers=["a", "b"], tower=mmzoo.Tower("mlp", width=4))
    first, *heads = candidates(replace(spec, inputs=[*spec.inputs, row]), SMALL, "good")[:3]
    assert (first.name, [each.name for each in heads]) == ("concat", ["linear", "linear_decayed"])
    assert heads[0].training.weight_decay < heads[1].training.weight_decay
    assert [task.auxiliary for each in heads for task in each.spec.tasks] == [0, 0]
    bags = [mmzoo.Tower.of(each.spec.inputs[0].tower).options for each in heads]
    assert [bag.get("dropout") for bag in bags] == [None, 0.0]
    assert mmzoo.Tower.of(heads[1].spec.inputs[2].tower).options["hidden"] is None
    assert "linear" not in [each.name for each in candidates(words_spec("first"), SMALL, "best")], "its tower attends"
    picture = {"weights": None}, {"weights": "imagenet"}, {"weights": "imagenet", "trainable_blocks": 1}
    towers = [mmzoo.Tower("efficientnet_lite0", resolution=64, **options) for options in picture]
    assert [linear_input(mmzoo.Image("photo", size=64, tower=each)) is not None for each in towers] == [
        False,
        True,
        False,
    ]
    (head,) = [each for each in candidates(bag_spec("linear"), SMALL, "good") if each.name.startswith("linear_d")]
    assert head.spec.input_names == ["linear"]


def test_a_linear_head_adds_up_what_the_inputs_say() -> None:
    """What one input changes does not depend on the other: f(a, b) - f(a, d) = f(c, b) - f(c, d)."""
    spec = bag_spec("first", "second")
    row = mmzoo.Tabular("row", numbers=["n"], tower=mmzoo.Tower("mlp", width=4))
    (head, _) = linear(replace(spec, inputs=[*spec.inputs, row]), SMALL)
    model = mmzoo.build(head.spec.fit(words_records(40, row=[{"n": float(k)} for k in range(40)])))
    texts = {"first": ["a cat", "a cat", "bird", "bird"], "second": ["dog 1", "cat 2", "dog 1", "cat 2"]}
    given = decode(model.spec, Records({**texts, "row": [{"n": 3.0}] * 4, "animal": ["cat"] * 4}))
    ab, ad, cb, cd = np.asarray(model(given, training=False)["animal"])
    assert np.abs(ab - ad).max() > 1e-4
    np.testing.assert_allclose(ab - ad, cb - cd, atol=1e-6)


def test_another_is_chosen_only_if_it_is_better_by_more_than_a_standard_error() -> None:
    rng = np.random.default_rng(0)
    first, noise = rng.normal(size=100), rng.normal(size=100)
    noise = (noise - noise.mean()) / noise.std(ddof=1)  # so the standard error of the difference is a tenth
    assert choose([first, first + noise + 0.09, first - 1])[0] == 0
    place, gain, error = choose([first, first - 1, first + noise + 0.11])
    assert (place, round(gain, 6), round(error, 6)) == (2, 0.11, 0.1)
    assert choose([first])[0] == 0
    assert choose([np.array([0.0]), np.array([1.0])])[0] == 0, "one record says nothing"


def test_scores_are_those_of_the_metric_or_of_few_records_the_likelihood() -> None:
    rng = np.random.default_rng(0)
    spec = words_spec("first")
    for count in (50, 400):
        labels = {"animal": rng.integers(0, 3, count).astype(np.int32)}
        labels["animal"][:3] = -1
        logits = {"animal": rng.normal(size=(count, 3)).astype(np.float32)}
        scores = Answers(spec, logits, labels).scores
        known = labels["animal"] >= 0
        shifted = logits["animal"] - np.log(np.exp(logits["animal"]).sum(axis=1, keepdims=True))
        likely = shifted[known, labels["animal"][known]]
        right = logits["animal"].argmax(axis=1)[known] == labels["animal"][known]
        assert not scores[~known].any()
        np.testing.assert_allclose(scores.mean(), likely.mean() if count == 50 else right.mean(), rtol=1e-5)
    numbers = words_spec("first", tasks=[mmzoo.Regression("animal")])
    labels = {"animal": rng.normal(5, 3, size=(50, 1)).astype(np.float32)}
    found = Answers(numbers, {"animal": labels["animal"] + rng.normal(size=(50, 1)).astype(np.float32)}, labels)
    np.testing.assert_allclose(found.scores.mean(), found.primary - 1, rtol=1e-4)


def clocked(monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Watch, list[float]]:
    """A watch over 100 epochs of 10 steps, and the clock that it reads."""
    now = [0.0]
    monkeypatch.setattr(watch_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    found = Watch(100.0, 100, 1000, [], **{"again": True, **options})
    found.set_model(type("Model", (), {"stop_training": False})())
    found.on_train_begin()
    return found, now


def test_a_training_that_does_not_fit_is_begun_again_with_fewer_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    found, now = clocked(monkeypatch)
    now[0] = 10.0  # the graph was traced
    found.on_train_batch_end(0)
    now[0] = 15.0
    with pytest.raises(TooSlowError) as slow:
        found.on_train_batch_end(10)  # half a second a step: 5 s an epoch, and what goes with it
    assert slow.value.epochs == int((100 - 15 - 10) / (5 * watch_module.VALIDATION))


def test_a_training_that_fits_goes_on_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found, now = clocked(monkeypatch)
    for step, now[0] in enumerate((1.0, 1.1, 99.0)):
        found.on_train_batch_end(step * 10)
    assert not found.model.stop_training
    now[0] = 100.0
    found.on_train_batch_end(30)
    assert found.model.stop_training
    assert found.over


def test_the_best_of_several_is_an_ordinary_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "concat", "calibrated", "second_alone")
    out = tmp_path / "run"
    spec = words_spec("first", "second")
    found = trained(out, spec, data="", seed=3)
    assert [each.name for each in found.candidates] == ["concat", "calibrated", "second_alone"]
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


def test_together_by_hand() -> None:
    """Three that are right in two of three parts each, surer where they are right: two together always are."""
    spec = words_spec("first")
    labels = {"animal": np.zeros(300, np.int32)}
    said = {}
    for name, part in (("a", 0), ("b", 1), ("c", 2)):
        logits = np.tile([2.0, 0.0, 0.0], (300, 1)).astype(np.float32)
        logits[part * 100 : part * 100 + 100] = [0.0, 1.0, 0.0]
        said[name] = Answers(spec, {"animal": logits}, labels)
    chosen = greedy(said)
    assert len({*chosen}) >= 2
    mean = np.mean(
        [np.exp(said[n].logits["animal"]) / np.exp(said[n].logits["animal"]).sum(1, keepdims=True) for n in chosen],
        axis=0,
    )
    assert (mean.argmax(1) == 0).mean() > 2 / 3
    assert greedy({"a": said["a"]}) == ["a"]


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
    only(monkeypatch, "concat", "first_alone", "second_alone")
    some = words_records(40)
    lacking = Records({**some.columns, "second": [None, *some.columns["second"][1:]]})
    settings = {"seconds": 1e6, "training": replace(SMALL, epochs=1), "quality": "good"}
    train_within(words_spec("first", "second"), lacking, words_records(20, 1), out=tmp_path / "run", **settings)
    found = Trials.read(tmp_path / "run")
    assert found is not None
    notes = {each.name: each.note for each in found.candidates}
    assert notes["second_alone"] == "not tried: records without any of its inputs: 1" and not notes["first_alone"]


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


def test_the_spec_in_a_line_for_each_input() -> None:
    spec = mmzoo.Spec(
        [
            mmzoo.Image("photo", size=32, tower=mmzoo.Tower("efficientnet_lite0", resolution=64)),
            mmzoo.Text("note", max_bytes=40, tokens=8, tokenizer="hashed_words", tower="embedding_attention"),
            mmzoo.Audio("voice", sample_rate=8000, seconds=2.5),
            mmzoo.Tabular("row", numbers=["a", "b"], dates=["c"], multi_categories=["d"]),
        ],
        "concat",
        [mmzoo.Classification("animal", labels=LABELS)],
    )
    splits = [words_records(count) for count in (5, 3, 2)]
    photo, note, voice, row, asked, training = described(spec, Training(epochs=7, patience=3), splits)
    assert photo == "photo: image, 32 x 32 pixels; tower efficientnet_lite0, weights imagenet, frozen"
    assert note.startswith("note: text, up to 40 bytes, 8 tokens, tokenizer hashed_words; tower embedding_attention")
    assert voice.startswith("voice: audio, 2.5 s, 8,000 Hz; tower")
    assert row.startswith("row: tabular, 2 numbers, 1 date, 1 set of categories; tower")
    assert asked == "concat fusion -> animal (classification)"
    assert training.startswith("5 train, 3 validation, 2 test; up to 7 epochs of batches of 32")
    assert training.endswith("ends after 3 without gain")
