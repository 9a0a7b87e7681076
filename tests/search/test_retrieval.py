"""Retrieval: the loss and the metrics against NumPy in float64, and a model that learns to find without a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

import mmzoo
from mmzoo.data.records import Records
from mmzoo.errors import DataError, MMZooError
from mmzoo.fingerprints import groups
from mmzoo.inference.embed import embedding_task
from mmzoo.labels import encode_labels
from mmzoo.layers.nearness import Rarity
from mmzoo.names import scale_output, single_output
from mmzoo.tasks.metrics.recall import search
from mmzoo.tasks.retrieval import Retrieval
from mmzoo.training.settings import check_settings
from tests.conftest import small_records, small_spec

NAMES = ("near", "far", "third")
INPUTS = [mmzoo.Text(name) for name in NAMES]


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def made_up(rows: int = 7) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Groups (N, 3) and vectors by input: what a row lacks is -1 there, and zeros; two rows hold the same."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(rows, dtype=np.int32)[:, None], (1, 3))
    labels[5, 0] = labels[2, 0]
    labels[1, 1] = labels[6, 2] = -1
    vectors = {}
    for place, name in enumerate(NAMES):
        vectors[name] = unit(random.normal(size=(rows, 4))) * (labels[:, place : place + 1] >= 0)
    return labels, vectors


@pytest.mark.parametrize("objective", ["infonce", "siglip"])
@pytest.mark.parametrize("hard", [0.0, 2.0])
def test_the_loss_is_the_mean_over_all_directions(objective: str, hard: float) -> None:
    task = Retrieval("match", 4, objective=objective, hard_negatives=hard).of_inputs(INPUTS)
    labels, vectors = made_up()
    scale, bias = (5.0, -1.0) if objective == "siglip" else (5.0, 0.0)
    outputs = {single_output("match", name): tf.constant(each, tf.float32) for name, each in vectors.items()}
    outputs |= {"match": tf.zeros((7, 4)), scale_output("match"): tf.tile([[np.float32(np.log(scale)), bias]], (7, 1))}
    directions = []
    for a in range(3):
        for b in {0, 1, 2} - {a}:
            each = []
            for i in range(7):
                if labels[i, a] < 0 or labels[i, b] < 0:
                    continue
                wrong = [
                    j
                    for j in range(7)
                    if j != i
                    and min(labels[j, a], labels[j, b]) >= 0
                    and labels[j, a] != labels[i, a]
                    and labels[j, b] != labels[i, b]
                ]
                cosines = vectors[NAMES[b]] @ vectors[NAMES[a]][i]
                weights = np.exp(hard * cosines[wrong])
                weights /= weights.mean()
                scores = scale * cosines + bias
                if objective == "infonce":
                    counted = np.concatenate([[scores[i]], scores[wrong] + np.log(weights)])
                    each.append(logsumexp(counted) - scores[i])
                else:
                    scores = scores - np.log(max(weights.sum(), 1.0))
                    each.append(np.logaddexp(0, -scores[i]) + (weights * np.logaddexp(0, scores[wrong])).sum())
            directions.append(np.mean(each))
    assert float(task.batch_loss(tf.constant(labels), outputs)) == pytest.approx(np.mean(directions), rel=1e-5)


def test_records_of_the_same_group_are_no_negatives() -> None:
    """With all in one group nothing is wrong, and there is nothing to learn."""
    task = Retrieval("match", 4, same="kind").of_inputs(INPUTS)
    labels, vectors = made_up()
    outputs = {single_output("match", name): tf.constant(each, tf.float32) for name, each in vectors.items()}
    outputs |= {"match": tf.zeros((7, 4)), scale_output("match"): tf.zeros((7, 2))}
    assert task.group_columns == (*NAMES, "kind")
    apart = np.concatenate([labels, np.full((7, 1), -1, np.int32)], axis=1)
    assert float(task.batch_loss(tf.constant(apart), outputs)) > 0.5
    alike = np.concatenate([labels, np.zeros((7, 1), np.int32)], axis=1)
    assert float(task.batch_loss(tf.constant(alike), outputs)) == pytest.approx(0.0, abs=1e-6)


def test_metrics_against_a_search_by_hand() -> None:
    random = np.random.default_rng(1)
    queries, candidates = (random.integers(-8, 8, (60, 3)) / 4 for _ in range(2))  # whose sums are exact
    first, second, other = random.integers(0, 50, 60), random.integers(0, 40, 60), random.integers(-1, 8, 60)
    for group in range(40):  # what holds the same has the same vector
        candidates[second == group] = candidates[np.flatnonzero(second == group)[:1]]
    found = search(queries, candidates, second, first, other)
    there = sorted(set(second))
    ranks, precisions = [], []
    for i in range(60):
        belonging = {
            second[j]
            for j in range(60)
            if first[j] == first[i] or second[j] == second[i] or (other[i] >= 0 and other[j] == other[i])
        }
        scores = {group: float(queries[i] @ candidates[np.flatnonzero(second == group)[0]]) for group in there}
        order = sorted(there, key=lambda group: (-scores[group], group in belonging))
        hits = [place for place, group in enumerate(order, 1) if group in belonging]
        ranks.append(hits[0])
        precisions.append(np.mean([n / place for n, place in enumerate(hits, 1)]))
    assert found.candidates == len(there)
    np.testing.assert_array_equal(found.ranks, ranks)
    np.testing.assert_allclose(found.precisions, precisions)
    metrics = found.metrics
    assert metrics["recall@5"] == pytest.approx(np.mean(np.array(ranks) <= 5))
    assert metrics["mrr"] == pytest.approx(np.mean(1 / np.array(ranks)))
    assert metrics["median_rank"] == np.median(ranks) and metrics["map"] == pytest.approx(np.mean(precisions))

    drawn = [[random.permutation(len(there))[:count].min() + 1 for count in found.rights] for _ in range(400)]
    assert found.chance["recall@5"] == pytest.approx(np.mean(np.array(drawn) <= 5), abs=0.02)
    assert found.chance["mrr"] == pytest.approx(np.mean(1 / np.array(drawn)), abs=0.02)
    assert found.chance["median_rank"] == pytest.approx(np.median(drawn), abs=1)


def test_vectors_that_are_all_equal_find_nothing() -> None:
    """Of equal scores the right one comes last."""
    found = search(np.ones((9, 2)), np.ones((9, 2)), np.arange(9))
    assert set(found.ranks) == {9}


def test_groups_are_of_what_values_hold(tmp_path: Path) -> None:
    for name, text in (("a", "one"), ("b", "two"), ("c", "one"), ("d", "three")):
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in "abcd"]
    bad = DataError("torn", "truncated_image")
    assert groups([*paths, None, bad, "x", "y", "x", np.zeros(2), np.zeros(2)]).tolist() == [
        *(0, 1, 0, 3, -1, -1),
        *(6, 7, 6, 9, 9),
    ]


def hidden(count: int, seed: int = 0) -> Records:
    """Two tables that are turned pictures of one hidden row."""
    random = np.random.default_rng(5)
    turns = [np.linalg.qr(random.normal(size=(8, 8)))[0] for _ in NAMES[:2]]
    rows = np.random.default_rng(seed).normal(size=(count, 8))
    columns = {
        name: [{f"{name}{k}": float(x) for k, x in enumerate(row)} for row in rows @ turn]
        for name, turn in zip(NAMES[:2], turns, strict=True)
    }
    return Records(columns, [f"r{k}" for k in range(count)])


def hidden_spec(**options: Any) -> mmzoo.Spec:
    inputs = [
        mmzoo.Tabular(name, numbers=[f"{name}{k}" for k in range(8)], tower=mmzoo.Tower("mlp", width=32))
        for name in NAMES[:2]
    ]
    return mmzoo.Spec(inputs, "concat", [mmzoo.Retrieval("match", 16, **options)], dim=16)


@pytest.mark.long
@pytest.mark.parametrize("options", [{"fused": True}, {"objective": "siglip", "bank": 60}], ids=str)
def test_inputs_learn_to_find_each_other(options: dict[str, Any], tmp_path: Path) -> None:
    training = mmzoo.Training(epochs=20, batch_size=50, learning_rate=3e-3, modality_dropout=0.0, ema_decay=0.0)
    run = mmzoo.train(hidden_spec(**options), hidden(400), hidden(100, 1), training=training, out=tmp_path / "run")
    for layer in (each for each in run.model.layers if isinstance(each, Rarity)):
        np.testing.assert_allclose(np.linalg.norm(layer.bank.numpy(), axis=0), 1.0, atol=1e-5)
    new = hidden(100, 2)
    new.columns["near"][3] = None
    found = mmzoo.Run(run.folder).embed(new)
    assert {name: each.shape for name, each in found.items()} == {"near": (100, 16), "far": (100, 16)}
    assert np.isnan(found["near"][3]).all() and np.isfinite(found["far"]).all()
    kept = np.arange(100) != 3
    for each in found.values():
        np.testing.assert_allclose(np.linalg.norm(each[kept], axis=1), 1.0, rtol=1e-5)
    places = (found["near"][kept] @ found["far"][kept].T).argmax(axis=1)
    assert (places == np.arange(99)).mean() > 0.4  # chance is 0.01
    one = run.embed({"far": new.column("far")[0]})
    assert one.keys() == {"far"}
    np.testing.assert_allclose(one["far"][0], found["far"][0], atol=1e-5)


def test_what_cannot_be_is_said() -> None:
    spec = small_spec(tasks=[mmzoo.Retrieval("match", 8)])
    assert mmzoo.Spec.from_json(spec.to_json()) == spec
    assert spec.subset(["picture", "words"]).tasks[0].directions == [("picture", "words"), ("words", "picture")]
    with pytest.raises(MMZooError, match="they all need more inputs"):
        spec.subset(["words"])
    both = small_spec(tasks=[mmzoo.Retrieval("match", 8), *small_spec().tasks])
    assert [task.name for task in both.subset(["words"]).tasks] == ["animal"]
    with pytest.raises(MMZooError, match="Did you mean 'picture'"):
        small_spec(tasks=[mmzoo.Retrieval("match", inputs=["pictures", "words"])])
    with pytest.raises(MMZooError, match="give it two"):
        small_spec(tasks=[mmzoo.Retrieval("match", inputs=["words"])])
    with pytest.raises(MMZooError, match="for it there are: infonce, siglip"):
        mmzoo.Retrieval("match", objective="cross_entropy")
    with pytest.raises(MMZooError, match="leave out 'fused'"):
        mmzoo.build(small_spec("decision_mean", tasks=[mmzoo.Retrieval("match", fused=True)]))
    with pytest.raises(MMZooError, match="'grad_accum_steps' to 1"):
        check_settings(spec, mmzoo.Training(methods=["fgsm"], grad_accum_steps=2))
    with pytest.raises(MMZooError, match="none of its tasks is a retrieval"):
        embedding_task(small_spec())


def test_vectors_that_become_equal_end_the_training() -> None:
    task = Retrieval("match", 4).of_inputs(INPUTS[:2])
    labels = np.tile(np.arange(5, dtype=np.int32)[:, None], (1, 2))
    vectors = {name: unit(np.random.default_rng(0).normal(size=(5, 4))) for name in task.answer_outputs}
    assert task.failure(labels, vectors) == ""
    vectors["match.far"] = unit(np.ones((5, 4)) + 1e-4 * vectors["match.far"])
    assert "vectors of 'far' have become equal for all 5" in task.failure(labels, vectors)
    same = np.stack([labels[:, 0], np.zeros(5, np.int32)], axis=1)
    assert task.failure(same, vectors) == "", "what holds the same has the same vector"


def test_records_without_pairs_are_told() -> None:
    spec = small_spec(tasks=[mmzoo.Retrieval("match", 8)])
    records = small_records(4)
    apart = Records({**records.columns, "picture": [None] * 4, "sound": [None] * 4}, records.ids)
    with pytest.raises(MMZooError, match="None of 4 records has two of picture and words and sound"):
        encode_labels(spec.tasks, apart)
    with pytest.raises(MMZooError, match="of 1 record no two differ"):
        encode_labels(spec.tasks, small_records(1))
    found = encode_labels(spec.tasks, apart, unasked=True)["match"]
    assert not np.asarray(spec.tasks[0].known(found)).any()
