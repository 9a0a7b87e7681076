"""The client of NumPy and LiteRT alone: the same answers as mmzoo, one sentence for what it cannot read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import mmzoo
import mmzoo.lite
from mmzoo.errors import MMZooError
from mmzoo.export.tflite.embedded import ENTRY
from mmzoo.export.tflite.flatbuffer import opened, written
from mmzoo.modalities.image.pictures.resizing import resizer
from tests.conftest import LABELS, once
from tests.zoo import INPUTS, TEXTS, every_kind, export_every_kind, value


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return every_kind()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "every_kind", export_every_kind) / "model.tflite"


@pytest.fixture(scope="module")
def client(file: Path) -> mmzoo.lite.Model:
    return mmzoo.lite.Model(file)


def check(model: keras.Model, client: mmzoo.lite.Model, record: dict[str, Any]) -> None:
    wanted, found = mmzoo.predict(model, record), client.predict(record)
    assert found.keys() == wanted.keys()
    np.testing.assert_allclose(list(found["animal"].values()), list(wanted["animal"].values()), atol=1e-5)
    assert list(found["animal"]) == list(LABELS)
    np.testing.assert_allclose(found["size_of_it"], wanted["size_of_it"], atol=1e-4)


@pytest.mark.long
def test_every_kind_alone_and_all_together(model: keras.Model, client: mmzoo.lite.Model) -> None:
    everything = {kind: value(kind, 1) for kind in INPUTS} | {"pieces": "a quick bird"}
    for name, given in everything.items():
        check(model, client, {name: given, "tabular" if name == "text" else "text": None})
    check(model, client, everything)


@pytest.mark.parametrize("name", ["text", "pieces"])
def test_texts(model: keras.Model, client: mmzoo.lite.Model, name: str) -> None:
    for text in [*TEXTS, b"\xff\xfe bytes"]:
        check(model, client, {name: text})


@pytest.mark.parametrize("shape", [(32, 32), (7, 90), (33, 31), (1, 1), (200, 64)])
def test_pictures_are_resized_as_tensorflow_does(client: mmzoo.lite.Model, model: keras.Model, shape: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    found = client.inputs["image"].decode(pixels).astype(int)
    wanted = resizer(found.shape[0])(pixels).numpy().astype(int)
    assert np.abs(found - model.spec.inputs[0].decode(pixels)).max() <= 2  # Pillow rounds between rows and columns
    assert np.abs(found - wanted).max() <= 1  # a half rounded the other way
    assert np.mean(found != wanted) < 0.01


def test_picture_files(client: mmzoo.lite.Model, model: keras.Model, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for channels in (1, 3, 4):
        pixels = rng.integers(0, 256, (50, 40, channels)).astype(np.uint8)
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(tmp_path / "picture.png")
        wanted = model.spec.inputs[0].decode(tmp_path / "picture.png").astype(int)
        assert np.abs(client.inputs["image"].decode(tmp_path / "picture.png") - wanted).max() <= 1


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "Give at least one"),
        ({"image": None}, "Give at least one"),
        ({"picture": 1}, "no input 'picture'"),
        ({"image": np.zeros((3, 3, 3))}, "must be uint8"),
        ({"image": np.zeros((0, 3, 3), np.uint8)}, "must be uint8"),
        ({"image": "nowhere.png"}, "does not exist"),
        ({"image": b"nothing"}, "not a JPEG"),
        ({"image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (40000).to_bytes(4, "big") * 2}, "megapixels"),
        ({"image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (4).to_bytes(4, "big") * 2}, "damaged"),
        ({"text": 3}, "must be a string"),
        ({"audio": np.array([np.nan])}, "not finite"),
        ({"video": "clip.mp4"}, "must be an array"),
        ({"tabular": {"age": "old"}}, "must be a number"),
        ({"sensor": np.zeros((3, 9))}, "shape"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(client: mmzoo.lite.Model, record: dict[str, Any], message: str) -> None:
    with pytest.raises(MMZooError, match=message):
        client.predict(record)


def test_files_that_are_no_model(file: Path, tmp_path: Path) -> None:
    data = file.read_bytes()
    cases = {"is not a": b"", "no description": data[:9], "damaged": data[:-1], "cut short": converted_only(data)}
    for message, broken in cases.items():
        (tmp_path / "broken.tflite").write_bytes(broken)
        with pytest.raises(MMZooError, match=message):
            mmzoo.lite.Model(tmp_path / "broken.tflite")
    with pytest.raises(MMZooError, match="cannot be read"):
        mmzoo.lite.Model(tmp_path / "nowhere.tflite")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not say which files are open")
def test_the_file_is_mapped_and_not_copied(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it stays the one that was opened, whatever is at its path later."""
    monkeypatch.setattr("mmzoo.export.tflite.embedded.read_file", lambda _: pytest.fail("the file was read as a whole"))
    path = tmp_path / "model.tflite"
    path.write_bytes(file.read_bytes())
    client = mmzoo.lite.Model(path)
    path.unlink()
    with open("/proc/self/maps") as maps:
        assert any(line.rstrip().endswith(f"{path} (deleted)") for line in maps)
    assert client.predict({"text": "a quick bird"}).keys() == {"animal", "size_of_it"}


def converted_only(data: bytes) -> bytes:
    """The file without the description that was put in."""
    model = opened(data)
    assert model.metadata.pop().name == ENTRY
    model.buffers.pop()
    return written(model)


PROGRAM = """
import json, sys
import mmzoo.lite
model = mmzoo.lite.Model(sys.argv[1])
answer = model.predict({"text": "a cat", "audio": [0.1] * 4000})
heavy = sorted({"tensorflow", "keras", "PIL", "scipy", "sklearn", "tokenizers", "matplotlib"} & set(sys.modules))
print(json.dumps({"heavy": heavy, "answer": answer}))
"""


def test_neither_tensorflow_nor_keras(file: Path, model: keras.Model) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["heavy"] == []
    wanted = mmzoo.predict(model, {"text": "a cat", "audio": np.full(4000, 0.1, np.float32)})
    np.testing.assert_allclose(list(result["answer"]["animal"].values()), list(wanted["animal"].values()), atol=1e-5)
