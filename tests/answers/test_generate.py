"""More than one answer to one record: by noise, or by a latent distribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import decode
from mmzoo.errors import MMZooError
from mmzoo.inference.generate import draw
from mmzoo.inference.running import run_model
from mmzoo.modalities.shown import grid
from tests.conftest import small_records, small_spec, untrained

RECORDS = small_records(6)


def run_of(folder: Path, fusion: str, **options: object) -> mmzoo.Run:
    picture, words, _ = small_spec().inputs
    spec = small_spec(fusion, inputs=[picture, words], tasks=[mmzoo.Reconstruction("picture", **options)])  # type: ignore[arg-type]
    return untrained(folder, spec.fit(RECORDS))


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    return run_of(tmp_path_factory.mktemp("gan") / "run", "concat", masked=1.0, noise=8)


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    return run_of(tmp_path_factory.mktemp("vae") / "run", "variational")


@pytest.mark.parametrize("name", ["gan", "vae"])
def test_pictures_are_drawn(name: str, request: pytest.FixtureRequest) -> None:
    """The seed says which; each is another; and with nothing drawn it is what `predict` gives."""
    run = request.getfixturevalue(name)
    found = run.generate({"words": "a cat"}, count=5, seed=3)
    assert len(found) == 5 and all(each.shape == (32, 32, 3) and each.dtype == np.uint8 for each in found)
    assert len({each.tobytes() for each in found}) == 5
    for one, other in zip(found, run.generate({"words": "a cat"}, count=5, seed=3), strict=True):
        np.testing.assert_array_equal(one, other)
    assert run.generate({"words": "a cat"}, count=1, seed=4)[0].tobytes() != found[0].tobytes()
    inputs = decode(run.spec, RECORDS)
    usual = run_model(run.model, inputs)["picture_rebuilt"]
    drawn = np.stack([draw(run.model, inputs, seed)["picture_rebuilt"] for seed in range(40)])
    assert np.abs(usual - drawn).max() > 1e-3
    np.testing.assert_array_equal(run_model(run.model, inputs)["picture_rebuilt"], usual)
    off = np.abs(drawn.mean(axis=0) - usual) / drawn.std(axis=0)
    assert off.mean() < 0.5, "around what is likeliest"


def test_what_is_made_of_the_others_is_never_read(gan: mmzoo.Run) -> None:
    inputs = decode(gan.spec, RECORDS)
    other = {**inputs, "picture": 255 - inputs["picture"]}
    lacking = {**inputs, "present": inputs["present"] & [False, True]}
    found, again, without = (run_model(gan.model, each)["picture_rebuilt"] for each in (inputs, other, lacking))
    np.testing.assert_array_equal(found, again)
    np.testing.assert_array_equal(found, without)
    with pytest.raises(MMZooError, match="makes input 'picture' of the others, and there are none"):
        small_spec(inputs=gan.spec.inputs[:1], tasks=[mmzoo.Reconstruction("picture", masked=1.0)])


def test_the_command(gan: mmzoo.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "grid.png"
    assert main(["generate", str(gan.folder), "--text", "a cat", "--count", "5", "--seed", "3", "--png", str(out)]) == 0
    assert "5 of 32 x 32 pixels, which differ by " in capsys.readouterr().out
    found = np.asarray(Image.open(out))
    np.testing.assert_array_equal(found, grid(gan.generate({"words": "a cat"}, count=5, seed=3), 3))
    assert found.shape == (66, 100, 3)


def test_what_cannot_be_drawn(gan: mmzoo.Run, tmp_path: Path, learned_run: mmzoo.Run) -> None:
    for record, options, words in (
        ({"words": ""}, {}, "There is nothing in the record to draw from; give one that has something in words"),
        ({"words": "a cat"}, {"count": 0}, "The count must be a whole number from 1"),
        ({"words": "a cat"}, {"task": "picture"}, "no task that rebuilds an input called 'picture'"),
        ({"smell": 1}, {}, "smell"),
    ):
        with pytest.raises(MMZooError, match=words):
            gan.generate(record, **options)  # type: ignore[arg-type]
    with pytest.raises(MMZooError, match=r"none of its tasks is a mmzoo\.Reconstruction"):
        learned_run.generate({"words": "a cat"})
    with pytest.raises(MMZooError, match="gives one answer to a record and draws no others"):
        run_of(tmp_path / "run", "concat").generate({"words": "a cat"})
