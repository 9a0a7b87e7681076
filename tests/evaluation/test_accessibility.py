"""The pages in Chromium: axe finds nothing serious, nothing is cut off on a phone, and they print."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.export.formats import web
from tests.conftest import LABELS, small_records, small_spec

AXE = "axe-core@4.10.3"
CHECKSUM = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
PAGES = ("report", "check", "show")


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, from npm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(web.PACKAGES, AXE, CHECKSUM)
        try:
            data = web.npm_package(AXE)
        except MMZooError as error:
            pytest.skip(str(error))
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report with all it can have, and the two pages about data."""
    folder = tmp_path_factory.mktemp("pages")
    training = mmzoo.Training(epochs=3, batch_size=8, learning_rate=1e-2)
    run = mmzoo.train(small_spec("joint_transformer"), small_records(40), training=training, out=folder / "run")
    records = small_records(40, 1)
    records.columns["sound"] = [None, *records.columns["sound"][1:]]
    run.evaluate(records, validation=small_records(24, 2), noise=True, mc_dropout=3, ood=small_records(9, 4))
    rows = ["photo,about,animal"]
    for k in range(12):
        pixels = np.random.default_rng(k).integers(0, 255, (20, 20, 3)).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{k}.png")
        rows.append(f"{k}.png,a text of some words number {k},{LABELS[k % 3]}")
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "table.csv").write_text("\n".join([*rows, "bad.png,a text,cat"]))
    table = f"{folder / 'table.csv'}#animal"
    main(["data", "check", table, "--html", str(folder / "check.html")])
    (folder / "good.csv").write_text("\n".join(rows))
    assert main(["data", "show", f"{folder / 'good.csv'}#animal", "--out", str(folder / "show.html")]) == 0
    found = {"report": run.folder / "report.html", "check": folder / "check.html", "show": folder / "show.html"}
    assert found.keys() == {*PAGES}
    return found


@pytest.mark.long
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everybody(name: str, pages: dict[str, Path], browser: Any, axe: str) -> None:
    for width, scheme in ((1100, "light"), (1100, "dark"), (360, "light")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.goto(pages[name].as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"it is cut off at {width} px"
        page.evaluate(axe)
        found = page.evaluate("axe.run()")
        serious = [
            f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert not serious, (width, scheme, serious)
        assert len(found["passes"]) > 10, "axe did look"
        assert not said
        page.close()


@pytest.mark.long
def test_a_report_is_printed(pages: dict[str, Path], browser: Any) -> None:
    page = browser.new_page()
    page.goto(pages["report"].as_uri())
    printed = page.pdf(format="A4")
    assert printed[:5] == b"%PDF-"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
