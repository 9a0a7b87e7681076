"""Features on disk: taken again where nothing changed, computed anew where anything did, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.data.records import decode
from mmzoo.training import cache
from mmzoo.training import features as home
from mmzoo.training.features import compute_features, split
from tests.conftest import small_records, small_spec


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def part() -> Any:
    """A frozen picture tower; the words' and the sound's trunks have no weights."""
    keras.utils.set_random_seed(0)
    tower = mmzoo.Tower("efficientnet_lite0", weights="imagenet")
    spec = small_spec(inputs=[mmzoo.Image("picture", size=32, tower=tower), *small_spec().inputs[1:]])
    return spec, split(mmzoo.build(spec))


def files(place: Path) -> list[Path]:
    return sorted(place.glob("*.features")) if place.exists() else []


def same(first: dict[str, Any], second: dict[str, Any]) -> None:
    keras.tree.map_structure(np.testing.assert_array_equal, first, second)


def test_a_second_run_computes_nothing(part: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, halves = part
    arrays = decode(spec, small_records(5))
    first = compute_features(halves, spec, arrays)
    assert len(files(place)) == 1, "only the frozen network's are kept"
    assert first["picture"].shape == (5, 1, 1, 1, 1280)
    real = home.run_trunk

    def only_cheap(trunk: Any, item: Any, *rest: Any) -> Any:
        assert item.name != "picture", "computed again"
        return real(trunk, item, *rest)

    monkeypatch.setattr(home, "run_trunk", only_cheap)
    same(first, compute_features(halves, spec, arrays))


def test_anything_that_counts_makes_another_key(part: Any, place: Path) -> None:
    spec, halves = part
    arrays = decode(spec, small_records(3))
    compute_features(halves, spec, arrays)
    compute_features(halves, spec, arrays, seed=7)
    assert len(files(place)) == 1, "the seed is only that of the variants"
    compute_features(halves, spec, arrays, views=2, seed=7)
    compute_features(halves, spec, {**arrays, "picture": arrays["picture"] ^ 1})
    compute_features(halves, spec, {**arrays, "present": ~arrays["present"]})
    assert len(files(place)) == 4
    weight = halves.trunks["picture"].weights[0]
    before = weight.numpy()
    weight.assign(before + 1e-3)
    compute_features(halves, spec, arrays)
    weight.assign(before)
    assert len(files(place)) == 5


@pytest.mark.parametrize("harm", ["flip", "cut", "empty"])
def test_a_damaged_file_is_computed_anew(part: Any, place: Path, harm: str) -> None:
    spec, halves = part
    arrays = decode(spec, small_records(3))
    first = compute_features(halves, spec, arrays)
    (path,) = files(place)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"flip": data, "cut": data[:100], "empty": b""}[harm])
    same(first, compute_features(halves, spec, arrays))
    assert cache.read(path) is not None, "and kept again"


def test_where_nothing_can_be_kept_it_goes_on(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, halves = part
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "file" / "below"))
    arrays = decode(spec, small_records(3))
    first = compute_features(halves, spec, arrays)
    assert "not kept for later runs" in capsys.readouterr().out
    monkeypatch.setenv("MMZOO_CACHE", "")
    same(first, compute_features(halves, spec, arrays))


def test_what_was_not_used_for_longest_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    like = keras.KerasTensor((None, 250))
    size = len(np.zeros(250, np.float32).tobytes())
    monkeypatch.setattr(cache, "LIMIT", 3 * size + 1000)
    for number, key in enumerate("abc"):
        cache.kept("x", key, like, lambda n=number: np.full(250, n, np.float32))  # type: ignore[misc]
        os.utime(place / f"{key}.features", (number, number))
    cache.kept("x", "a", like, lambda: pytest.fail("it is there"))  # used again: now the newest
    cache.kept("x", "d", like, lambda: np.zeros(250, np.float32))
    assert [path.stem for path in files(place)] == ["a", "c", "d"]
    cache.kept("x", "large", like, lambda: np.zeros(10_000, np.float32))
    assert [path.stem for path in files(place)] == ["a", "c", "d"], "larger than the whole cache: not kept"


HAMMER = """
import sys, time
import keras, numpy as np
from mmzoo.training import cache
cache.LIMIT, like, end = 50_000, keras.KerasTensor((None, 1000)), time.monotonic() + 4
print("ready", flush=True)
sys.stdin.readline()
turns = 0
while time.monotonic() < end:
    number = turns * 7 % 20
    wanted = np.full((3, 1000), number, np.float32)
    found = cache.kept("x", f"{number:02d}", like, lambda: wanted)
    assert (np.asarray(found) == wanted).all()
    turns += 1
print("turns", turns)
"""


@pytest.mark.slow
def test_two_runs_at_once_get_what_they_would_alone(place: Path) -> None:
    """Four files fit and twenty are asked for: both write, read and remove the same names all the time."""
    command = [sys.executable, "-W", "ignore", "-c", HAMMER, str(place)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    root = Path(__file__).parent.parent
    both = [
        subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for out, _ in said:
        assert int(out.split()[-1]) > 20
        assert "not kept for later runs" not in out
    assert sum(path.stat().st_size for path in files(place)) <= 100_000
    assert {path.suffix for path in place.iterdir()} == {".features"}, "nothing is left beside"


def test_what_a_killed_run_left_goes_after_a_day(place: Path) -> None:
    place.mkdir()
    old, new = place / "a.features-1.new", place / "b.features-2.new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1.0, 1.0))
    cache.kept("x", "c", keras.KerasTensor((None, 250)), lambda: np.zeros(250, np.float32))
    assert sorted(path.name for path in place.iterdir()) == ["b.features-2.new", "c.features"]


@pytest.mark.slow
def test_a_run_with_kept_features_is_the_run_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes from nothing kept, from what this run computes, and from what an earlier one did."""
    tower = mmzoo.Tower("efficientnet_lite0", weights="imagenet")
    spec = small_spec(inputs=[mmzoo.Image("picture", size=32, tower=tower)])
    weights, metrics = [], []
    for number, folder in enumerate(["", str(tmp_path / "cache"), str(tmp_path / "cache")]):
        monkeypatch.setenv("MMZOO_CACHE", folder)
        training = mmzoo.Training(epochs=2, batch_size=4)
        out = tmp_path / str(number)
        run = mmzoo.train(spec, small_records(12), small_records(6, 1), training=training, out=out)
        weights.append((run.folder / "model" / "weights.safetensors").read_bytes())
        rows = [json.loads(line) for line in (run.folder / "history.jsonl").read_text().splitlines()]
        metrics.append(
            [{name: value for name, value in row.items() if "loss" in name or "val" in name} for row in rows]
        )
    assert weights[0] == weights[1] == weights[2]
    assert metrics[0] == metrics[1] == metrics[2]
    assert len(files(tmp_path / "cache")) == 2, "of the training and of the validation records"
