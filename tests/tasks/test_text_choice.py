"""Texts that are chosen: how alike they are, the loss and the answer, each against plain Python in float64."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.inference.running import run_model
from mmzoo.layers.text_chooser import Apart, TextChooser
from mmzoo.training.fitted.ridge import STRENGTHS, ridge
from tests.tasks.text_answer_case import NUMBERS, WORDS, records, spec_of

TEXTS = ["a red car", "a red bus", "A  red car", "a green bus", "a red car", "a green bus", "a dog dog"]


def choice(**options: object) -> mmzoo.TextChoice:
    given = {"tokenizer": mmzoo.Tokenizer("words", size=300), "lowercase": True, **options}
    return mmzoo.TextChoice("says", 4, **given)  # type: ignore[arg-type]


def fitted(**options: object) -> mmzoo.TextChoice:
    task = choice(**options)
    labels = np.empty((len(TEXTS), 1), object)
    labels[:, 0] = [task.texts_of(text) for text in TEXTS]
    return task.fit(labels)


def alike(right: str, other: str, texts: list[str]) -> float:
    """F2 of the words of two texts, each weighed by how few of all texts have it."""
    having = Counter(word for text in texts for word in {*text.split()})
    rarity = {word: math.log1p(len(texts) / count) for word, count in having.items()}
    both, wanted, there = (
        sum(rarity[word] for word in words)
        for words in ({*right.split()} & {*other.split()}, {*right.split()}, {*other.split()})
    )
    if not both:
        return 0.0
    precision, recall = both / there, both / wanted
    return 5 * precision * recall / (4 * precision + recall)


def test_it_finds_the_texts_of_training() -> None:
    """The commonest first; what is the same but for capitals and spaces is one of them."""
    task = fitted()
    assert task.choices == ("a red car", "a green bus", "a red bus", "a dog dog")
    assert task.summary == "text_choice: one of 4 texts"
    spec = mmzoo.Spec([mmzoo.Text("word")], "concat", [task])
    assert mmzoo.Spec.from_json(spec.to_json()) == spec


def test_the_rarer_texts_are_left_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmzoo.tasks.text_choice.MOST", 2)
    task = fitted(landmarks=2)
    assert (task.choices, task.landmarks) == (("a red car", "a green bus"), 2)
    assert capsys.readouterr().out == "Task 'says' chooses among the commonest 2 of 4 texts.\n"


def test_likeness_and_loss() -> None:
    """Also of a text that is no choice, and of one of no words."""
    task = fitted()
    texts = [*task.choices, "green car", "a bus dog"]
    ids = np.stack([task.encode(text) for text in texts])
    wanted = np.array([[alike(text, each, [*task.choices]) for each in task.choices] for text in texts])
    np.testing.assert_allclose(task.alike(tf.constant(ids)), wanted, atol=1e-6)
    assert wanted[0, 0] == pytest.approx(1)
    worth = np.random.default_rng(0).normal(size=wanted.shape)
    found = task.loss_of_tokens(tf.constant(ids), tf.constant(worth, tf.float32))
    np.testing.assert_allclose(found, np.square(wanted - worth).sum(axis=1), rtol=1e-5)
    assert not np.asarray(task.alike(tf.zeros((1, 4), tf.int32))).any()


def test_the_penalty_is_chosen_by_leaving_records_out() -> None:
    """With all records as landmarks it is kernel ridge regression; one is left out by solving again without it."""
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(24, 3)), rng.normal(size=(24, 2))
    targets[:, 0] += x[:, 0]
    near = np.exp(-0.3 * np.square(x[:, None] - x[None]).sum(axis=-1))
    found, bias = ridge(near, np.arange(24), targets), targets.mean(axis=0)
    np.testing.assert_allclose(found.bias, bias, rtol=1e-5)
    exact = np.linalg.solve(near + found.strength * np.eye(24), targets - bias)
    np.testing.assert_allclose(near @ found.weights, near @ exact, atol=1e-3)
    errors = {}
    for strength in STRENGTHS:
        left_out = []
        for row in range(24):
            rest = np.arange(24) != row
            weights = np.linalg.solve(near[rest][:, rest] + strength * np.eye(23), (targets - bias)[rest])
            left_out.append(near[row, rest] @ weights - (targets - bias)[row])
        errors[strength] = np.square(left_out).mean()
    assert found.strength == min(errors, key=lambda strength: errors[strength])
    assert found.strength not in (STRENGTHS[0], STRENGTHS[-1])


def test_fewer_landmarks_than_records() -> None:
    """Then the error and the penalty of a function of these landmarks are least."""
    rng = np.random.default_rng(1)
    x, targets, rows = rng.normal(size=(30, 2)), rng.normal(size=(30, 1)), np.arange(0, 30, 5)
    near = np.exp(-0.5 * np.square(x[:, None] - x[rows][None]).sum(axis=-1))
    found = ridge(near, rows, targets)

    def lost(weights: np.ndarray) -> float:
        apart = targets - found.bias - near @ weights
        return float(np.square(apart).sum() + found.strength * np.sum(weights * (near[rows] @ weights)))

    least = lost(found.weights)
    assert all(lost(found.weights + 0.01 * rng.normal(size=found.weights.shape)) > least for _ in range(20))


def test_distances() -> None:
    """Those of what is there from what is there; zeros stand for what is absent on either side."""
    rng = np.random.default_rng(0)
    x = (3 + rng.normal(size=(20, 4))).astype(np.float32)
    there, rows = np.arange(20) % 5 > 0, np.arange(0, 20, 2)
    layer = Apart(10)
    layer.build((None, 4))
    layer.hold(x, rows, there)
    centred = np.where(there[:, None], x - x[there].mean(axis=0, dtype=np.float64), 0.0)
    centred /= np.sqrt(np.square(centred).sum(axis=1)[there].mean())
    found = np.asarray(layer(x))
    wanted = np.square(centred[:, None] - centred[rows][None]).sum(axis=-1)
    np.testing.assert_allclose(found[there, 0], wanted[there], atol=1e-4)
    np.testing.assert_allclose(found[:, 1], np.tile(np.square(centred[rows]).sum(axis=1), (20, 1)), atol=1e-5)
    layer.hold(x * 0, rows, there & False)
    assert np.isfinite(layer(x)).all(), "an input that no training record has"


def test_the_answer_is_the_row_that_is_worth_most() -> None:
    table = [[1, 2, 0], [3, 0, 0], [4, 4, 4]]
    layer = TextChooser(table)
    x = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    learned = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)
    found = np.asarray(layer(x, learned))
    worth = x.astype(np.float64) @ np.asarray(layer.worth.kernel) + learned
    best = worth.argmax(axis=1)
    assert len({*best}) > 1
    np.testing.assert_array_equal(found[:, :-1], np.array(table)[best])
    np.testing.assert_allclose(found[:, -1], np.log(np.clip(worth.max(axis=1), 1e-6, 1)), rtol=1e-5)
    again = TextChooser.from_config(layer.get_config())
    again.build(x.shape, learned.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x, learned), found)


def test_how_far_an_exported_answer_is_off() -> None:
    """In what the text is worth, which is computed, and not in its logarithm, which is larger the less it is worth."""
    task = fitted()
    wanted = np.array([[1, 2, 0, 0, np.log(0.01)], [1, 2, 0, 0, np.log(0.5)], [1, 2, 0, 0, np.log(0.5)]])
    answers = np.array([[1, 2, 0, 0, np.log(0.011)], [3, 0, 0, 0, np.log(0.5)], [3, 0, 0, 0, np.log(0.6)]])
    np.testing.assert_allclose(task.difference(answers, wanted), [[0.001], [0.0], [1.0]], atol=1e-9)


def test_what_cannot_be_chosen() -> None:
    spec = spec_of().subset(["word"])
    with pytest.raises(MMZooError, match="has no vocabulary yet"):
        mmzoo.build(mmzoo.Spec(spec.inputs, "concat", [choice()]))
    with pytest.raises(MMZooError, match="this fusion joins answers; choose a fusion of features"):
        mmzoo.build(mmzoo.Spec(spec.inputs, "decision_mean", [fitted()]))
    with pytest.raises(MMZooError, match="The choices of task 'says' must be strings"):
        choice(choices=[1])
    with pytest.raises(MMZooError, match="The landmarks of task 'says'"):
        choice(landmarks=0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """One that has chosen in closed form, of two inputs, one of which some records lack."""
    plain, data = spec_of(), records(320, 0)
    data.columns["row"][::7] = [None] * len(data.columns["row"][::7])
    data.columns["says"][::9] = [None] * len(data.columns["says"][::9])
    task = mmzoo.TextChoice("says", 8, tokenizer=mmzoo.Tokenizer("words", size=300))
    spec = mmzoo.Spec(plain.inputs, plain.fusion, [task], dim=32)
    training = mmzoo.Training(epochs=1, batch_size=32, learning_rate=1e-5)
    return mmzoo.train(spec, data, records(40, 1), training=training, out=tmp_path_factory.mktemp("run") / "run")


@pytest.mark.long
def test_it_learns_what_to_choose(run: mmzoo.Run) -> None:
    """With both inputs it is known; with one, one of those that are as likely."""
    assert run.spec.tasks[0].landmarks == 284  # type: ignore[attr-defined]
    test = records(60, 2)
    data = run.evaluate(test)
    assert data["subsets"]["word+row"]["exact_match"] > 0.95
    assert data["subsets"]["row"]["exact_match"] < 0.6, "which of four words it is, it cannot know"
    assert data["subsets"]["row"]["chrf"] > 50
    answer = run.predict({"word": "green", "row": {"n": 2.0}})["says"]
    assert answer["text"] == f"{NUMBERS[2]} {WORDS[1]} things"
    assert -0.5 < answer["log_prob"] <= 0
    half = run.predict({"word": "green"})["says"]
    assert "green things" in half["text"]
    assert half["log_prob"] < answer["log_prob"]
    assert mmzoo.Run(run.folder).predict({"word": "green"})["says"] == half


@pytest.mark.long
def test_that_it_cannot_be_explained_is_said(run: mmzoo.Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(run.folder), "--input", "word=green"]) == 2
    assert "Task 'says' answers with a vector or a text" in capsys.readouterr().err


@pytest.mark.long
def test_a_tflite_of_builtins_answers_the_same(run: mmzoo.Run, tmp_path: Path) -> None:
    Serving(run.model, batch=1).save(tmp_path / "model", "serve_tensors")
    (tmp_path / "model.tflite").write_bytes(converted(str(tmp_path / "model")))
    from ai_edge_litert.interpreter import Interpreter

    lite = Interpreter(model_path=str(tmp_path / "model.tflite")).get_signature_runner("serving_default")
    inputs = decode(run.spec, records(5, 2))
    inputs["present"][3:, 1] = False
    wanted = run_model(run.model, inputs)["says"]
    for row in range(5):
        example = {name: each[row : row + 1] for name, each in inputs.items()}
        found = lite(**{**example, "present": example["present"].astype(np.uint8)})["says"]
        np.testing.assert_array_equal(found[:, :-1], wanted[row : row + 1, :-1])
        np.testing.assert_allclose(found[:, -1], wanted[row : row + 1, -1], atol=1e-3)
