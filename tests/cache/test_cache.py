"""Features that are kept from one training to the next: computed once, and never other than they would be."""

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
from mmzoo.baselines.base import Clock
from mmzoo.baselines.pooled import pooled_blocks
from mmzoo.data.lazy.examples import Half
from mmzoo.data.records import decode
from mmzoo.data.sharing import sharing
from mmzoo.graph.cut import split
from mmzoo.training.features import cache
from mmzoo.training.features import compute as home
from mmzoo.training.features.compute import compute_features
from tests.cache.case import LIKE, files, key
from tests.conftest import small_records, small_spec


@pytest.fixture(scope="module")
def part() -> Any:
    """A frozen picture tower; the words' and the sound's frozen parts have no weights."""
    keras.utils.set_random_seed(0)
    tower = mmzoo.Tower("efficientnet_lite0", weights="imagenet")
    spec = small_spec(inputs=[mmzoo.Image("picture", size=32, tower=tower), *small_spec().inputs[1:]])
    return spec, split(mmzoo.build(spec))


def same(first: dict[str, Any], second: dict[str, Any]) -> None:
    keras.tree.map_structure(np.testing.assert_array_equal, first, second)


def test_a_second_run_computes_nothing(part: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, cut = part
    arrays = decode(spec, small_records(5))
    first = compute_features(cut, spec, arrays)
    assert len(files(place)) == 1, "only the frozen network's are kept"
    assert first["picture"].shape == (5, 1, 1, 1, 1280)
    real = home.run_frozen_features

    def only_cheap(frozen_features: Any, item: Any, *rest: Any) -> Any:
        assert item.name != "picture", "computed again"
        return real(frozen_features, item, *rest)

    monkeypatch.setattr(home, "run_frozen_features", only_cheap)
    same(first, compute_features(cut, spec, arrays))


def test_anything_that_counts_makes_another_key(part: Any, place: Path) -> None:
    spec, cut = part
    arrays = decode(spec, small_records(3))
    compute_features(cut, spec, arrays)
    compute_features(cut, spec, arrays, seed=7)
    assert len(files(place)) == 1, "the seed is only that of the variants"
    compute_features(cut, spec, arrays, num_variants=2, seed=7)
    compute_features(cut, spec, {**arrays, "picture": arrays["picture"] ^ 1})
    compute_features(cut, spec, {**arrays, "present": ~arrays["present"]})
    assert len(files(place)) == 4
    weight = cut.frozen["picture"].weights[0]
    before = weight.numpy()
    weight.assign(before + 1e-3)
    compute_features(cut, spec, arrays)
    weight.assign(before)
    assert len(files(place)) == 5


def test_another_input_beside_it_makes_no_other_key(part: Any, place: Path) -> None:
    spec, cut = part
    records = small_records(3)
    alone = spec.subset(["picture"])
    compute_features(split(mmzoo.build(alone)), alone, decode(alone, records))
    compute_features(cut, spec, decode(spec, records))
    assert len(files(place)) == 1


def test_features_are_kept_as_half_and_given_back_as_float32(part: Any, place: Path) -> None:
    spec, cut = part
    arrays = decode(spec, small_records(4))
    given = {name: arrays[name] for name in ("picture", "present")}
    exact = home.run_frozen_features(cut.frozen["picture"], spec.inputs[0], given, 1, 0, "")
    for _ in range(2):  # computed, and from disk
        found = compute_features(cut, spec, arrays)
        assert found["picture"].dtype == np.float16
        back = home.first_variant(found)["picture"]
        assert back.dtype == np.float32
        np.testing.assert_allclose(back, exact[:, 0], rtol=1e-3, atol=1e-6)
    assert files(place)[0].stat().st_size < exact.nbytes


def test_features_that_half_would_lose_stay_whole() -> None:
    rng = np.random.default_rng(0)
    fine = rng.normal(size=(50, 1, 3)).astype(np.float32)
    assert Half.of(fine).dtype == np.float16
    for kept in (fine + np.array([0, 1013, 0]), fine * [1, 1e5, 1]):
        found = Half.of(kept.astype(np.float32))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found.whole(), kept.astype(np.float32))
    constant = fine * [1, 0, 1] + np.array([0, 1e3 + 1 / 3, 0])  # it tells nothing, so nothing is lost
    assert Half.of(constant.astype(np.float32)).dtype == np.float16


def test_trainings_that_share_decode_and_compute_once(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, cut = part
    records = small_records(3)
    with sharing():
        first = decode(spec, records)
        assert decode(spec.subset(["words", "picture"]), records)["picture"] is first["picture"]
        assert decode(spec, small_records(3))["picture"] is not first["picture"]
        features = compute_features(cut, spec, first)
        monkeypatch.setattr(home, "run_frozen_features", pytest.fail)
        same(features, compute_features(cut, spec, decode(spec, records)))
    assert decode(spec, records)["picture"] is not first["picture"]


@pytest.mark.long
def test_baselines_read_what_a_training_reads(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = part[0].subset(["picture"])
    records = small_records(5)
    (block,) = pooled_blocks(alone, Clock())
    apart = block.transform(records.column("picture"))
    with sharing():
        together = block.transform(records.column("picture"))
        monkeypatch.setattr(home, "run_frozen_features", pytest.fail)
        compute_features(split(mmzoo.build(alone)), alone, decode(alone, records))
    np.testing.assert_allclose(together, apart, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("harm", ["flip", "cut", "empty"])
def test_a_damaged_file_is_computed_anew(part: Any, place: Path, harm: str) -> None:
    spec, cut = part
    arrays = decode(spec, small_records(3))
    first = compute_features(cut, spec, arrays)
    (path,) = files(place)
    whole = path.read_bytes()
    data = bytearray(whole)
    data[len(data) // 2] ^= 1
    path.write_bytes({"flip": data, "cut": data[:100], "empty": b""}[harm])
    same(first, compute_features(cut, spec, arrays))
    assert path.read_bytes() == whole, "and kept again"


def test_where_nothing_can_be_kept_it_goes_on(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, cut = part
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MMZOO_CACHE", str(tmp_path / "file" / "below"))
    arrays = decode(spec, small_records(3))
    first = compute_features(cut, spec, arrays)
    assert "not kept for later runs" in capsys.readouterr().out
    monkeypatch.setenv("MMZOO_CACHE", "")
    same(first, compute_features(cut, spec, arrays))


def test_what_was_not_used_for_longest_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(np.zeros(250, np.float32).tobytes())
    monkeypatch.setattr(cache, "LIMIT", 3 * size + 1000)
    for number, letter in enumerate("abc"):
        cache.kept("x", key(letter), LIKE, (), lambda n=number: np.full(250, n, np.float32))  # type: ignore[misc]
        os.utime(place / f"{key(letter)}.features", (number, number))
    cache.kept("x", key("a"), LIKE, (), lambda: pytest.fail("it is there"))  # used again: now the newest
    cache.kept("x", key("d"), LIKE, (), lambda: np.zeros(250, np.float32))
    assert [path.stem[0] for path in files(place)] == ["a", "c", "d"]
    cache.kept("x", key("e"), keras.KerasTensor((None, 10_000)), (), lambda: np.zeros(10_000, np.float32))
    assert [path.stem[0] for path in files(place)] == ["a", "c", "d"], "larger than the whole cache: not kept"


HAMMER = """
import sys, time
import keras, numpy as np
from mmzoo.training.features import cache
cache.LIMIT, like, end = 50_000, keras.KerasTensor((None, 1000)), time.monotonic() + 4
print("ready", flush=True)
sys.stdin.readline()
turns = 0
while time.monotonic() < end:
    number = turns * 7 % 20
    wanted = np.full((3, 1000), number, np.float32)
    found = cache.kept("x", f"{number:032d}", like, (3,), lambda: wanted)
    assert (np.asarray(found) == wanted).all()
    turns += 1
print("turns", turns)
"""


@pytest.mark.long
def test_two_runs_at_once_get_what_they_would_alone(place: Path) -> None:
    """Four files fit and twenty are asked for: both write, read and remove the same names all the time."""
    command = [sys.executable, "-W", "ignore", "-c", HAMMER, str(place)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    root = Path(__file__).parents[2]
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


@pytest.mark.long
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
