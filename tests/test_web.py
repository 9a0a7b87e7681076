"""The page in a browser: the same answers as Python, from files, a text and a recording, by keyboard and on a phone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import struct
import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo import datasets
from mmzoo.errors import MMZooError
from mmzoo.export.formats import web
from mmzoo.modalities.image.pictures.header import read_header
from mmzoo.tokenizers import tokenizers
from tests.browser import change, needed, opened
from tests.conftest import LABELS, small_records, small_spec
from tests.picture_files import BASE, FILES, PLAIN, SMALL_GIF, filled, screened

COUNT = 20
PAGE = Path(web.__file__).parents[1] / "page"
RECORDS = small_records(COUNT, 5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    """A small model that reads a picture, a text, whose tokenizer is trained, and a sound."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    training = mmzoo.Training(epochs=6, batch_size=8, learning_rate=0.01)
    picture, words, sound = small_spec().inputs
    spec = small_spec(inputs=[picture, replace(words, tokenizer=mmzoo.Tokenizer("wordpiece", size=300)), sound])
    return mmzoo.train(spec, small_records(48), training=training, out=folder)


@pytest.fixture(scope="module")
def page(run: mmzoo.Run) -> Iterator[Any]:
    """The exported page, open in Chromium."""
    needed()
    try:
        run.export("web", RECORDS)
    except MMZooError as error:
        pytest.skip(str(error))
    with opened(run.folder / "export" / "web") as found:
        yield found


def answer(page: Any) -> str:
    """The page's likeliest label, when it is done."""
    page.wait_for_selector("body[data-state=done]", timeout=60_000)
    return str(page.eval_on_selector("#answer .task", "box => box.dataset.top"))


def likeliest(run: mmzoo.Run, record: dict[str, Any]) -> str:
    found = run.predict(record)["animal"]
    return max(found, key=found.__getitem__)  # type: ignore[arg-type]


def files_of(row: int, folder: Path) -> tuple[Path, str, Path]:
    picture, sound = folder / f"{row}.png", folder / f"{row}.wav"
    Pillow.fromarray(RECORDS.column("picture")[row]).save(picture)
    soundfile.write(sound, RECORDS.column("sound")[row], 8000, subtype="PCM_16")
    return picture, RECORDS.column("words")[row], sound


@pytest.mark.long
def test_twenty_records_as_in_python(run: mmzoo.Run, page: Any, tmp_path: Path) -> None:
    seen = set()
    for row in range(COUNT):
        picture, words, sound = files_of(row, tmp_path)
        change(page, lambda path=picture: page.set_input_files("#file-picture", str(path)))
        change(page, lambda text=words: page.fill("#text-words", text))
        change(page, lambda path=sound: page.set_input_files("#file-sound", str(path)))
        wanted = likeliest(run, {"picture": picture, "words": words, "sound": sound})
        assert answer(page) == wanted, row
        seen.add(wanted)
    assert len(seen) > 1
    assert page.locator("#answer .shares .bar").count() == 3
    page.screenshot(path=str(run.folder / "page.png"), full_page=True)
    assert not page.messages
    home = page.url
    assert all(url.startswith((home, "data:", "blob:")) for url in page.requests)


@pytest.mark.long
def test_any_subset_and_removal(run: mmzoo.Run, page: Any, tmp_path: Path) -> None:
    picture, _, _ = files_of(3, tmp_path)
    while page.locator(".card.given").count():
        page.locator(".card.given .clear").first.click()
    page.wait_for_selector("body[data-state=empty]")
    change(page, lambda: page.set_input_files("#file-picture", str(picture)))
    numbers = page.eval_on_selector_all("#answer .number", "all => all.map(each => parseFloat(each.textContent))")
    labels = page.eval_on_selector_all("#answer .label", "all => all.map(each => each.textContent)")
    wanted = run.predict({"picture": picture})["animal"]
    for label, number in zip(labels, numbers, strict=True):
        assert abs(number / 100 - wanted[label]) < 0.01
    assert "2 of the inputs missing" in page.inner_text("#note")


@pytest.mark.long
def test_what_cannot_be_read_is_said(page: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"rust")
    page.set_input_files("#file-picture", str(tmp_path / "bad.png"))
    page.wait_for_function("document.querySelector('.error').textContent.includes('cannot be read')")


@pytest.mark.long
def test_a_recording_by_keyboard(page: Any) -> None:
    """The browser's own test tone is recorded; Enter starts and stops it."""
    button = page.get_by_role("button", name="Record")
    page.evaluate("document.body.dataset.state = 'waiting'")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").wait_for()
    page.wait_for_selector("body[data-state=done]", timeout=60_000)
    assert page.locator("audio.preview").count() == 1


@pytest.mark.long
def test_on_a_phone(run: mmzoo.Run, page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=str(run.folder / "phone.png"), full_page=True)
    sizes = page.eval_on_selector_all(
        "button, .file", "all => all.map(e => e.getBoundingClientRect()).filter(r => r.height).map(r => r.height)"
    )
    assert min(sizes) >= 36


def test_without_npm_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web.shutil, "which", lambda name: None)
    with pytest.raises(MMZooError, match="there is no npm; install Node"):
        web.npm_package(web.CORE)
    failing = tmp_path / "npm"
    failing.write_text("#!/bin/sh\necho 'network request failed' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(web.shutil, "which", lambda name: str(failing))
    with pytest.raises(MMZooError, match=r"npm could not fetch .*network request failed"):
        web.npm_package(web.CORE)
    failing.write_text('#!/bin/sh\ntouch "$4/other.tgz"\n')
    with pytest.raises(MMZooError, match="another checksum"):
        web.npm_package(web.CORE)


def test_only_a_plain_file_of_the_cache_is_a_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pipe is waited for, no device read to its end; what npm gives is kept in a folder of ours, or not at all."""
    data = b"package"
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(web.PACKAGES, web.CORE, web.checksum(data))
    (tmp_path / "cache" / "npm").mkdir(parents=True)
    kept = tmp_path / "cache" / "npm" / "litertjs-core2.5.3.tgz"
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\nprintf package > "$4/other.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setattr(web.shutil, "which", lambda name: str(npm))
    for make in (lambda: os.mkfifo(kept), lambda: kept.symlink_to("/dev/zero"), kept.mkdir):
        make()
        assert web.npm_package(web.CORE) == data
        if kept.is_dir():
            kept.rmdir()
        else:
            assert kept.read_bytes() == data
            kept.unlink()
    kept.parent.rmdir()
    kept.parent.symlink_to(tmp_path)
    assert web.npm_package(web.CORE) == data
    assert not (tmp_path / kept.name).exists()


def test_labels_are_the_models(run: mmzoo.Run) -> None:
    about = run.folder / "export" / "web" / "model.json"
    if not about.exists():
        pytest.skip("the page was not made here")
    assert json.loads(about.read_text())["outputs"][0]["labels"] == list(LABELS)
    assert np.all([(about.parent / "litert" / name).stat().st_size for _, _, name in web.RUNTIME])


NODE = """
import {readFileSync} from 'fs';
import {encoder} from '%s';
const given = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(given.texts.map(encoder(given.name, given.vocabulary))));
"""
ODD = ["", " ", "  two  spaces ", "it's we'll 12,5 €! ^x`~", "日本語 émigré 🦜🦜", "a\tb\nc\r\u3000d\u00a0e", "x" * 120]
OLD = unicodedata.ucd_3_2_0  # what came later or was sorted anew is not the same in all libraries
LETTERS = [c for c in map(chr, range(1, 0x3400)) if OLD.category(c) == unicodedata.category(c) != "Cn"]
ODD += ["zero\u200bwidth\u0085joined\u200d", "<unk> [unk] ##ing", "qqq ¿¡ ẞ İ ﬁ", "\u0378 unassigned", "1² ½ ⅷ ٣"]


@pytest.mark.parametrize("name", ["words", "wordpiece", "bpe", "sentencepiece"])
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


SQUEEZED = """
import {readFileSync} from 'fs';
import {squeezed} from '%s';
const {width, height, pixels} = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(Array.from(squeezed(Uint8Array.from(pixels), width, height, 16))));
"""


@pytest.mark.parametrize("sides", [(16, 16), (40, 9), (5, 70)])
def test_the_page_squeezes_as_pillow(sides: tuple[int, int]) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no Node.js to run the page's reader")
    pixels = np.random.default_rng(0).integers(0, 256, (*sides, 4)).astype(np.uint8)
    given = json.dumps({"width": sides[1], "height": sides[0], "pixels": pixels.ravel().tolist()})
    program = SQUEEZED % PAGE.joinpath("tensors.js").as_uri()
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    shown = Pillow.fromarray(pixels[..., :3]).resize((16, 16), Pillow.Resampling.BILINEAR)
    assert np.abs(np.reshape(json.loads(done.stdout), (16, 16, 3)) - np.asarray(shown).astype(int)).max() <= 1


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
