"""What the exported page reads by itself, run by Node.js: ids, pictures and rows are Python's."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo import datasets
from mmzoo.export.formats import web
from mmzoo.modalities.image.pictures.header import read_header
from mmzoo.tokenizers import tokenizers
from tests.conftest import usual
from tests.modalities.pictures.picture_files import BASE, FILES, PLAIN, SMALL_GIF, filled, screened

PAGE = Path(web.__file__).parents[1] / "page"


NODE = """
import {readFileSync} from 'fs';
import {encoder} from '%s';
const given = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(given.texts.map(encoder(given.name, given.vocabulary))));
"""
ODD = [
    "",
    " ",
    "  two  spaces ",
    "it's we'll 12,5 €! ^x`~",
    "日本語 émigré 🦜🦜",
    "a\tb\nc\r\u3000d\u00a0e",
    "x" * 120,
    "zero\u200bwidth\u0085joined\u200d",
    "<unk> [unk] ##ing",
    "qqq ¿¡ ẞ İ ﬁ",
    "\u0378 unassigned",
    "1² ½ ⅷ ٣",
]
OLD = unicodedata.ucd_3_2_0  # what came later or was sorted anew is not the same in all libraries
LETTERS = [c for c in map(chr, range(1, 0x3400)) if OLD.category(c) == unicodedata.category(c) != "Cn"]


@pytest.mark.parametrize("name", usual(["words", "wordpiece", "bpe", "sentencepiece"], {"wordpiece", "sentencepiece"}))
def test_trained_tokenizers_give_pythons_ids(name: str) -> None:
    """On the names of the emoji, and on what is odd in Unicode."""
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's tokenizers")
    train, _, test = datasets.load("emoji")
    learnt, asked = ([normal(text) for text in records.column("name")] for records in (train, test))
    asked += [normal(text) for text in ODD] + [normal(f"a{letter}b") for letter in LETTERS]
    made = tokenizers[name](size=400)
    vocabulary = made.train(learnt)
    program = NODE % PAGE.joinpath("tokenizers.js").as_uri()
    given = json.dumps({"name": name, "vocabulary": vocabulary, "texts": asked})
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    encode = type(made).encoder(vocabulary)
    for text, found in zip(asked, json.loads(done.stdout), strict=True):
        assert found == encode(text), ascii(text)


def normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


SIDES = """
import {readFileSync} from 'fs';
import {check, sides} from '%s';
const given = JSON.parse(readFileSync(0, 'utf8')).map(file => Uint8Array.from(Buffer.from(file, 'base64')));
const refused = file => { try { check(file); return false; } catch { return true; } };
console.log(JSON.stringify(given.map(file => [sides(file), refused(file)])));
"""
FRAME = BASE.index(b"\xff\xc0")
LARGE = {
    "JPEG, a fill byte": filled(BASE[: FRAME + 5] + struct.pack(">HH", 30_000, 30_000) + BASE[FRAME + 9 :]),
    "PNG, 50,000,000 x 1": PLAIN[:16] + struct.pack(">II", 50_000_000, 1) + PLAIN[24:],
    "GIF, a frame off its screen": screened(SMALL_GIF, (64, 64), (60_000, 16_000)),
    "cut short": PLAIN[:20],
    "no picture": bytes(100),
}


def test_the_page_refuses_pictures_before_the_browser_decodes_them() -> None:
    """What it believes of a header is what Pillow does."""
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's reader")
    files = {name: data for name, data in FILES.items() if not name.startswith("TIFF")}
    program = SIDES % PAGE.joinpath("pictures.js").as_uri()
    given = json.dumps([base64.b64encode(data).decode() for data in [*files.values(), *LARGE.values()]])
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for (name, data), (sides, refused) in zip(files.items(), found, strict=False):
        facts = read_header(data, name)
        assert (tuple(sides), refused) == ((facts.width, facts.height), False), name
    assert all(refused for _, refused in found[len(files) :])


ROW = """
import {readFileSync} from 'fs';
import {row} from '%s';
const given = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(given.rows.map(cells => Array.from(row(given.input, cells), String))));
"""


def test_rows_are_what_python_makes_of_them() -> None:
    """Numbers, categories, dates and words as the page's fields have them."""
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's rows")
    columns = {"numbers": ["n"], "categories": ["c"], "dates": ["d", "e"], "multi_categories": ["m"]}
    rows: list[dict[str, Any]] = [
        {"n": "3.5", "c": "b", "d": "2024-05-31T23:59", "e": "1931-01-02T06:30", "m": ["q"]},
        {"n": "", "c": "", "d": "", "e": "2000-02-29", "m": ""},
        {"n": "-1e3", "d": "0001-01-01", "e": "9999-12-31T12:00", "m": ["q", "p"]},
    ]
    item = mmzoo.Tabular("x", **columns).fit([*rows, {"c": "a", "m": "p"}])
    command = [node, "--input-type=module", "-e", ROW % PAGE.joinpath("tensors.js").as_uri()]
    given = json.dumps({"input": item.to_json(), "rows": rows})
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    found = np.array(json.loads(done.stdout), np.float32)
    np.testing.assert_array_equal(found, np.stack([item.decode(row) for row in rows]))
