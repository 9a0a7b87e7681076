"""Texts as labels: their ids, loss, scores and bad options, and a step of the decoder."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import Records
from mmzoo.errors import DataError, MMZooError
from mmzoo.export.formats import web
from mmzoo.labels import encode_labels
from mmzoo.tasks.metrics.text_scores import bleu, chrf, exact, rouge_l, word_errors
from tests.tasks.text_answer_case import records, spec_of


@pytest.mark.parametrize("fusion", ["concat", "joint_transformer"])
def test_a_step_lowers_the_loss_of_every_part(fusion: str) -> None:
    """With the tokens of the towers, or those that a fusion hands on, every variable of the decoder has a gradient."""
    import tensorflow as tf

    from mmzoo.data.records import decode
    from mmzoo.training.model.teaching import with_given
    from mmzoo.training.step import prepared

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


def test_labels_are_the_ids_of_all_right_answers() -> None:
    data = records(3, 0)
    data.columns["says"] = [["Zwei rote", "two  red"], "none", "Ünïcödé 🐈 are bytes"]
    task = (
        spec_of().fit(Records({name: [*column] * 20 for name, column in data.columns.items()}, data.ids * 20)).tasks[0]
    )
    assert task.references == 2
    labels = encode_labels([task], data)["says"]
    longest = len("Ünïcödé 🐈 are bytes".encode())
    assert task.label_bytes == 2 * longest
    assert labels.shape == (3, 2 * (8 + 2 * longest))
    assert task.label_ids(labels).shape == (3, 2, 8)
    assert task.known(np.stack([*labels, task.missing_label])).tolist() == [True, True, True, False]
    assert task.right(labels[:2]) == [["Zwei rote", "two red"], ["none"]]
    cut = task.text(task.encode("🐘🐘🐘🐘")[:8])  # what training has not seen is bytes; what is too long is cut
    assert cut != "🐘🐘🐘🐘"
    assert "🐘🐘🐘🐘".startswith(cut.rstrip("\ufffd"))
    assert task.label_text(labels[0]) == "Zwei rote / two red"


def test_answers_are_held_against_the_right_text_itself() -> None:
    words = replace(spec_of().tasks[0], tokenizer="words")
    task = words.fit(np.stack([words.encode(["a red cat", "a cat"]), words.encode("a blue cat")]))
    labels = task.encode(["a red  ocelot", "a cät"])[None]
    assert task.right(labels) == [["a red ocelot", "a cät"]]
    assert task.text(task.label_ids(labels)[0, 0]) == "a red [UNK]"
    answer = np.append(task.encode("a red")[: task.tokens], 0.0).astype(np.float32)[None]
    found = task.metrics(labels, answer)
    assert found["exact_match"] == 0 and found["chrf"] < 70
    long = task.encode("a red " * 20)[None]  # what is longer than twice the longest of training is cut
    assert task.right(long) == [[("a red " * 20)[: task.label_bytes]]]
    by_ids = replace(task, label_bytes=0)
    assert by_ids.right(by_ids.encode("a red ocelot")[None]) == [["a red [UNK]"]]


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
    # "a c d" of four and of five words; nothing of nothing.
    assert rouge_l(["A x c d", ""], [["q", "a b c d e"], ["w"]]).tolist() == [2 * 3 / 9, 0.0]


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
