"""Weights from a network: a server on this machine stands in for it."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.weights import download
from mmzoo.weights.download import address_of, fetch

DATA = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(DATA).hexdigest()


class Hub:
    """What the server does: cuts that it still makes, and the answer that it gives in place of a file."""

    def __init__(self) -> None:
        self.cuts, self.code, self.ranges, self.asked = 0, 200, True, []  # type: ignore[var-annotated]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if hub.ranges else 0
                hub.asked.append((self.path, start))
                if hub.code != 200:
                    self.send_response(hub.code)
                    self.send_header("Location", "http://example.org/elsewhere")
                    self.end_headers()
                    return
                body = DATA[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if hub.cuts:
                    hub.cuts -= 1
                    body = body[: len(body) // 2]
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), made.handler())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "WAIT", 0.0)
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


FILE = f"hf://user/repo/folder/net.weights.h5@{DIGEST}"


def test_a_file_is_kept_and_asked_for_once(hub: Hub) -> None:
    path = fetch(FILE)
    assert path.read_bytes() == DATA and path.name == "net.weights.h5"
    assert fetch(FILE) == path
    assert hub.asked == [("/user/repo/resolve/main/folder/net.weights.h5", 0)]
    path.write_bytes(DATA[:-1] + b"x")
    assert fetch(FILE).read_bytes() == DATA, "a file that was changed in the cache is downloaded again"


def test_a_cut_is_gone_on_with(hub: Hub) -> None:
    hub.cuts = 2
    assert fetch(FILE).read_bytes() == DATA
    half = len(DATA) // 2
    assert [start for _, start in hub.asked] == [0, half, half + half // 2]


def test_after_too_many_cuts_the_next_call_goes_on(hub: Hub) -> None:
    hub.cuts = 3
    with pytest.raises(MMZooError, match=r"cut off after 0\.9 MB .*run the same again, and it goes on from there"):
        fetch(FILE)
    assert fetch(FILE).read_bytes() == DATA
    assert hub.asked[-1][1] == len(DATA) * 7 // 8


def test_a_server_that_knows_no_ranges_begins_again(hub: Hub) -> None:
    hub.cuts, hub.ranges = 1, False
    assert fetch(FILE).read_bytes() == DATA


def test_another_file_than_was_meant(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(MMZooError, match=f"has the SHA-256 {DIGEST}, not {'0' * 64}"):
        fetch(f"hf://user/repo/net.weights.h5@{'0' * 64}")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("code", "message"),
    [(401, "asks for a login"), (404, "answers 404 Not Found; check the address"), (302, "no address of https://")],
)
def test_what_a_hub_answers(hub: Hub, code: int, message: str) -> None:
    hub.code = code
    with pytest.raises(MMZooError, match=message):
        fetch(FILE)


def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path))
    with pytest.raises(MMZooError, match=r"could not be reached .*; connect to the network once, or download the file"):
        fetch(f"http://127.0.0.1:9/net.weights.h5#sha256={DIGEST}")
    monkeypatch.setenv("MMZOO_CACHE", "")
    with pytest.raises(MMZooError, match="set MMZOO_CACHE to a folder"):
        fetch(FILE)


def test_a_full_disk(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(address: Any, part: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "receive", full)
    with pytest.raises(MMZooError, match=r"No space left on device\); free some space, or set MMZOO_CACHE"):
        fetch(FILE)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            "hf://user/repo/net.weights.h5",
            "put the SHA-256 of the file behind it: hf://user/repo/net.weights.h5@DIGEST",
        ),
        ("https://example.org/net.weights.h5", "net.weights.h5#sha256=DIGEST"),
        (f"hf://user/net.weights.h5@{DIGEST}", "not of the form hf://USER/REPO/FILE@SHA256"),
        (f"hf://user/../net.weights.h5@{DIGEST}", "not of the form"),
        (f"http://example.org/net.weights.h5#sha256={DIGEST}", "no address of https://"),
    ],
)
def test_an_address_says_all_of_it(weights: str, message: str) -> None:
    with pytest.raises(MMZooError, match=message):
        address_of(weights)


def test_kaggles_address() -> None:
    found = address_of(f"kaggle://keras/vgg/keras/vgg_16/2/model.weights.h5@{DIGEST.upper()}")
    assert found.url == "https://www.kaggle.com/api/v1/models/keras/vgg/keras/vgg_16/2/download/model.weights.h5"
    assert found.digest == DIGEST


def test_a_tower_takes_what_was_downloaded(hub: Hub) -> None:
    """These bytes are no weights of Keras, and are refused as the file of the cache that they are."""
    picture = mmzoo.Image("x", size=32, tower=mmzoo.Tower("efficientnet_lite0", weights=FILE))
    with pytest.raises(MMZooError, match=r"net\.weights\.h5@.* does not fit the tower of input 'x'"):
        mmzoo.build(mmzoo.Spec([picture], "concat", [mmzoo.Regression("y")]))
    assert hub.asked
