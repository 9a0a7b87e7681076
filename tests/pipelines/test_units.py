"""Units: each is computed once, whatever ended the work; what is damaged is computed again; faults end it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmzoo.errors import DataError, MMZooError
from mmzoo.pipelines.beam import Pipeline
from mmzoo.pipelines.units import Units
from tests.pipelines.case import InProcess, Squares

ROOT = Path(__file__).parents[2]


def begun(tmp_path: Path, about: str = "squares") -> Units:
    units = Units(tmp_path / "units", {"what": about})
    units.begin()
    return units


def squares(found: object) -> list[int]:
    return [int(data) for _, data in found]  # type: ignore[attr-defined]


def test_computed_once(tmp_path: Path) -> None:
    """What is damaged, missing or would be made otherwise now is computed again, and nothing else."""
    notes, units = tmp_path / "notes", begun(tmp_path)
    work = Squares(1000, notes)
    assert squares(InProcess().run(work, units, range(990, 1200))) == [k**2 for k in range(990, 1000)]
    notes.unlink()
    path = units.folder / "unit-00000995"
    path.write_bytes(path.read_bytes()[:-1] + b"7")
    (units.folder / "unit-00000992").unlink()
    assert squares(InProcess().run(work, units, range(990, 1200))) == [k**2 for k in range(990, 1000)]
    assert notes.read_text() == "992\n995\n"
    found = InProcess().run(work, units, range(990, 1200), fits=lambda facts: facts["number"] != 991)
    assert len(squares(found)) == 10
    assert notes.read_text() == "992\n995\n991\n"


def test_a_fault_ends_the_work(tmp_path: Path) -> None:
    """It is told in its own words, what was computed before is kept, and mended it goes on there."""
    notes, units = tmp_path / "notes", begun(tmp_path)
    with pytest.raises(DataError, match=r"^Record '5': It is bad\.$") as caught:
        squares(InProcess().run(Squares(10, notes, bad=5), units, range(20)))
    assert caught.value.cause == "bad_number"
    units.begin()
    assert squares(InProcess().run(Squares(10, notes), units, range(20))) == [k**2 for k in range(10)]
    assert notes.read_text().split() == [str(k) for k in range(10)]


def test_other_results_are_not_taken(tmp_path: Path) -> None:
    squares(InProcess().run(Squares(3, tmp_path / "notes"), begun(tmp_path), range(3)))
    with pytest.raises(MMZooError, match="holds results of another table"):
        begun(tmp_path, "cubes")
    cubes = Units(tmp_path / "units", {"what": "cubes"})
    with pytest.raises(MMZooError, match="A worker does not see"):
        squares(InProcess().run(Squares(4, tmp_path / "notes"), cubes, range(4)))
    (tmp_path / "units" / "mine.txt").write_text("mine")
    with pytest.raises(MMZooError, match="is not what mmzoo writes there"):
        cubes.begin(anew=True)
    (tmp_path / "units" / "mine.txt").unlink()
    cubes.begin(anew=True)
    assert [path.name for path in cubes.folder.iterdir()] == ["about.json"]
    cubes.remove()
    assert not cubes.folder.exists()


def test_stretches() -> None:
    """Units that lie together, as many stretches as keep the workers busy that there will be."""
    assert Pipeline().stretches == 128
    assert Pipeline(options=("max_num_workers=1000", "direct_num_workers=2", "num_workers=?")).stretches == 4000
    assert Pipeline(options=("parallelism=64", "streaming")).stretches == 256


def test_without_beam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(MMZooError, match=r"install it: pip install 'mmzoo\[beam\]'"):
        squares(Pipeline().run(Squares(3, tmp_path / "notes"), begun(tmp_path), range(3)))


def test_beam(tmp_path: Path) -> None:
    """Beam's own runner: stretches on several threads, a fault, a worker that fails, an option that is none."""
    pytest.importorskip("apache_beam", reason="the extra beam is not installed")
    notes, units = tmp_path / "notes", begun(tmp_path)
    two = Pipeline("DirectRunner", ("direct_num_workers=2", "direct_running_mode=multi_threading"))
    with pytest.raises(DataError, match=r"^Record '700': It is bad\.$"):
        squares(two.run(Squares(1000, notes, bad=700), units, range(1100)))
    units.begin()
    assert squares(two.run(Squares(1000, notes), units, range(1100))) == [k**2 for k in range(1000)]
    assert sorted(map(int, notes.read_text().split())) == [*range(1000)]
    with pytest.raises(MMZooError, match="no option called 'direct_workers'"):
        squares(Pipeline(options=("direct_workers=2",)).run(Squares(1200, notes), units, range(1200)))
    with pytest.raises(MMZooError, match=r"The pipeline on DirectRunner has failed \(.*TypeError.*goes on there"):
        squares(two.run(Squares("x", notes), units, range(1200)))  # type: ignore[arg-type]


def test_killed(tmp_path: Path) -> None:
    """SIGKILL in the middle of a unit: all units before it are there, and it is computed by the next one."""
    notes, units = tmp_path / "notes", begun(tmp_path)
    code = """
import os, signal, sys
from pathlib import Path
import mmzoo.pipelines.units as units
from tests.pipelines.case import InProcess, Squares
def killed(path, data, write=units.write_file):
    if path.name.endswith("007"):
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, data)
units.write_file = killed
[*InProcess().run(Squares(20, Path(sys.argv[1])), units.Units(Path(sys.argv[2]), {"what": "squares"}), range(20))]
"""
    command = [sys.executable, "-c", code, str(notes), str(units.folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == -9
    assert notes.read_text().split()[-1] == "7"
    assert squares(InProcess().run(Squares(20, notes), units, range(20))) == [k**2 for k in range(20)]
    assert sorted(map(int, notes.read_text().split())) == sorted([*range(20), 7])
