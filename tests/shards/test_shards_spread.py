"""Shards of records that others read and prepare: the same bytes as here, gone on with after any end."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.faults import Faults
from mmzoo.data.kept_elsewhere import Elsewhere
from mmzoo.data.shards.folder import write_shards
from mmzoo.data.shards.kept import WHOLE, Prepared
from mmzoo.datasets import open_source
from mmzoo.errors import MMZooError
from mmzoo.pipelines.beam import Pipeline
from tests.pipelines.case import InProcess

IN_UNITS = partial(Elsewhere, InProcess())
SMALL = Prepared([mmzoo.Image("photo", size=16, tower="small_cnn")])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Forty pictures of several sizes; two are none, and one is missing."""
    folder, lines, random = tmp_path_factory.mktemp("files"), ["photo,weight,colour"], np.random.default_rng(0)
    for k in range(40):
        pixels = random.integers(0, 256, (8 + k, 20, 3)).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{k}.png")
        lines.append(f"{'' if k == 9 else f'{k}.png'},{k / 7},{'ru'[k % 2]}ed")
    for k in (13, 31):
        (folder / f"{k}.png").write_bytes(b"no picture")
    (folder / "things.csv").write_text("\n".join(lines), "utf-8")
    return f"{folder / 'things.csv'}#colour"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmzoo.data.kept_elsewhere.UNIT", 6)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("prepared", [WHOLE, SMALL], ids=["whole", "prepared"])
@pytest.mark.parametrize("on_error", ["skip", "mask"])
def test_the_same_bytes(table: str, tmp_path: Path, prepared: Prepared, on_error: str) -> None:
    """Shards of seven records, or fewer where they are large, and units of six."""
    source, counted = open_source(table), []
    for name, elsewhere in (("here", None), ("there", IN_UNITS)):
        faults = Faults(on_error, 0.2)
        out = tmp_path / name
        write_shards(source, out, records=7, size=9000, faults=faults, prepared=prepared, elsewhere=elsewhere)
        counted.append(faults)
    assert counted[0] == counted[1]
    assert len(counted[0].bad) == 2
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert not (tmp_path / "there.units").exists()


def test_gone_on_with(table: str, tmp_path: Path) -> None:
    """Stopped by a bad record, gone on with without it; then a shard is lost, and made again with those behind it."""
    source = open_source(table)
    write_shards(source, tmp_path / "here", records=7, faults=Faults("skip", 0.2))
    out = tmp_path / "there"
    with pytest.raises(MMZooError, match=r"Record 'line 15': .*is not a JPEG"):
        write_shards(source, out, records=7, elsewhere=IN_UNITS)
    before = sorted(path.name for path in (tmp_path / "there.units").glob("unit*"))
    assert before and before == [f"unit-{k:08}" for k in range(len(before))]  # up to that record
    write_shards(source, out, records=7, faults=Faults("skip", 0.2), elsewhere=IN_UNITS)
    assert files(out) == files(tmp_path / "here")
    (out / "shard-00002.tfrecord").unlink()
    write_shards(source, out, records=7, faults=Faults("skip", 0.2), elsewhere=IN_UNITS)
    assert files(out) == files(tmp_path / "here")


def test_beam(table: str, tmp_path: Path) -> None:
    """Beam itself, by what it pickles for its workers."""
    pytest.importorskip("apache_beam", reason="the extra beam is not installed")
    source = open_source(table)
    for name, elsewhere in (("here", None), ("there", partial(Elsewhere, Pipeline()))):
        faults = Faults("mask", 0.2)
        write_shards(source, tmp_path / name, records=9, faults=faults, prepared=SMALL, elsewhere=elsewhere)
    assert files(tmp_path / "there") == files(tmp_path / "here")
