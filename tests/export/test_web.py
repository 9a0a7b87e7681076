"""The exported page in a browser."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.export.formats import web
from tests.conftest import LABELS, small_records, small_spec
from tests.export.browser import change, needed, opened

COUNT = 20


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


@pytest.mark.long
def test_labels_are_the_models(run: mmzoo.Run) -> None:
    about = run.folder / "export" / "web" / "model.json"
    if not about.exists():
        pytest.skip("the page was not made here")
    assert json.loads(about.read_text())["outputs"][0]["labels"] == list(LABELS)
    assert np.all([(about.parent / "litert" / name).stat().st_size for _, _, name in web.RUNTIME])
