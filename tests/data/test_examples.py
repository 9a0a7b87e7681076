"""Decoded examples that are not in memory: what a batch holds, and whose memory it is."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.lazy.examples import ALIGNMENT, KEPT, Examples, Memory
from mmzoo.errors import DataError

RANDOM = np.random.default_rng(0)
PICTURES = list(RANDOM.integers(1, 256, (9, 16, 16, 3)).astype(np.uint8))


def examples(*values: object) -> Examples:
    return Examples(mmzoo.Image("picture", size=16), list(values), [f"record {k}" for k in range(len(values))])


def test_rows_in_any_order_and_what_is_missing() -> None:
    found = examples(*PICTURES[:4], None)
    for _ in range(3):  # a batch may get the memory of one before it
        batch = found[np.array([3, 4, 0, 3])]
        np.testing.assert_array_equal(batch, [PICTURES[3], np.zeros((16, 16, 3)), PICTURES[0], PICTURES[3]])
        del batch
    np.testing.assert_array_equal(found[1:3], PICTURES[1:3])
    np.testing.assert_array_equal(found.whole(), [*PICTURES[:4], np.zeros((16, 16, 3))])
    with pytest.raises(DataError, match=r"^Record 'record 1': "):
        examples(PICTURES[0], b"rust")[:]


def test_memory_is_taken_again_only_when_nobody_reads_it() -> None:
    found = examples(*PICTURES)
    place = found[:4].ctypes.data
    assert found[:4].ctypes.data == place  # nobody held it
    part = found[:4][1, ::2]  # holds all of it
    kept = tf.function(lambda: tf.numpy_function(lambda: found[4:8], [], tf.uint8), autograph=False)()  # shares it
    others = [found[np.array([8, 8, 8, 8])] for _ in range(2 * KEPT)]
    assert len({each.ctypes.data for each in others} | {place}) == 2 * KEPT + 1
    np.testing.assert_array_equal(part, PICTURES[1][::2])
    np.testing.assert_array_equal(kept, PICTURES[4:8])
    assert len(found.memory.blocks) == KEPT


def test_tensorflow_shares_it() -> None:
    memory = Memory()
    seen = []

    def made() -> np.ndarray:
        out = memory.array((4, 5), np.dtype(np.float32))
        out.fill(7)
        seen.append(out.ctypes.data)
        return out

    batch = tf.function(lambda: tf.numpy_function(made, [], tf.float32), autograph=False)
    tensor = batch()
    assert seen[0] % ALIGNMENT == 0
    assert np.asarray(memoryview(tensor)).ctypes.data == seen[0]  # no copy was made
    del tensor
    gc.collect()
    for _ in range(3):
        assert (batch().numpy() == 7).all()
    assert len(set(seen)) < 4


@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    """From 2,000 to 200,000 records, which decoded would be 2.4 GB: the most that a process ever held, within 10 %."""
    for k, pixels in enumerate(RANDOM.integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)):
        out = io.BytesIO()
        Pillow.fromarray(pixels).save(out, "JPEG")
        (tmp_path / f"{k}.jpg").write_bytes(out.getvalue())
    program = """
import resource, sys
import mmzoo
from mmzoo.data.records import decode
from mmzoo.training.feeds.batches import Varied, stream
spec = mmzoo.Spec([mmzoo.Image("picture", size=64)], "concat", [mmzoo.Binary("label")])
paths = [f"{sys.argv[1]}/{k}.jpg" for k in range(4)]
for count in (2_000, 200_000):
    arrays = decode(spec, mmzoo.Records({"picture": paths * (count // 4)}), memory=1e8)
    for inputs, _ in stream(arrays, {}, Varied(), batch_size=32, seed=0)(range(150)):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    few, many = map(int, done.stdout.split())
    assert many < 1.1 * few
