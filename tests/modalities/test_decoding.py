"""Decoding: greedy, beams and draws against every sequence that there is."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from mmzoo.decoding import Beam, Decoded, Greedy, Sample, decode
from mmzoo.errors import MMZooError

VOCABULARY, MOST, END, BEGIN = 4, 4, 2, 1


class Toy:
    """A decoder whose next token hangs on all tokens before it, which stand in its cache, and on the example."""

    def __init__(self, seed: int, count: int) -> None:
        rng = np.random.default_rng(seed)
        self.examples = rng.normal(size=(count, 5)).astype(np.float32)
        self.token, self.place = rng.normal(size=(VOCABULARY, 5)), rng.normal(size=(MOST, 5))
        self.out = rng.normal(size=(5, VOCABULARY)) * 2

    def caches(self, rows: Any = slice(None)) -> dict[str, Any]:
        examples = self.examples[rows]
        return {"seen": [np.zeros((len(examples), 5))], "example": (examples, None)}

    def step(self, tokens: np.ndarray, caches: Any, position: int) -> tuple[np.ndarray, Any]:
        (seen,), (example, _) = caches["seen"], caches["example"]
        seen = np.tanh(1.5 * seen + self.token[tokens] + self.place[position])
        logits = (seen + example) @ self.out
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return log_probs.astype(np.float32), {"seen": [seen], "example": (example, None)}

    def log_prob(self, row: int, sequence: tuple[int, ...]) -> float:
        """That of a sequence with its end, token by token."""
        caches, total, before = self.caches([row]), 0.0, BEGIN
        for place, token in enumerate(sequence):
            found, caches = self.step(np.array([before]), caches, place)
            total, before = total + float(found[0, token]), token
        return total

    def decode(self, how: Any, rows: Any = slice(None)) -> Decoded:
        first = np.full(len(self.examples[rows]), BEGIN)
        return decode(self.step, self.caches(rows), first, end=END, most=MOST, how=how)


def sequences() -> list[tuple[int, ...]]:
    """All answers: those that end, and those that are cut."""
    found = []
    for length in range(1, MOST + 1):
        for start in product([token for token in range(VOCABULARY) if token != END], repeat=length - 1):
            found.append((*start, END))
    return [*found, *product([token for token in range(VOCABULARY) if token != END], repeat=MOST)]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_a_beam_as_wide_as_there_are_sequences_finds_the_best_of_all(penalty: float) -> None:
    toy = Toy(0, 6)
    found = toy.decode(Beam(VOCABULARY**MOST, penalty))
    greedy = toy.decode(Greedy())
    for row in range(6):
        scores = {each: toy.log_prob(row, each) / ((5 + len(each)) / 6) ** penalty for each in sequences()}
        best = max(scores, key=lambda each: scores[each])
        ended = best[-1] == END
        assert tuple(found.sequences[row]) == best[: len(best) - ended]
        assert found.ended[row] == ended
        np.testing.assert_allclose(found.log_probs[row], toy.log_prob(row, best), atol=1e-5)
        length = greedy.lengths[row] + greedy.ended[row]
        assert scores[best] >= greedy.log_probs[row] / ((5 + length) / 6) ** penalty - 1e-6


def test_greedy_takes_the_likeliest_each_time() -> None:
    toy = Toy(1, 8)
    found = toy.decode(Greedy())
    assert found.ended.any()
    assert not found.ended.all()  # both kinds are looked at
    for row in range(8):
        caches, token, wanted = toy.caches([row]), BEGIN, []
        for place in range(MOST):
            log_probs, caches = toy.step(np.array([token]), caches, place)
            token = int(log_probs.argmax())
            wanted.append(token)
            if token == END:
                break
        np.testing.assert_allclose(found.log_probs[row], toy.log_prob(row, tuple(wanted)), atol=1e-5)
        assert list(found.sequences[row]) == [each for each in wanted if each != END]
        assert not found.ids[row, found.lengths[row] :].any()


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    toy = Toy(seed, 16)
    one, greedy = toy.decode(Beam(1, 0.7)), toy.decode(Greedy())
    np.testing.assert_array_equal(one.ids, greedy.ids)
    np.testing.assert_array_equal(one.ended, greedy.ended)
    np.testing.assert_allclose(one.log_probs, greedy.log_probs)


@pytest.mark.parametrize("how", [Greedy(), Beam(3), Sample(seed=3), Sample(top_k=2, top_p=0.8, temperature=0.5)])
def test_a_batch_is_as_one_by_one(how: Any) -> None:
    toy = Toy(2, 9)
    whole = toy.decode(how)
    for row in range(9):
        alone = toy.decode(how, [row])
        np.testing.assert_array_equal(alone.ids[0], whole.ids[row])
        np.testing.assert_allclose(alone.log_probs[0], whole.log_probs[row])
        told = (*whole.sequences[row], *([END] if whole.ended[row] else []))
        np.testing.assert_allclose(whole.log_probs[row], toy.log_prob(row, told), atol=1e-5)


def test_draws_follow_the_probabilities_among_the_likeliest() -> None:
    log_probs = np.log([[0.1, 0.5, 0.15, 0.25]])
    even = (np.arange(1000) + 0.5) / 1000

    def shares(how: Sample) -> np.ndarray:
        drawn = [int(how.choose(log_probs, each)[0]) for each in even]
        return np.bincount(drawn, minlength=4) / 1000

    np.testing.assert_allclose(shares(Sample()), [0.1, 0.5, 0.15, 0.25], atol=2e-3)
    np.testing.assert_allclose(shares(Sample(top_k=2)), [0, 2 / 3, 0, 1 / 3], atol=2e-3)
    np.testing.assert_allclose(shares(Sample(top_p=0.8)), np.array([0, 0.5, 0.15, 0.25]) / 0.9, atol=2e-3)
    hot = np.sqrt([0.1, 0.5, 0.15, 0.25])
    np.testing.assert_allclose(shares(Sample(temperature=2.0)), hot / hot.sum(), atol=2e-3)
    assert shares(Sample(top_p=1e-6))[1] == 1.0  # the likeliest always stays


def test_another_seed_draws_another_answer() -> None:
    toy = Toy(4, 12)
    answers = [toy.decode(Sample(seed=seed)).ids for seed in (0, 0, 1)]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[0] != answers[2]).any()


def test_tokens_are_told_as_they_come() -> None:
    toy, told = Toy(1, 8), []
    found = decode(
        toy.step,
        toy.caches(),
        np.full(8, BEGIN),
        end=END,
        most=MOST,
        seen=lambda tokens, running: told.append(np.where(running & (tokens != END), tokens, 0)),
    )
    np.testing.assert_array_equal(np.stack(told, axis=1), found.ids[:, : len(told)])


def test_a_forbidden_token_is_never_chosen() -> None:
    def step(tokens: np.ndarray, caches: Any, position: int) -> tuple[np.ndarray, Any]:
        return np.tile(np.float32([-np.inf, 0.0, -np.inf, -np.inf]), (len(tokens), 1)), caches

    for how in (Greedy(), Beam(3), Sample()):
        found = decode(step, None, np.array([BEGIN]), end=END, most=3, how=how)
        assert found.ids.tolist() == [[1, 1, 1]]
        assert found.log_probs[0] == 0.0
        assert not found.ended[0]


def test_probabilities_that_are_no_numbers_are_said() -> None:
    def step(tokens: np.ndarray, caches: Any, position: int) -> tuple[np.ndarray, Any]:
        return np.full((len(tokens), 3), np.nan), caches

    for how in (Greedy(), Beam(2), Sample()):
        with pytest.raises(MMZooError, match="not numbers"):
            decode(step, None, np.array([1]), end=2, most=3, how=how)


def test_nothing_is_decoded_of_nothing() -> None:
    toy = Toy(0, 2)
    assert toy.decode(Greedy(), []).ids.shape == (0, MOST)


@pytest.mark.parametrize(("made", "told"), [(Beam, {"beams": 0}), (Sample, {"top_p": 0.0}), (Sample, {"top_k": -1})])
def test_choices_are_checked(made: Any, told: dict[str, Any]) -> None:
    with pytest.raises(MMZooError, match="must be a"):
        made(**told)
