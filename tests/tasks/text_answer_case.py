"""What the tests of answers that are texts share."""

from __future__ import annotations

from typing import Any

import numpy as np

import mmzoo
from mmzoo.data.records import Records

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
