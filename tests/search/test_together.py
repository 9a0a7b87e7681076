"""Several inputs that look together: what they are held against, and how much each of them counts."""

from __future__ import annotations

import numpy as np

import mmzoo
from mmzoo.evaluation.retrieval import RetrievalEvaluation
from mmzoo.inference.subset_predictions import SubsetPredictions
from mmzoo.inference.trust import found
from mmzoo.names import single_output
from mmzoo.tasks.retrieval import Retrieval
from tests.conftest import small_records, small_spec

COUNT = 60
TASK = mmzoo.Retrieval("match", dim=16, inputs=("picture", "words", "sound"))


def unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)


def made(seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels and vectors: pictures and sounds are told apart by what they have in common, the words are one of two."""
    rng = np.random.default_rng(seed)
    true, which = rng.normal(size=(COUNT, 16)), np.arange(COUNT) % 2
    vectors = {
        "picture": unit(true),
        "words": unit(rng.normal(size=(2, 16)))[which],
        "sound": unit(true + 0.6 * rng.normal(size=true.shape)),
    }
    labels = np.stack([np.arange(COUNT), which, np.arange(COUNT)], axis=1).astype(np.int32)
    return labels, vectors


def test_an_input_that_many_records_share_is_not_the_one_that_finds_best() -> None:
    """Half of all pictures are right for words that half of the records have: that they are found says nothing."""
    labels, vectors = made()
    spec = small_spec(tasks=[TASK])
    (task,) = spec.tasks
    assert isinstance(task, Retrieval)
    singles = {single_output("match", name): each for name, each in vectors.items()}
    predictions = {}
    for subset in ("picture", "words", "sound", "picture+words", "words+sound", "picture+sound", "picture+words+sound"):
        predictions[subset] = {**singles, "match": unit(sum(vectors[name] for name in subset.split("+")))}
    answers = SubsetPredictions({"match": labels}, np.ones((COUNT, 3), bool), {}, predictions, {}, [], {})
    result = RetrievalEvaluation(spec, task, "test", small_records(COUNT), answers, {})
    easy = next(each for each in result.directions if (each.asked, each.key) == (("words",), "picture"))
    assert easy.value == 1 and easy.chance > 0.99
    (gained,) = [each for most, each in result.together if most.key == "picture"]
    assert gained.over == "sound alone"
    rows = [each.over for each in result.gains]
    assert "sound alone -> picture" in rows and len(rows) == len(set(rows)) == 3
    scores = vectors["sound"] @ vectors["picture"].T
    ranks = (scores >= np.diag(scores)[:, None]).sum(axis=1)
    both = predictions["words+sound"]["match"] @ vectors["picture"].T
    joint = (both >= np.diag(both)[:, None]).sum(axis=1)
    np.testing.assert_allclose(gained.gain, (joint <= 10).mean() - (ranks <= 10).mean(), atol=1e-9)


def test_what_disturbs_the_others_counts_little() -> None:
    labels, vectors = made(1)
    trust = dict(zip(TASK.inputs, found(TASK, TASK.inputs, vectors, labels), strict=True))
    assert trust["picture"] == trust["sound"] == 1
    assert trust["words"] < 0.5


def test_of_four_inputs_two_that_look_count_too() -> None:
    """Three together find a picture also with what disturbs; two of them would not."""
    labels, vectors = made(2)
    rng = np.random.default_rng(3)
    task = mmzoo.Retrieval("match", dim=16, inputs=("picture", "words", "sound", "speech"))
    vectors["speech"] = unit(vectors["picture"] + 0.3 * rng.normal(size=(COUNT, 16)))
    trust = dict(zip(task.inputs, found(task, task.inputs, vectors, labels[:, [0, 1, 2, 0]]), strict=True))
    assert trust["words"] < 0.5
