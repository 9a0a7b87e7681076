"""Answers that are texts: their labels, their metrics, and runs that learn to write, from files and exported."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.guess import load_table
from mmzoo.data.records import Records
from mmzoo.decoding import Beam, Greedy, Sample
from mmzoo.errors import DataError, MMZooError
from mmzoo.export.formats import web
from mmzoo.labels import encode_labels
from mmzoo.tasks.text_scores import bleu, chrf, exact, word_errors
from tests.browser import change, needed, opened

WORDS, NUMBERS = ("red", "green", "blue", "black"), ("no", "one", "two")
SMALL = {"tokenizer": mmzoo.Tokenizer("bpe", size=300), "width": 32, "heads": 2, "blocks": 1}


def records(count: int, seed: int) -> Records:
    """A word and a number, and what they are in a sentence: with both it is known, with one a part of it."""
    rng = np.random.default_rng(seed)
    words, numbers = rng.integers(len(WORDS), size=count), rng.integers(len(NUMBERS), size=count)
    says = [f"{NUMBERS[k]} {WORDS[w]} things" for w, k in zip(words, numbers, strict=True)]
    columns = {"word": [WORDS[w] for w in words], "row": [{"n": float(k)} for k in numbers], "says": says}
    return Records(columns, [f"{seed}_{k}" for k in range(count)])


def spec_of(fusion: str = "concat", **options: Any) -> mmzoo.Spec:
    return mmzoo.Spec(
        inputs=[mmzoo.Text("word", tokens=4, max_bytes=16), mmzoo.Tabular("row", numbers=["n"])],
        fusion=fusion,
        tasks=[mmzoo.TextAnswer("says", 8, **{**SMALL, **options})],
        dim=32,
    )


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
    assert {"chrf", "exact_match", "bleu", "wer"} == {*data["metrics"]}
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


@pytest.mark.slow
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


@pytest.mark.parametrize("fusion", ["concat", "joint_transformer"])
def test_a_step_lowers_the_loss_of_every_part(fusion: str) -> None:
    """With the tokens of the towers, or those that a fusion hands on, every variable of the decoder has a gradient."""
    import tensorflow as tf

    from mmzoo.data.records import decode
    from mmzoo.training.step import prepared
    from mmzoo.training.teaching import with_given

    data = records(6, 0)
    data.columns["word"][2] = None  # the tokens of what is missing are asked for nothing
    spec = spec_of(fusion).fit(data)
    model = mmzoo.build(spec)
    taught = prepared(spec, model, mmzoo.Training())
    inputs = with_given(spec, decode(spec, data), encode_labels(spec.tasks, data))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(taught(inputs, training=True)[spec.tasks[0].loss_output])
    (decoder,) = [layer for layer in model.layers if layer.name == "says.decoder"]
    variables = decoder.trainable_variables
    slopes = tape.gradient(loss, [v.value for v in variables])
    assert all(slope is not None for slope in slopes)
    assert {id(v) for v in taught.trainable_variables} == {id(v) for v in model.trainable_variables}


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


def test_labels_are_the_ids_of_all_right_answers() -> None:
    data = records(3, 0)
    data.columns["says"] = [["Zwei rote", "two  red"], "none", "Ünïcödé 🐈 are bytes"]
    task = (
        spec_of().fit(Records({name: [*column] * 20 for name, column in data.columns.items()}, data.ids * 20)).tasks[0]
    )
    assert task.references == 2
    labels = encode_labels([task], data)["says"]
    assert labels.shape == (3, 2 * 8)
    assert task.known(np.stack([*labels, task.missing_label])).tolist() == [True, True, True, False]
    assert task.right(labels[:2]) == [["Zwei rote", "two red"], ["none"]]
    cut = task.text(task.encode("🐘🐘🐘🐘")[:8])  # what training has not seen is bytes; what is too long is cut
    assert cut != "🐘🐘🐘🐘"
    assert "🐘🐘🐘🐘".startswith(cut.rstrip("\ufffd"))
    assert task.label_text(labels[0]) == "Zwei rote / two red"


def test_the_loss_is_that_of_the_formula() -> None:
    """Smoothed cross-entropy over the tokens and the end, by NumPy."""
    task = spec_of(smoothing=0.1).fit(records(5, 0)).tasks[0]
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 8, 7))
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    ids = np.array([[3, 1, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6, 1, 2]], np.int32)
    wanted = []
    for row, length in enumerate((3, 8)):
        each = [0.9 * log_probs[row, k, ids[row, k]] + 0.1 * log_probs[row, k].mean() for k in range(length)]
        wanted.append(-np.mean(each))
    np.testing.assert_allclose(task.loss_of_tokens(ids, log_probs.astype("f")), wanted, rtol=1e-5)


def test_long_answers_are_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    data = records(5, 0)
    task = spec_of().fit(records(200, 0)).tasks[0]
    data.columns["says"] = ["one red things " * k for k in range(1, 6)]
    encode_labels([task], data)
    assert [record.getMessage().startswith("3 of 5 examples of text_answer 'says'") for record in caplog.records] == [
        True
    ]


@pytest.mark.parametrize(
    ("value", "said"), [("  ", "no words"), (3.5, "needs a text"), ([], "no words"), (["a", 3], "needs a text")]
)
def test_bad_answers_are_named(value: Any, said: str) -> None:
    data = records(3, 0)
    task = spec_of().fit(data).tasks[0]
    data.columns["says"][1] = value
    with pytest.raises(DataError, match=f"Record '0_1': .*{said}"):
        encode_labels([task], data)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tokens": 1}, "tokens"),
        ({"auxiliary": 0.5}, "auxiliary"),
        ({"tokenizer": "hashed_words"}, "put together again"),
        ({"objective": "logit_adjusted"}, "shares of the labels"),
        ({"objective": "mse"}, "reads numbers"),
        ({"width": 30, "heads": 4}, "multiple of its heads"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(MMZooError, match=said):
        mmzoo.TextAnswer("says", **options)


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match="joins answers"):
        mmzoo.build(spec_of("decision_mean").fit(records(4, 0)))
    with pytest.raises(MMZooError, match="no vocabulary yet"):
        mmzoo.build(spec_of().subset(["word"]))
    with pytest.raises(MMZooError, match="'mixup' cannot learn from texts"):
        training = mmzoo.Training(epochs=1, batch_size=4, methods=[mmzoo.Method("mixup")])
        mmzoo.train(spec_of(), records(8, 0), training=training, out=tmp_path / "run")
    data = records(4, 0)
    data.columns["says"] = [None] * 4
    with pytest.raises(MMZooError, match="No record has a label"):
        spec_of().fit(data)


@pytest.mark.parametrize("tokenizer", ["bpe", "sentencepiece", "wordpiece", "words"])
def test_a_text_is_put_together_again(tokenizer: str) -> None:
    texts = ["a man riding a wave on top of a surfboard", "two dogs", "a man and two dogs on a wave"] * 20
    task = mmzoo.TextAnswer("says", tokenizer=mmzoo.Tokenizer(tokenizer, size=400))
    found = np.empty((len(texts), 1), object)
    found[:, 0] = [[text] for text in texts]
    task = task.fit(found)
    assert task.right(task.encode("two dogs on a surfboard")[None]) == [["two dogs on a surfboard"]]


def test_scores_of_texts() -> None:
    """Counted by hand; the best of several right ones counts."""
    found, right = ["a B  c d", "x", ""], [["q", "a b c d"], ["y z"], ["w"]]
    assert exact(found, right).tolist() == [1.0, 0.0, 0.0]
    assert chrf(["abc", "x", ""], [["abc"], ["y z"], ["w"]]).tolist() == [100.0, 0.0, 0.0]
    # chrF2 of "ab" and "abc": of letters 2 of 2 and 2 of 3, of pairs 1 of 1 and 1 of 2; of triples there is none.
    precision, recall = (1 + 1) / 2, (2 / 3 + 1 / 2) / 2
    assert chrf(["ab"], [["abc"]])[0] == pytest.approx(100 * 5 * precision * recall / (4 * precision + recall), abs=8)
    assert word_errors(["the cat sat on mat", "a"], [["the cat sat on the mat"], ["b c", "a c"]]) == 2 / 8
    assert bleu(["a b c d e"], [["a b c d e"]]) == pytest.approx(100)
    assert bleu(["a b"], [["a b"]]) == pytest.approx(100)


WRITTEN = """
import {readFileSync} from 'fs';
import {written} from '%s';
const {about, rows} = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(rows.map(row => written(about, row))));
"""


@pytest.mark.parametrize("tokenizer", ["bpe", "sentencepiece", "wordpiece", "words"])
def test_the_page_spells_as_python_does(tokenizer: str) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's scripts")
    texts = ["Zwei «rote» Katzen 🐈, naïve", "a man riding", "日本語 text ## here"]
    found = np.empty((60, 1), object)
    found[:, 0] = [[text] for text in texts * 20]
    task = mmzoo.TextAnswer("says", 40, tokenizer=mmzoo.Tokenizer(tokenizer, size=400)).fit(found)
    rows = [[*map(float, task.encode(text)[:40]), -1.5] for text in texts]
    given = json.dumps({"about": task.describe()["text"], "rows": rows})
    program = WRITTEN % (Path(web.__file__).parents[1] / "page" / "texts.js").as_uri()
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], input=given, capture_output=True, text=True, check=True
    )
    wanted = [{"text": task.text(np.array(row[:-1])), "logProb": -1.5} for row in rows]
    assert json.loads(done.stdout) == wanted


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
