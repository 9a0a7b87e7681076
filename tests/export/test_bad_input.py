"""A thousand inputs that are wrong in some way, through the exported files: a clear error or a finite answer."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

import mmzoo
import mmzoo.lite
from mmzoo.errors import MMZooError
from mmzoo.export.export import describe
from mmzoo.export.serving import Serving
from mmzoo.export.tflite.conversion import converted
from mmzoo.export.tflite.embedded import attach
from tests.conftest import once, small_spec
from tests.zoo import export_every_kind, value

pytestmark = pytest.mark.slow

# What TensorFlow raises where an argument is not what a signature or an operation takes.
CLEAR = (tf.errors.InvalidArgumentError, TypeError, ValueError)
TYPES = ("uint8", "int8", "int16", "int64", "float16", "float32", "float64", "bool", "complex64", "<U3", "object")


def shape(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(size) for size in rng.choice([0, 1, 2, 3, 4, 7, 33], rng.integers(0, 5)))


def anything(rng: np.random.Generator) -> Any:
    """What is seldom right for any input."""
    odd = [0, -1, 1.5, float("nan"), True, object(), [], {}, (), [[]], [None], {"a": 1}, "", b"", "nowhere.png", "\0"]
    if rng.random() < 0.4:
        return odd[rng.integers(len(odd))]
    return array(rng, shape(rng))


def array(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of any kind, some of them very large or none."""
    kind = TYPES[rng.integers(len(TYPES))]
    found = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 6)
    if rng.random() < 0.3:
        found = np.where(rng.random(shape) < 0.2, [np.nan, np.inf, -np.inf, 1e300][rng.integers(4)], found)
    with np.errstate(all="ignore"):
        return np.asarray(found).astype(kind)


def damaged(rng: np.random.Generator, data: bytes) -> bytes:
    """A file with bytes changed, cut short, or as it was."""
    changed = bytearray(data)
    for place in rng.integers(0, max(len(data), 1), rng.integers(0, 4)):
        changed[place] = rng.integers(256)
    return bytes(changed[: rng.integers(0, len(changed))] if rng.random() < 0.3 else changed)


def picture(rng: np.random.Generator) -> Any:
    height, width = rng.integers(1, 70, 2)
    pixels = rng.integers(0, 256, (height, width, rng.choice([1, 3, 4]))).astype(np.uint8)
    if rng.random() < 0.3:
        return pixels.astype(TYPES[rng.integers(8)])
    out = io.BytesIO()
    shown = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    shown.convert("RGB").save(out, "JPEG") if rng.random() < 0.5 else shown.save(out, "PNG")
    return damaged(rng, out.getvalue())


def sound(rng: np.random.Generator) -> Any:
    wave = rng.normal(size=rng.choice([0, 1, 5, 4000, 9000])).astype(np.float32)
    kind = rng.random()
    if kind < 0.5:
        if kind < 0.2:
            wave = np.stack([wave] * int(rng.integers(1, 4)), axis=1)
        return wave.astype(TYPES[rng.integers(8)])
    out = io.BytesIO()
    rate = int(rng.choice([1, 4000, 8000, 16000, 48000, 96000]))
    soundfile.write(out, wave, rate, format="WAV", subtype=str(rng.choice(["PCM_16", "PCM_24", "FLOAT"])))
    return damaged(rng, out.getvalue())


def text(rng: np.random.Generator) -> Any:
    if rng.random() < 0.5:
        return rng.integers(0, 256, rng.integers(0, 80)).astype(np.uint8).tobytes()
    places = [0, 32, 0x41, 0x130, 0x300, 0x3042, 0xD800, 0xFB01, 0x1F99C, 0x200D, 0xFFFF, 0x10FFFF]
    return "".join(chr(place) for place in rng.choice(places, rng.integers(0, 60)))


def row(rng: np.random.Generator) -> Any:
    values = [None, 1, 1.5, "1.5", "red", "", float("inf"), float("nan"), -(10**40), 10**400, [], b"red", "ré\0d"]
    names = ["age", "size", "colour", "other"]
    return {name: values[rng.integers(len(values))] for name in names if rng.random() < 0.7}


def frames(rng: np.random.Generator) -> Any:
    size = (*(int(n) for n in rng.integers(0, 20, 3)), 3)
    return rng.integers(0, 256, size).astype(np.uint8) if rng.random() < 0.5 else array(rng, size)


def series(rng: np.random.Generator) -> Any:
    return array(rng, (int(rng.integers(0, 20)), int(rng.integers(1, 4))))


MUTATED = {
    "image": picture,
    "text": text,
    "audio": sound,
    "video": frames,
    "sensor": series,
    "tabular": row,
    "pieces": text,
}


def finite(answer: dict[str, Any]) -> bool:
    numbers = [list(task.values()) if isinstance(task, dict) else task for task in answer.values()]
    return all(np.isfinite(each).all() for each in numbers)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.lite.Model:
    """The .tflite of an input of every kind, and of a text with a trained tokenizer."""
    return mmzoo.lite.Model(once(tmp_path_factory, "every_kind", export_every_kind) / "model.tflite")


def test_the_client_of_the_tflite(client: mmzoo.lite.Model) -> None:
    rng = np.random.default_rng(0)
    answered, refused, wrong = 0, 0, []
    for turn in range(1000):
        names = [name for name in MUTATED if rng.random() < 0.3]
        record = {name: anything(rng) if rng.random() < 0.2 else MUTATED[name](rng) for name in names}
        try:
            answer = client.predict(record)
        except MMZooError as error:
            refused += 1
            if not str(error).endswith((".", "?")) or "\n" in str(error):
                wrong.append((turn, str(error)))
        except Exception as error:  # any other is what this looks for
            wrong.append((turn, names, repr(error)))
        else:
            answered += 1
            if not finite(answer):
                wrong.append((turn, names, answer))
    assert not wrong, "\n".join(sorted({str(each[-1])[:300] for each in wrong}))
    assert answered > 100
    assert refused > 100


def test_a_damaged_file_and_one_of_another_version(tmp_path: Path) -> None:
    """Flipped bits, lost and repeated stretches: LiteRT itself would crash on some of them."""
    keras.utils.set_random_seed(1)
    model = mmzoo.build(small_spec().subset(["words"]))
    Serving(model, batch=1).save(tmp_path / "model", "serve_tensors")
    plain, about = converted(str(tmp_path / "model")), describe(model.spec)
    path, whole, rng = tmp_path / "model.tflite", attach(plain, about), np.random.default_rng(0)
    path.write_bytes(whole)
    assert finite(mmzoo.lite.Model(path).predict({"words": "a cat"}))
    for _ in range(200):
        at, length = (int(number) for number in rng.integers(0, len(whole), 2))
        other = bytes([whole[at] ^ 1 << int(rng.integers(8))])
        kinds = (other + whole[at + 1 :], whole[at + length // 8 + 1 :], whole[max(at - length, 0) :] + b"0")
        path.write_bytes(whole[:at] + kinds[rng.integers(3)])
        with pytest.raises(MMZooError, match=r"damaged|not a \.tflite|no description"):
            mmzoo.lite.Model(path)
    path.write_bytes(attach(plain, {**about, "format": 2, "mmzoo": "9.0"}))
    with pytest.raises(MMZooError, match=r"exported by another version of mmzoo \('9\.0'\)"):
        mmzoo.lite.Model(path)


def test_every_subset_of_the_inputs(client: mmzoo.lite.Model) -> None:
    whole = {name: value(name, 1) if name != "pieces" else "a quick bird" for name in MUTATED}
    for number in range(1, 2 ** len(whole)):
        record = {name: given for k, (name, given) in enumerate(whole.items()) if number >> k & 1}
        assert finite(client.predict(record)), list(record)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    keras.utils.set_random_seed(1)
    serving = Serving(mmzoo.build(small_spec()))
    folder = tmp_path_factory.mktemp("served")
    serving.save(folder / "model", *serving.signatures)
    loaded = tf.saved_model.load(str(folder / "model"))
    return loaded.signatures


def check(signature: Any, given: dict[str, Any]) -> bool:
    """Whether a signature answers; it must answer finitely or raise what TensorFlow raises for a bad argument."""
    try:
        answer = signature(**{name: tf.constant(value) for name, value in given.items()})
    except CLEAR as error:
        assert str(error)
        return False
    assert np.isfinite(answer["animal"].numpy()).all(), given
    return True


def test_the_signature_for_files(served: Any) -> None:
    rng = np.random.default_rng(0)
    made = {"picture": picture, "words": text, "sound": sound}
    answered = 0
    for _ in range(500):
        given = {}
        for name, mutated in made.items():
            data = mutated(rng) if rng.random() < 0.6 else b""
            data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
            given[name] = [data if isinstance(data, bytes) else data.tobytes()]
        answered += check(served["serve_bytes"], given)
    assert 50 < answered < 500


@pytest.mark.parametrize("name", ["serving_default", "serve_tensors"])
def test_the_signatures_for_arrays(served: Any, name: str) -> None:
    rng = np.random.default_rng(0)
    good: dict[str, Any] = {
        "picture": np.zeros((1, 32, 32, 3), np.uint8),
        "words": np.array(["a cat"]) if name == "serving_default" else np.full((1, 32), 97, np.uint8),
        "sound": np.zeros((1, 4000), np.float32),
        "present": np.ones((1, 3), bool if name == "serving_default" else np.uint8),
    }
    answered = 0
    for _ in range(250):
        given = dict(good)
        given["present"] = rng.integers(0, 2, (1, 3)).astype(good["present"].dtype)
        for key in given:
            if rng.random() < 0.3:
                changed = array(rng, shape(rng) if rng.random() < 0.3 else given[key].shape)
                given[key] = changed.astype(str) if changed.dtype == object else changed
        if rng.random() < 0.05:
            del given[str(rng.choice(list(given)))]
        if rng.random() < 0.05:
            given["other"] = np.zeros(1, np.float32)
        answered += check(served[name], given)
    assert 50 < answered < 250
    for number in range(1, 8):
        present = np.array([[number & 1, number >> 1 & 1, number >> 2 & 1]]).astype(good["present"].dtype)
        assert check(served[name], {**good, "present": present})
