"""Models that are published: into a folder, and on a hub that a server on this machine stands in for."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.models import find
from mmzoo.models.hub import download, told, upload
from mmzoo.run import Run
from mmzoo.run.publishing import copy, publish, spdx
from mmzoo.weights.card import read_card
from tests.attacks.making import card_of

RECORD = {"words": "the cat number 1"}
NAME = "somebody/animals"


class Hub:
    """What is there, by model and file; who may write; what was asked."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        self.token, self.asked = "hf_secret", []  # type: ignore[var-annotated]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(code)
                for key, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key.replace("_", "-"), value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_GET(self) -> None:
                hub.asked.append((self.command, self.path))
                parts = unquote(self.path).strip("/").split("/")
                name, file = "/".join(parts[:2]), "/".join(parts[4:])
                if name not in hub.models:
                    return self.answer(404, X_Error_Code="RepoNotFound")
                if file not in hub.models[name]:
                    return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit="1" * 40)
                data = hub.models[name][file]
                etag = f'"{hashlib.sha256(data).hexdigest()}"'
                return self.answer(200, data, ETag=etag, X_Repo_Commit="1" * 40)

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_POST(self) -> None:
                hub.asked.append((self.command, self.path))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Authorization") != f"Bearer {hub.token}":
                    return self.answer(401)
                found: dict[str, Any] = {"errors": [], "warnings": []}
                if self.path == "/api/repos/create":
                    asked = json.loads(body)
                    name = f"{asked.get('organization') or 'somebody'}/{asked['name'].rpartition('/')[2]}"
                    place = {"url": f"http://{self.headers['Host']}/{name}", "name": name}
                    if name in hub.models:
                        return self.answer(409, json.dumps({"error": "it exists", **place}).encode())
                    hub.models[name], found = {}, place
                elif "/preupload/" in self.path:
                    files = [each["path"] for each in json.loads(body)["files"]]
                    how = {"uploadMode": "regular", "shouldIgnore": False}
                    found = {"files": [{"path": path, **how} for path in files]}
                elif "/commit/" in self.path:
                    for line in map(json.loads, body.splitlines()):
                        if line["key"] == "file":
                            data = base64.b64decode(line["value"]["content"])
                            hub.models[NAME][line["value"]["path"]] = data
                    found = {"commitUrl": f"http://{self.headers['Host']}/{NAME}/commit/1", "commitOid": "1" * 40}
                return self.answer(200, json.dumps(found).encode())

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), made.handler())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", made.token)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    yield made
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def run(learned: Path) -> Run:
    """A run whose table has a name that is nobody's business."""
    return Run(learned, data="/home/me/secret.csv#species")


@pytest.fixture(scope="module")
def published(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that it was published into."""
    target = tmp_path_factory.mktemp("published") / "for_others" / "animals"
    assert publish(run, target, summary="Which <b>animal</b>?", licence="Apache-2.0") == str(target)
    return target


def test_into_a_folder(run: Run, published: Path) -> None:
    assert mmzoo.predict(mmzoo.load(published), RECORD) == run.predict(RECORD)
    about = read_card(published)["about"]
    assert (about["summary"], about["licence"]) == ("Which <b>animal</b>?", "Apache-2.0")
    readme = (published / "README.md").read_text()
    assert readme.startswith("---\nlibrary_name: mmzoo\n")
    assert "license: apache-2.0\n---\n" in readme
    assert "\n# animals\n" in readme and "mmzoo predict animals --" in readme and str(published.parent) not in readme
    assert spdx("mit") == "MIT" and spdx("LicenseRef-mine") == "LicenseRef-mine"
    for wrong in ("Apche-2", "MIT OR Apache-2.0", "none", "../x"):
        with pytest.raises(MMZooError, match="named as SPDX has it"):
            publish(run, published.parent / "other", licence=wrong)
    assert "<b>" not in readme
    assert b"secret" not in b"".join(path.read_bytes() for path in published.iterdir())
    with pytest.raises(MMZooError, match="is there already; choose another folder, or give --overwrite"):
        publish(run, published)


def test_what_stands_in_its_place(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "animals"
    shutil.copytree(published, target)
    (target / "card.json").write_bytes(b"{}")
    copy(published, target)
    assert (target / "card.json").read_bytes() == (published / "card.json").read_bytes()
    (target / "mine.txt").write_text("kept")
    with pytest.raises(MMZooError, match="is not what mmzoo writes there"):
        copy(published, target)
    assert (target / "mine.txt").exists()


@pytest.mark.long
def test_on_hugging_face(hub: Hub, run: Run, published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"hf://{NAME}"
    assert main(["publish", str(published), address, "--licence", "MIT"]) == 0
    assert hub.models[NAME].keys() == {"README.md", "card.json", "weights.safetensors", "golden.safetensors"}
    assert hub.token not in str(hub.asked)
    assert main(["predict", address, "--text", "the cat number 1"]) == 0
    assert "cat" in capsys.readouterr().out
    assert main(["show", f"{address}@main"]) == 0
    assert "- **licence**: MIT" in capsys.readouterr().out
    with pytest.raises(MMZooError, match=r"cannot be published: there is one of that name already; .*--overwrite"):
        publish(run, address)
    hub.models[NAME].clear()
    upload(published, address, licence="", private=False, overwrite=True)
    assert hub.models[NAME]["card.json"] == (published / "card.json").read_bytes()


def there(hub: Hub, folder: Path) -> None:
    """What a folder holds, on the hub."""
    hub.models[NAME] = {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_strangers_model_is_no_safer_for_coming_from_a_hub(hub: Hub, published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "model")
    with card_of(tmp_path / "model") as card:
        card["files"]["../../evil.json"] = card["files"]["golden.safetensors"]
    there(hub, tmp_path / "model")
    with pytest.raises(MMZooError, match=r"cannot be had: .* is outside the folder or not data"):
        mmzoo.load(f"hf://{NAME}")
    assert not any("evil" in path for _, path in hub.asked)
    there(hub, published)
    weights = hub.models[NAME]["weights.safetensors"]
    hub.models[NAME]["weights.safetensors"] = weights + b" "
    with pytest.raises(MMZooError, match=r"weights.safetensors has \d+ bytes, over the \d+ that it may have"):
        mmzoo.load(f"hf://{NAME}")
    hub.models[NAME]["weights.safetensors"] = weights[:-2] + b"ab"
    with pytest.raises(MMZooError, match="is not what its card says"):
        mmzoo.load(f"hf://{NAME}")


def test_what_a_hub_refuses_is_a_sentence(hub: Hub, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MMZooError, match=r"'hf://a/b' cannot be had: there is none of that name.*: hf auth login"):
        mmzoo.load("hf://a/b")
    hub.models["a/b"] = {"README.md": b""}
    with pytest.raises(MMZooError, match="it has no model of mmzoo's"):
        mmzoo.load("hf://a/b")

    def send() -> None:
        upload(published, "hf://somebody/new", licence="", private=False, overwrite=False)

    hub.token = "another"
    with pytest.raises(MMZooError, match="the hub asks for a login that may do it: hf auth login"):
        send()
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(MMZooError, match="nobody is logged in; run hf auth login"):
        send()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(MMZooError, match="cannot be reached; connect to the network"):
        mmzoo.load("hf://a/c")


def test_without_a_network_what_was_downloaded_is_taken(
    hub: Hub, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(hub, published)
    folder = download(f"hf://{NAME}")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert download(f"hf://{NAME}") == folder
    assert read_card(folder) == read_card(published)


@pytest.mark.parametrize(
    "address", ["hf://a", "hf://a/b/c", "hf://../b", "kaggle://a/b", "kaggle://a/b/c/d@e", "hf://a/b@"]
)
def test_addresses(address: str) -> None:
    with pytest.raises(MMZooError, match="is not of the form hf://USER/NAME"):
        mmzoo.load(address)


def test_kaggles_own_cache_is_read(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    handle = "somebody/animals/keras/small/1"
    parsed = parse_model_handle(handle)
    place = Path(Cache().get_path(parsed))
    shutil.copytree(published, place)
    for path in published.iterdir():
        Cache().mark_as_complete(parsed, path.name)
    assert find(f"kaggle://{handle}") == place


def test_on_kaggle(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests
    from kagglehub.exceptions import KaggleApiHTTPError

    sent: list[Any] = []
    there = requests.Response()
    there.status_code = 404

    def missing(handle: str, path: str) -> str:
        raise KaggleApiHTTPError("none", response=there)

    monkeypatch.setattr("kagglehub.config.get_kaggle_credentials", lambda: None)

    def send() -> None:
        upload(published, "kaggle://somebody/animals/keras/small", licence="MIT", private=False, overwrite=False)

    with pytest.raises(MMZooError, match=r"nobody is logged in; run python -c 'import kagglehub; kagglehub.login\(\)'"):
        send()
    monkeypatch.setattr("kagglehub.config.get_kaggle_credentials", object)
    monkeypatch.setattr("kagglehub.model_download", missing)
    monkeypatch.setattr("kagglehub.model_upload", lambda handle, folder, **more: sent.append((handle, folder, more)))
    send()
    assert [(each[0], each[2]["license_name"]) for each in sent] == [("somebody/animals/keras/small", "MIT")]
    monkeypatch.setattr("kagglehub.model_download", lambda handle, path: "card.json")
    with pytest.raises(MMZooError, match="there is one of that name already"):
        send()
    with pytest.raises(MMZooError, match="'kaggle://a' cannot be had: ValueError: odd"), told("kaggle://a", "be had"):
        raise ValueError("odd")
