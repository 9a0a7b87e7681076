"""A model behind HTTP: the answers of `mmzoo.predict`, whoever asks at the same time; and no request is a fault."""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import pytest

import mmzoo
from mmzoo.answers.rows.answered import Answerer
from mmzoo.cli import main
from mmzoo.network import is_loopback
from tests.conftest import LABELS, small_records, small_spec

pytest.importorskip("fastapi")
pytest.importorskip("multipart")
pytest.importorskip("httpx")

from fastapi.testclient import TestClient

from mmzoo.serving.app import Limits, create_app

ROW = mmzoo.Tabular("row", numbers=["x"], categories=["c"])


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(0)
    row = ROW.fit([{"x": 1, "c": "a"}, {"x": 2, "c": "b"}])
    return mmzoo.build(small_spec(inputs=[*small_spec().inputs, row]))


@pytest.fixture(scope="module")
def client(model: Any) -> Iterator[TestClient]:
    app = create_app(Answerer(model, on_error="skip"), model="seal", limits=Limits(0.1, 4), hosts=("testserver",))
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


def png() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(small_records(1).column("picture")[0]).save(file, "PNG")
    return file.getvalue()


def ask(client: TestClient, *records: Any) -> Any:
    return client.post("/predict", json={"records": list(records)})


def check_answer(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for label in LABELS:
        assert found[f"animal_p_{label}"] == pytest.approx(wanted["animal"][label], abs=1e-5)


def test_answers_are_those_of_predict(client: TestClient, model: Any) -> None:
    assert client.get("/health").json()["inputs"] == {
        "picture": "image",
        "words": "text",
        "sound": "audio",
        "row": "tabular",
    }
    text, row = "the cat number 3", {"x": 1.5, "c": "b"}
    found = ask(client, {"words": text, "picture": base64.b64encode(png()).decode()}, {"row": row})
    assert found.status_code == 200, found.text
    first, second = found.json()["answers"]
    check_answer(first, mmzoo.predict(model, {"words": text, "picture": png()}))
    check_answer(second, mmzoo.predict(model, {"row": row}))
    assert (first["id"], first["inputs"], first["error"]) == (0, "picture+words", None)
    sound = small_records(1).column("sound")[0]
    assert ask(client, {"sound": sound[:500].tolist()}).status_code == 200
    form = client.post("/predict/files", files={"picture": png()}, data={"words": text, "row": json.dumps(row)})
    assert form.status_code == 200, form.text
    check_answer(form.json()["answers"][0], mmzoo.predict(model, {"words": text, "picture": png(), "row": row}))


def test_many_at_once(client: TestClient, model: Any) -> None:
    texts = [f"the {LABELS[k % 3]} number {k}" for k in range(60)]
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda text: ask(client, {"words": text}).json()["answers"][0], texts))
    for text, each in zip(texts[:6], found, strict=False):
        check_answer(each, mmzoo.predict(model, {"words": text}))


def test_what_is_wrong_is_said(client: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "a.png"
    secret.write_bytes(png())
    broken = base64.b64encode(b"no picture").decode()
    for record, words in (
        ({"picture": str(secret)}, "not base64 of a file"),
        ({"picture": broken}, "is not a JPEG"),
        ({"picture": [[1, 2], [3]]}, "lists of equal lengths"),
        ({"word": "x"}, "There is no input 'word'"),
        ({"words": 3}, "is a text"),
        ({"row": [1]}, "an object of columns"),
        ({"row": {"y": 1}}, "no column of input 'row' called 'y'"),
        ({}, "an object of the inputs"),
        ({"words": None}, "none of the inputs"),
    ):
        found = ask(client, record)
        assert (found.status_code, words in found.json()["detail"]) == (422, True), found.text
    both = ask(client, {"picture": broken}, {"words": "a cat"}).json()["answers"]
    assert both[0]["error"]
    assert both[1]["animal_prediction"] in LABELS
    assert ask(client, *[{"words": "x"}] * 5).status_code == 422
    assert client.post("/predict", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert client.post("/predict/files", json={}).status_code == 415
    assert client.post("/predict/files", files={"picture": png(), "no": b"x"}).status_code == 422
    assert client.get("/health", headers={"host": "elsewhere.example"}).status_code == 400
    large = b'{"records": [{"words": "' + b"x" * 200_000 + b'"}]}'
    headers = {"content-type": "application/json"}
    assert client.post("/predict", content=large, headers=headers).status_code == 413
    assert client.post("/predict", content=iter([large[:50_000]] * 4), headers=headers).status_code == 413
    assert client.post("/predict/files", files={"picture": large}).status_code == 413


def test_no_request_is_a_fault(client: TestClient) -> None:
    draw = random.Random(0)
    values: list[Any] = [None, True, 0, -1.5, 1e308, "", "x", "\ud800", [], [[]], {}, {"x": "a"}, [1, "a"], "YQ=="]
    values += [[0.5, 1.0], [[1.0]], [[[1.0]]], [[[[1.0]]]], [[0.5, 1.0]] * 40, [[[3, 1, 2]] * 32] * 32]
    names = ["picture", "words", "sound", "row", "no", "", "records"]
    headers = {"content-type": "application/json"}
    bodies = [
        b"",
        b"[",
        b"NaN",
        b'{"records": NaN}',
        b"[" * 50_000,
        b"\xff",
        b'{"a":1,"a":2}',
        b'{"records":[{"row":1e999}]}',
    ]
    for _ in range(200):
        record = {draw.choice(names): draw.choice(values) for _ in range(draw.randrange(4))}
        data = draw.choice([{"records": [record]}, record, [record], {"records": record}])
        bodies.append(json.dumps(data).encode())
    for body in bodies:
        found = client.post("/predict", content=body, headers=headers)
        assert found.status_code in (200, 422), (body[:200], found.text)
        assert "answers" in found.json() or found.json()["detail"]
    forms = (b"", b"--x\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", b"--x--")
    for body in forms:
        found = client.post("/predict/files", content=body, headers={"content-type": "multipart/form-data; boundary=x"})
        assert found.status_code in (400, 422), (body, found.text)
    assert (
        client.post("/predict/files", content=b"", headers={"content-type": "multipart/form-data"}).status_code == 400
    )
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/health", "/predict", "/predict/files"}


def test_others_are_let_in_only_if_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "a.example")] == [
        *[True] * 3,
        *[False] * 3,
    ]
    assert main(["serve", "runs/none", "--host", "0.0.0.0"]) == 2
    assert "give --public only" in capsys.readouterr().err
