"""Questions about the pictures of the embedded sample, of which none can be answered without the picture."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from mmzoo.data.records import Records
from mmzoo.datasets import datasets
from mmzoo.datasets.emoji import emoji

KINDS = {
    "Smileys & Emotion": "a feeling",
    "People & Body": "a person",
    "Animals & Nature": "an animal or a plant",
    "Food & Drink": "food",
    "Travel & Places": "a place",
    "Activities": "a pastime",
    "Objects": "a thing",
    "Symbols": "a sign",
}
COLORS = {
    "red": (205, 45, 40),
    "orange": (245, 135, 35),
    "yellow": (252, 205, 60),
    "green": (75, 160, 70),
    "blue": (60, 130, 205),
    "purple": (140, 85, 170),
    "pink": (240, 140, 170),
    "brown": (125, 85, 60),
    "grey": (135, 140, 145),
    "black": (45, 45, 48),
}
WHITE = (255, 255, 255)
MOSTLY, HARDLY = 0.35, 0.03
"""The share of what is not white that makes a picture mostly of a colour, and that is hardly any."""


class Question(NamedTuple):
    """About the picture of a record."""

    row: int
    question: str
    answer: str


@datasets.register(
    "emoji_questions",
    inputs="image, question",
    tasks="answer",
    licence="Noto Emoji: Apache License 2.0; see NOTICE",
)
def emoji_questions() -> tuple[Records, Records, Records]:
    """Questions about Noto emoji: is it mostly red, is it a person or a sign? Each answer is as frequent as the other.

    Columns: `image` uint8 (64, 64, 3), `question` and `answer` str, and `about`, "colour" or "kind". In each split
    every question has each of its two answers equally often, so that the question alone says nothing. The split is that
    of `emoji`: no concept is on two sides.
    """
    train, validation, test = (questions_of(part, seed) for seed, part in enumerate(emoji()))
    return train, validation, test


def questions_of(records: Records, seed: int) -> Records:
    """The questions about the pictures of one split."""
    rng = np.random.default_rng(seed)
    pictures, kinds = records.column("image"), [KINDS[str(group)] for group in records.column("group")]
    shares = [shares_of(np.asarray(picture)) for picture in pictures]
    colors = [max(each.items(), key=lambda pair: pair[1])[0] for each in shares]
    clear = [row for row, color in enumerate(colors) if shares[row][color] >= MOSTLY]
    found: dict[str, list[Question]] = {"kind": [], "colour": []}
    for row, other in enumerate(rng.permutation(len(kinds))):
        if kinds[row] != kinds[other]:
            found["kind"] += asked(row, "", kinds[row], kinds[other])
    for row, other in zip(clear, rng.permutation(clear), strict=True):
        if shares[row][colors[other]] <= HARDLY:
            found["colour"] += asked(row, "mostly ", colors[row], colors[other])
    kept = [(about, each) for about, several in found.items() for each in balanced(several, rng)]
    return Records(
        {
            "image": [pictures[each.row] for _, each in kept],
            "question": [each.question for _, each in kept],
            "answer": [each.answer for _, each in kept],
            "about": [about for about, _ in kept],
        },
        [f"{records.ids[each.row]} {k}" for k, (_, each) in enumerate(kept)],
    )


def asked(row: int, word: str, truth: str, other: str) -> list[Question]:
    """What is asked of a picture: is it this, is it that, which of the two?"""
    first, second = sorted((truth, other))
    return [
        Question(row, f"is it {word}{truth}?", "yes"),
        Question(row, f"is it {word}{other}?", "no"),
        Question(row, f"which is it {word}: {first}, or {second}?".replace(" :", ":"), truth),
    ]


def balanced(questions: list[Question], rng: np.random.Generator) -> list[Question]:
    """As many of them that every question has each of its two answers equally often, in the order of the records."""
    by_answer: dict[str, dict[str, list[Question]]] = defaultdict(lambda: defaultdict(list))
    for each in questions:
        by_answer[each.question][each.answer].append(each)
    kept: list[Question] = []
    for answers in by_answer.values():
        count = min(map(len, answers.values())) if len(answers) == 2 else 0
        for several in answers.values():
            kept += [several[k] for k in rng.permutation(len(several))[:count]]
    return sorted(kept)


def shares_of(picture: np.ndarray) -> dict[str, float]:
    """How much of a picture is of each colour, of what is not white: that of the nearest of the named colours."""
    palette = np.array([*COLORS.values(), WHITE], np.float32)
    apart = np.square(picture.reshape(-1, 1, 3).astype(np.float32) - palette).sum(axis=-1)
    counts = np.bincount(apart.argmin(axis=1), minlength=len(palette))[:-1]
    return dict(zip(COLORS, (counts / max(counts.sum(), 1)).tolist(), strict=True))
