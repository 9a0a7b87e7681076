"""Questions about the embedded sample: no question says its answer."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from mmzoo.datasets.emoji import emoji
from mmzoo.datasets.emoji_questions import COLORS, emoji_questions, shares_of


@pytest.mark.long
def test_every_question_has_both_answers_equally_often() -> None:
    for part, sample in zip(emoji_questions(), emoji(), strict=True):
        answers: dict[str, list[str]] = defaultdict(list)
        for question, answer in zip(part.column("question"), part.column("answer"), strict=True):
            answers[question].append(answer)
        for question, given in answers.items():
            counts = Counter(given)
            assert len(counts) == 2
            assert len({*counts.values()}) == 1, question
        assert {each.partition(" ")[0] for each in part.ids} <= {*sample.ids}  # concepts stay on their side
        assert len({*part.ids}) == len(part)


def test_colours_are_shares_of_what_is_not_white() -> None:
    picture = np.full((8, 8, 3), 255, np.uint8)
    picture[:2] = COLORS["red"]
    picture[2:3, :4] = COLORS["blue"]
    found = shares_of(picture)
    assert found["red"] == 16 / 20
    assert found["blue"] == 4 / 20
    assert sum(shares_of(np.full((8, 8, 3), 255, np.uint8)).values()) == 0
