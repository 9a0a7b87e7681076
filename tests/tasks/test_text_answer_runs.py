"""A run that answers with texts: it writes, is evaluated and exported."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.guess import load_table
from mmzoo.data.records import Records
from mmzoo.decoding import Beam, Greedy, Sample
from mmzoo.errors import MMZooError
from mmzoo.labels import encode_labels
from tests.export.browser import change, needed, opened
from tests.tasks.text_answer_case import WORDS, records, spec_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """One that has learned; only to be read."""
    training = mmzoo.Training(epochs=10, batch_size=32, learning_rate=5e-3)
    out = tmp_path_factory.mktemp("run") / "run"
    return mmzoo.train(spec_of(), records(320, 0), records(40, 1), training=training, out=out)


def test_it_writes_what_it_is_given(run: mmzoo.Run) -> None:
    history = [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]
    assert history[-1]["val_loss"] < history[0]["val_loss"]
    answers = [run.predict({"word": word, "row": {"n": 1.0}})["says"] for word in WORDS]
    assert sum(word in answer["text"] for word, answer in zip(WORDS, answers, strict=True)) >= 3
    assert all(-20 < answer["log_prob"] < 0 for answer in answers)
    again = mmzoo.Run(run.folder)
    assert again.predict({"word": "red", "row": {"n": 1.0}}) == run.predict({"word": "red", "row": {"n": 1.0}})


@pytest.mark.usefixtures("loaded_once")
def test_words_come_one_by_one(run: mmzoo.Run, capsys: pytest.CaptureFixture[str]) -> None:
    record, so_far = {"word": "green", "row": {"n": 2.0}}, []
    greedy = run.write(record, how=Greedy(), seen=so_far.append)
    assert so_far[-1] == greedy["text"]
    assert len(so_far) > 2
    beams, predicted = run.write(record), run.predict(record)["says"]
    assert beams["text"] == predicted["text"]
    assert beams["log_prob"] == pytest.approx(predicted["log_prob"], abs=1e-4)
    drawn = {run.write(record, how=Sample(seed=seed, temperature=2.0))["text"] for seed in range(6)}
    assert len(drawn) > 1
    assert run.write(record, how=Sample(seed=1)) == run.write(record, how=Sample(seed=1))
    with pytest.raises(MMZooError, match="task that writes texts"):
        run.write(record, task="other")

    given = ["predict", str(run.folder), "--text", "green", "--input", 'row={"n": 2}']
    assert main([*given, "--words"]) == 0
    assert capsys.readouterr().out.startswith(f"{greedy['text']}\n(log-probability {greedy['log_prob']:.2f})")
    assert main(given) == 0
    assert f"  {predicted['text']}  (log-probability" in capsys.readouterr().out


def test_an_evaluation_has_texts(run: mmzoo.Run) -> None:
    test = records(30, 2)
    data = run.evaluate(test, validation=records(20, 3))
    assert data["subsets"]["word+row"]["chrf"] > data["subsets"]["row"]["chrf"]
    assert {"chrf", "exact_match", "bleu", "rouge_l", "cider", "wer"} == {*data["metrics"]}
    assert sum(data["shapley_values"]["values"].values()) == pytest.approx(
        data["metrics"]["chrf"] - nothing(run, test), abs=0.1
    )
    rows = (run.folder / "answers.csv").read_text().splitlines()
    assert rows[0] == "id,says,says_prediction,says_log_prob,inputs"
    assert " things" in rows[1]
    page = (run.folder / "report.html").read_text()
    assert "The worst answers" in page
    scores = [each["chrf"] for each in data["written"]]
    assert scores == sorted(scores)
    assert {each["right"] for each in data["written"]} <= {*test.column("says")}
    assert test.column("says")[0] in page


def nothing(run: mmzoo.Run, test: Records) -> float:
    """The chrF of what is written about nothing at all."""
    from mmzoo.inference.subset_predictions import predict_subsets

    found, task = predict_subsets(run.model, test), run.spec.tasks[0]
    known = found.known(task)
    return float(task.score(found.labels["says"][known], found.nothing["says"][known]).mean())


def test_a_saved_model_writes_too(run: mmzoo.Run) -> None:
    row, *_ = run.export("saved_model", records(10, 2))
    assert row["max_abs_diff"] <= 1e-5


@pytest.mark.long
def test_a_tflite_writes_with_builtins_alone(run: mmzoo.Run) -> None:
    pytest.importorskip("ai_edge_litert")
    test = records(20, 2)
    row, *_ = run.export("tflite", test)
    assert row["max_abs_diff"] <= 1e-5
    model = mmzoo.lite.Model(run.folder / "export" / "model.tflite")
    for k in range(5):
        record = {"word": test.column("word")[k], "row": test.column("row")[k]}
        wanted, found = run.predict(record)["says"], model.predict(record)["says"]
        assert found["text"] == wanted["text"]
        assert found["log_prob"] == pytest.approx(wanted["log_prob"], abs=1e-4)
    assert row["writers"]["says"]["same"] == 1.0
    writer, so_far = mmzoo.lite.Writer(run.folder / "export" / "writers" / "says.tflite"), []
    told = writer.write({"word": "red", "row": {"n": 2.0}}, seen=so_far.append)
    assert so_far[-1] == told["text"]
    assert all(text.startswith(before) for before, text in pairwise(so_far))
    assert writer.write({"word": "red", "row": {"n": 2.0}}, how=Beam(1)) == told
    with pytest.raises(MMZooError, match="does not write step by step"):
        mmzoo.lite.Writer(run.folder / "export" / "model.tflite")


def test_a_table_has_texts_for_labels(run: mmzoo.Run, tmp_path: Path) -> None:
    data = records(40, 5)
    rows = zip(data.column("word"), data.column("row"), data.column("says"), strict=True)
    lines = [f"{word},{row['n']:g},{says}|{word} it is" for word, row, says in rows]
    (tmp_path / "t.csv").write_text("\n".join(["word,n,says", *lines]))
    named = f"{tmp_path / 't.csv'}#says?task=text_answer&delimiter=%7C"
    spec, (train, *_) = load_table(named)
    (task,) = spec.fit(train).tasks
    assert isinstance(task, mmzoo.TextAnswer)
    assert task.references == 2
    labels = encode_labels([task], train)["says"]
    wanted = {f"{word} it is" for word in WORDS}
    assert all(len(right) == 2 and wanted & {*right} for right in task.right(labels))
    whole = spec_of().fit(train)
    assert whole.from_json(whole.to_json()) == whole
    (tmp_path / "u.csv").write_text("\n".join(["word,n,says", "red,1,none", "blue,2,two blue things"]))
    assert run.evaluate(str(tmp_path / "u.csv"))["examples"] == 2


@pytest.mark.long
def test_the_page_writes_what_python_writes(run: mmzoo.Run) -> None:
    needed()
    try:
        run.export("web", records(10, 2))
    except MMZooError as error:
        pytest.skip(str(error))
    with opened(run.folder / "export" / "web") as page:
        for word in (*WORDS, "yellow", "no word"):
            change(page, lambda text=word: page.fill("#text-word", text))
            found = page.eval_on_selector("#answer .task", "box => box.dataset.text")
            assert found == run.predict({"word": word})["says"]["text"]
        assert not page.messages
