"""The page of `mmzoo demo`: asked as programs and browsers ask it, over the loopback."""

from __future__ import annotations

import gc
import ipaddress
import json
import re
import socket
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import numpy as np
import pytest

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.modalities import modalities
from mmzoo.run import Run
from tests.conftest import LABELS, small_records

pytest.importorskip("gradio_client", reason="needs: pip install 'mmzoo[demo]'")

import gradio as gr
from gradio_client import Client, handle_file

from mmzoo.demo.answers import details_of, label_of, said
from mmzoo.demo.fields import Field

# Gradio leaves sockets and loops of threads that have ended to the collector of garbage.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

FILE = {"meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def run(learned: Path) -> Run:
    run = Run(learned)
    run.splits = {"test": small_records(9, 2)}
    return run


@pytest.fixture(scope="module")
def page(run: Run) -> Iterator[Any]:
    page = run.demo(examples=3, megabytes=0.1)
    yield page
    page.close()
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


@pytest.fixture(scope="module")
def client(page: Any) -> Client:
    return Client(page.address, verbose=False)


def get(address: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as found:
            return found.status, str(found.headers["content-security-policy"])
    except HTTPError as error:
        return error.code, error.read().decode()


def raw(page: Any, *values: Any) -> str:
    """What is answered to values as no client would send them."""
    base, headers = f"{page.address}gradio_api/call/answer", {"content-type": "application/json"}
    request = urllib.request.Request(base, json.dumps({"data": values}).encode(), headers)
    with urllib.request.urlopen(request) as found:
        event = json.load(found)["event_id"]
    with urllib.request.urlopen(f"{base}/{event}") as found:
        return str(found.read().decode())


def test_the_answers_are_those_of_predict(client: Client, run: Run, tmp_path: Path) -> None:
    from PIL import Image
    from soundfile import write

    records = small_records(1)
    Image.fromarray(records.column("picture")[0]).save(tmp_path / "a.png")
    write(tmp_path / "a.wav", records.column("sound")[0], 8000)
    text = "the cat number 3"
    for given in (
        {"words": text},
        {"picture": tmp_path / "a.png", "sound": tmp_path / "a.wav"},
        {"picture": tmp_path / "a.png", "words": text, "sound": tmp_path / "a.wav"},
    ):
        sent = {name: handle_file(value) if isinstance(value, Path) else value for name, value in given.items()}
        answer, details = client.predict(**sent, api_name="/answer")
        wanted = run.predict(given)["animal"]
        assert answer["label"] == max(wanted, key=wanted.get)
        found = {each["label"]: each["confidence"] for each in answer["confidences"]}
        assert found == pytest.approx(wanted, abs=1e-5)
        assert "added" not in details
    answer, details = client.predict(words=text, picture=sent["picture"], explain=True, api_name="/answer")
    asked = Records({"words": [text], "picture": [tmp_path / "a.png"], "sound": [None]})
    row = run.predict(asked, explain=True)[0]
    points = dict(re.findall(r"<th>(\w+)</th>.*?<td>([-+.\d]+) points</td>", details))
    assert {name: float(value) for name, value in points.items()} == pytest.approx(
        {name: 100 * row[f"animal_share_{name}"] for name in ("picture", "words", "sound")}, abs=0.06
    )


def test_what_is_wrong_is_one_sentence(client: Client, page: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "large.png").write_bytes(b"x" * 200_000)
    for given, words in (
        ({}, "Give at least one of picture, words, sound."),
        ({"words": " "}, "Give at least one of"),
        ({"picture": handle_file(tmp_path / "a.png")}, "is not a JPEG"),
        ({"picture": handle_file(tmp_path / "large.png")}, "exceeds the maximum"),
    ):
        with pytest.raises(Exception, match=re.escape(words)):
            client.predict(**given, api_name="/answer")
    assert "Input &#x27;words&#x27; is a text." in raw(page, None, ["<b>"], None, False)


def test_only_what_was_uploaded_is_read(page: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"no picture")
    for path in (str(secret), "/etc/passwd", f"{page.shown.name}/../../../etc/passwd"):
        for given in ({"path": path}, {"path": path, **FILE}):
            said = raw(page, given, None, None, False)
            assert "event: error" in said
            assert "JPEG" not in said  # it has not been opened
        assert get(f"{page.address}gradio_api/file={path}")[0] == 403


def test_what_was_uploaded_is_removed_but_no_example(client: Client, page: Any, tmp_path: Path) -> None:
    from gradio.route_utils import delete_files_created_by_app

    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(Exception, match="JPEG"):
        client.predict(picture=handle_file(tmp_path / "a.png"), api_name="/answer")
    uploads = Path(page.shown.name).parent
    assert [*uploads.glob("*/a.png")]
    delete_files_created_by_app(page.page, 0)
    assert not [*uploads.glob("*/a.png")]
    assert len([*Path(page.shown.name).iterdir()]) == 6  # pictures and sounds of the records to try


def test_nothing_is_fetched_or_loaded_from_elsewhere(
    page: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, connect = set(), socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        reached.add(address[0])
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    for given in ([{"path": "http://192.0.2.1/a.png", **FILE}, None], [None, {"path": "https://192.0.2.1/", **FILE}]):
        assert "Give a file, not an address." in raw(page, *given, None, False)
    for path in ("file=http://192.0.2.1/a.png", "file=http%3A//192.0.2.1/a.png", "proxy=https://192.0.2.1/a.png"):
        assert get(f"{page.address}gradio_api/{path}")[0] in (403, 404)
    client.predict(words="a cat", api_name="/answer")
    assert all(ipaddress.ip_address(address).is_loopback for address in reached if address != "localhost")
    status, policy = get(page.address)
    assert status == 200
    assert "connect-src 'self' data: blob:;" in policy
    assert get(page.address, host="elsewhere.example")[0] == 400


def test_others_see_it_only_if_it_is_said(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MMZooError, match=r"without a password; give --public"):
        run.demo(host="0.0.0.0")
    assert main(["demo", str(run.folder), "--host", "0.0.0.0"]) == 2
    assert "give --public" in capsys.readouterr().err


def test_a_taken_port_is_said(page: Any, run: Run) -> None:
    port = int(page.address.rstrip("/").rpartition(":")[2])
    with pytest.raises(MMZooError, match=f"port {port} of '127.0.0.1'.*give another"):
        run.demo(examples=0, port=port)


ROWS = [
    {"price": "1.200,50", "kind": "a", "day": "31.05.2024", "tags": "War, Crime"},
    {"price": "3,5", "kind": "b", "day": "01.02.2023", "tags": "Crime"},
    {"price": None, "kind": "", "day": None, "tags": None},
]


def test_a_row_is_a_form(tmp_path: Path) -> None:
    row = mmzoo.Tabular(
        "row",
        numbers=["price"],
        categories=["kind"],
        dates=["day"],
        multi_categories=["tags"],
        delimiters=[","],
        forms=[",", "DMY"],
    ).fit(ROWS)
    assert [cell.kind for cell in row.widget().cells] == ["number", "choice", "date", "choices"]
    with gr.Blocks(analytics_enabled=False):
        field = Field.draw(row, tmp_path)
    assert field.example(ROWS[0], tmp_path / "x") == ["1200.5", "a", "2024-05-31", ["War", "Crime"]]
    for given in ROWS[:2]:  # what the page holds for a record is that record
        np.testing.assert_array_equal(row.decode(field.value(field.example(given, tmp_path / "x"))), row.decode(given))
    assert field.value([None, "", None, []]) is None
    assert field.value(["3.5", "", None, []]) == {"price": 3.5}
    assert field.value(["3,5", "", "", []]) == {"price": "3,5"}  # as the table writes it


def test_every_kind_of_input_has_a_widget(tmp_path: Path) -> None:
    extra = {"tabular": {"numbers": ["x"]}}
    kinds = {name: modalities[name]("given", **extra.get(name, {})) for name in modalities.names()}
    kinds["tabular"] = kinds["tabular"].fit([{"x": 1}, {"x": 2}])
    found = {name: item.widget().kind for name, item in kinds.items()}
    wanted = {"image": "picture", "text": "text", "audio": "sound", "video": "video", "sensor": "file"}
    assert found == wanted | {"tabular": "form"}
    with gr.Blocks(analytics_enabled=False):
        for item in kinds.values():
            field = Field.draw(item, tmp_path)
            assert field.value([None]) is None
            assert field.example(None, tmp_path / "x") == [None]
    assert not [*tmp_path.iterdir()]


def test_numbers_have_their_range() -> None:
    task = mmzoo.Regression("price")
    row = {"price_prediction": 12345.6, "price_low": -1.0, "price_high": 20000.0, "price_share_a": 3.0}
    assert label_of(task, row)["label"] == "12,346"
    details = details_of(task, row, ["a"], 0.9)
    assert "In 90% of such answers the truth is from -1 to 20,000." in details
    assert "+3" in details
    assert said(None) == "unknown"
    labels = mmzoo.Classification("kind", labels=[*LABELS, "<b>"])
    row = {"kind_prediction": "<b>", "kind_set": ["<b>"], **{f"kind_p_{label}": 0.25 for label in labels.answer_names}}
    assert "<b>" not in details_of(labels, row, [], 0.9)
