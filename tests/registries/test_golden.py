"""One table of texts and one of pictures for all who read them: Python, the graph, `mmzoo.lite` and the page."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.export.formats import web
from mmzoo.modalities.image import client as lite_pictures
from mmzoo.modalities.image.pictures.resizing import resized, resizer
from mmzoo.modalities.text import client as lite_texts
from mmzoo.tokenizers.bytewise import lower_case

LENGTH, SIDE = 40, 6
TEXTS = {
    "": "",
    "Plain Text": "plain text",
    "ﬁne ½ ⅷ ² Ａ": "fine 1⁄2 viii 2 a",
    "e\u0301 \u00e9 ÉMIGRÉ": "é é émigré",
    "a\0b": "a b",
    "zero\u200bwidth\ufeffmark": "zero width mark",
    "line\u2028end": "line end",
    "wide～tilde": "wide～tilde",
    "日本語 ｶﾞ 🦜": "日本語 ガ 🦜",
    "İ ẞ Σ": "i̇ ß σ",
    "half \ud83d": "half  ",
    "\u2581▁": "  ",
}
"""By hand, by Unicode's tables: what a text is in NFKC, in lower case, without what has no width."""
PICTURES = [(6, 6), (12, 12), (7, 31), (31, 7), (3, 2), (1, 1), (200, 5)]
PAGE = """
import {readFileSync} from 'fs';
import {squeezed, words} from '%s';
const given = JSON.parse(readFileSync(0, 'utf8'));
const input = {name: 'text', dtype: 'uint8', shape: [null, %d], lowercase: true};
const texts = given.texts.map(text => Array.from(words(input, text)));
const pictures = given.pictures.map(one => Array.from(squeezed(Uint8Array.from(one.rgba), one.width, one.height, %d)));
console.log(JSON.stringify({texts, pictures}));
"""


def pixels(sides: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(sides).integers(0, 256, (*sides, 3)).astype(np.uint8)


@functools.cache
def on_the_page() -> dict[str, Any]:
    """What the page makes of both tables."""
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's reader")
    shown = [np.pad(pixels(sides), ((0, 0), (0, 0), (0, 1)), constant_values=255) for sides in PICTURES]
    pictures = [{"height": len(each), "width": each.shape[1], "rgba": each.ravel().tolist()} for each in shown]
    program = PAGE % ((Path(web.__file__).parents[1] / "page" / "tensors.js").as_uri(), LENGTH, SIDE)
    given = json.dumps({"texts": [*TEXTS], "pictures": pictures})
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


ITEM = mmzoo.Text("text", max_bytes=LENGTH, tower="embedding_mean", tokenizer=mmzoo.Tokenizer("hashed_words"))
READ = {
    "python": ITEM.decode,
    "lite": lite_texts.decoder({"name": "text", "dtype": "uint8", "shape": [None, LENGTH], "lowercase": True}),
    "page": lambda text: np.array(on_the_page()["texts"][[*TEXTS].index(text)]),
}


@pytest.mark.parametrize("reader", READ)
def test_texts(reader: str) -> None:
    for text, normal in TEXTS.items():
        found = bytes(READ[reader](text).astype(np.uint8))
        assert found.rstrip(b"\0").decode() == normal, ascii(text)


def test_a_graph_leaves_a_normal_text_as_it_is() -> None:
    """It makes no more of it than small letters of the ASCII ones, for those who give bytes as they come."""
    for normal in TEXTS.values():
        data = np.frombuffer(normal.encode(), np.uint8)[None].astype(np.int32)
        np.testing.assert_array_equal(lower_case(data), data)
    assert (
        bytes(np.asarray(lower_case(np.frombuffer("AZÉ".encode(), np.uint8)[None]))[0].astype(np.uint8))
        == "azÉ".encode()
    )


def triangle(length: int) -> np.ndarray:
    """Each new pixel as a mean of the old ones under a triangle as wide as a new one is, float64 (SIDE, length)."""
    scale = length / SIDE
    centres, places = (np.arange(SIDE) + 0.5) * scale, np.arange(length) + 0.5
    weights = np.maximum(0, 1 - np.abs(places - centres[:, None]) / max(scale, 1.0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


SQUEEZE = {
    "python": lambda sides: resized(pixels(sides), SIDE),
    "graph": lambda sides: np.asarray(resizer(SIDE)(pixels(sides))),
    "lite": lambda sides: lite_pictures.squeezed(pixels(sides), SIDE),
    "page": lambda sides: np.reshape(on_the_page()["pictures"][PICTURES.index(sides)], (SIDE, SIDE, 3)),
}


@pytest.mark.parametrize("reader", SQUEEZE)
def test_pictures(reader: str) -> None:
    """Within one level of 255 of float64."""
    for sides in PICTURES:
        rows, columns = (triangle(length) for length in sides)
        wanted = np.einsum("yh,hwc,xw->yxc", rows, pixels(sides).astype(np.float64), columns)
        found = SQUEEZE[reader](sides)
        assert found.shape == (SIDE, SIDE, 3)
        assert np.abs(found.astype(float) - wanted).max() <= 1.01, sides
