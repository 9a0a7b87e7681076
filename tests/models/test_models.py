"""Trained models by name: what the package brings can be loaded and asked, and its card says what there is to say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mmzoo
from mmzoo.artifact.packages import packaged
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.models import FIELDS, HOME, find, model_of, names
from mmzoo.models.card import page, rows
from mmzoo.recipe import recipe_files
from mmzoo.run import Run
from mmzoo.weights.card import read_card
from mmzoo.weights.reading import read_whole
from tests.attacks.making import card_of
from tests.conftest import small_records, usual

NAMES = names()


def test_there_are_models_for_every_modality() -> None:
    assert len(NAMES) >= 6
    assert mmzoo.list("models") == NAMES
    kinds = {tuple(each["kind"] for each in read_card(HOME / name)["spec"]["inputs"]) for name in NAMES}
    assert {("image",), ("text",), ("audio",), ("image", "text", "audio")} <= kinds


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in HOME.rglob("*") if path.is_file()) <= 10e6


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_whole(name: str) -> None:
    card = read_card(HOME / name)
    assert {*FIELDS} <= card["about"].keys()
    assert all(card["about"].values())
    assert card["metrics"]
    assert card["about"]["recipe"].partition(" with ")[0] in recipe_files()
    for file, facts in card["files"].items():
        read_whole(HOME / name / file, facts)
    assert {path.name for path in (HOME / name).iterdir()} == {"card.json", *card["files"]}
    assert {*packaged(card, name)} == {*card.get("packages", {})}  # what it leaves to packages is still registered
    shown = page(name, HOME / name)
    assert f"mmzoo predict {name} --" in shown
    assert all(f"**{key}**" in shown for key in FIELDS[1:])


@pytest.mark.parametrize("name", usual(NAMES, {"emoji_name"}))
def test_a_model_answers_a_raw_record(name: str) -> None:
    records = mmzoo.datasets.load("emoji")[2].take(1)
    model = mmzoo.load(name)  # its golden answers are asked for
    record = {item.name: records.column(item.name)[0] for item in model.spec.inputs}
    for answer in mmzoo.predict(model, record).values():
        values = [*answer.values()] if isinstance(answer, dict) else answer
        assert np.isfinite(values).all()
        assert len(values) > 1


def test_asking_one_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "emoji_name", "--text", "cat face"]) == 0
    assert "Animals & Nature" in capsys.readouterr().out.splitlines()[1]
    assert not [*tmp_path.iterdir()]
    assert main(["evaluate", "emoji_name"]) == 2
    assert "nothing is written; say where: --out FOLDER" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["list models", "show emoji_speech"])
def test_what_is_said_of_them(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(what.split()) == 0
    assert "speech (audio)" in capsys.readouterr().out
    assert [row[0] for row in rows()] == NAMES


def test_a_folder_with_a_run_wins(
    learned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "emoji").mkdir()
    assert find("emoji") == HOME / "emoji"  # it is a folder of something else
    (tmp_path / "emoji" / "model").symlink_to(learned / "model")
    (tmp_path / "emoji" / "spec.json").write_text("{}")
    with caplog.at_level("WARNING", "mmzoo"):
        assert find("emoji") == Path("emoji")
    assert "is taken, not the model of that name" in caplog.text
    assert model_of(tmp_path / "emoji") == tmp_path / "emoji" / "model"
    assert find("./emoji_name") == Path("emoji_name")


def test_a_name_that_is_none() -> None:
    with pytest.raises(MMZooError, match=r"called 'emojy'. Did you mean 'emoji'\?"):
        mmzoo.load("emojy")
    with pytest.raises(MMZooError, match=r"is not a run: .*mmzoo list models"):
        Run("emojy")


@pytest.mark.usefixtures("loaded_once")
def test_a_model_without_a_run_is_asked_like_a_run(learned: Path, tmp_path: Path) -> None:
    bare, records = Run(learned / "model"), small_records(6)
    assert bare.seal == Run(learned).seal
    assert not bare.data
    record = {"words": "the cat number 1"}
    assert bare.predict(record) == Run(learned).predict(record)
    with pytest.raises(MMZooError, match="nothing is written; say where"):
        bare.evaluate(records)
    Run(learned / "model", out=tmp_path / "results").evaluate(records)
    assert (tmp_path / "results" / "report.html").exists()
    assert not (learned / "model" / "report.html").exists()


def test_a_card_of_a_stranger_is_shown_as_text(learned: Path, tmp_path: Path) -> None:
    model = mmzoo.load(learned)
    folder = tmp_path / "model"
    mmzoo.save(model, folder, about={"summary": "<script>[a](b)\x1b[2J"})
    shown = page("x", folder)
    assert "<script>" not in shown
    assert "\x1b" not in shown
    assert "\\[a\\](b)" in shown
    for odd in ({"picture": 3}, {"picture": [3]}, {"picture": [{}]}):
        with card_of(folder) as card:
            card["packages"] = odd
        with pytest.raises(MMZooError, match="cannot be shown; copy the model again"):
            page("x", folder)
        with pytest.raises(MMZooError, match=r"that no tower of it takes|that mmzoo does not know"):
            mmzoo.load(folder)
