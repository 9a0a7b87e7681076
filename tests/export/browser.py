"""An exported page, open in Chromium: what the tests of pages share."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Without a line for every file."""

    def log_message(self, *args: Any) -> None: ...


def needed() -> tuple[Any, str]:
    """Playwright and the path of a browser; skips where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("there is no Chromium")
    return api, browser


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """The page in a folder, when it is ready; `messages` collects what its console says is wrong, `requests` all that
    it asks for."""
    api, path = needed()
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with api.sync_playwright() as playwright:
        microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *microphone])
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.messages = []
        page.requests = []
        page.on("console", lambda message: page.messages.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("body[data-state=empty]", timeout=120_000)
        yield page
        browser.close()
    server.shutdown()
    server.server_close()


def change(page: Any, make: Any) -> None:
    """Make a change, and wait until the page has answered it."""
    page.evaluate("document.body.dataset.state = 'waiting'")
    make()
    page.wait_for_selector("body[data-state=done]", timeout=60_000)
