"""An index that is asked by pictures, texts and sounds: what is found, what is shown of it, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.errors import MMZooError
from mmzoo.layers.nearness import Joined
from mmzoo.search.page import write_page
from tests.conftest import small_records, small_spec

COUNT = 24


def match_spec(**changes: Any) -> mmzoo.Spec:
    return small_spec(tasks=[mmzoo.Retrieval("match", dim=16)], **changes)


@pytest.fixture(scope="module")
def run(matched: Path, tmp_path_factory: pytest.TempPathFactory) -> mmzoo.Run:
    return mmzoo.Run(shutil.copytree(matched, tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of pictures, texts and sounds in files; every fourth record has no sound."""
    folder = tmp_path_factory.mktemp("photos")
    records = small_records(COUNT, 5)
    rows = ["id,picture,words,sound"]
    for row in range(COUNT):
        Pillow.fromarray(records.column("picture")[row]).save(folder / f"{row}.png")
        soundfile.write(folder / f"{row}.wav", records.column("sound")[row], 8000, subtype="PCM_16")
        rows.append(f"p{row},{row}.png,{records.column('words')[row]},{f'{row}.wav' if row % 4 else ''}")
    (folder / "photos.csv").write_text("\n".join(rows))
    return folder / "photos.csv"


@pytest.fixture(scope="module")
def kept(run: mmzoo.Run, photos: Path) -> Path:
    """The folder of an index of the table; only to be read."""
    folder = run.folder.parent / "index"
    mmzoo.Index.build(run, photos, folder)
    return folder


@pytest.fixture
def index(run: mmzoo.Run, kept: Path) -> mmzoo.Index:
    return mmzoo.Index(kept, run)


def nearest(run: mmzoo.Run, table: Path, query: np.ndarray, inputs: tuple[str, ...]) -> dict[str, float]:
    """By the vectors of the records themselves: of each the best of its inputs, the nearest first."""
    vectors = run.embed(str(table))
    scores = {
        f"p{row}": max(np.nan_to_num(vectors[name][row] @ query, nan=-9) for name in inputs) for row in range(COUNT)
    }
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


def test_every_kind_finds_what_is_nearest(run: mmzoo.Run, index: mmzoo.Index, photos: Path) -> None:
    one = small_records(COUNT, 5)[7]
    for name, kind in (("picture", "image"), ("words", "text"), ("sound", "audio")):
        query = run.embed({name: one[name]})[name][0]
        right = nearest(run, photos, query, ("picture", "words", "sound"))
        found = index.search({name: one[name]}, 10)
        assert [hit.score for hit in found] == pytest.approx([*right.values()][:10], abs=2e-3)
        assert all(right[hit.id] == pytest.approx(hit.score, abs=2e-3) for hit in found)
        assert [hit.id for hit in index.search({kind: one[name]}, 10)] == [hit.id for hit in found]
        only = index.search({name: one[name]}, 10, among=["image"])
        assert {hit.input for hit in only} == {"picture"}
        right = nearest(run, photos, query, ("picture",))
        assert [hit.score for hit in only] == pytest.approx([*right.values()][:10], abs=2e-3)


def test_several_inputs_are_weighed(run: mmzoo.Run, index: mmzoo.Index, photos: Path) -> None:
    one = small_records(COUNT, 5)[7]
    vectors = {name: found[0] for name, found in run.embed({"picture": one["picture"], "words": "the dog"}).items()}
    both = {"picture": one["picture"], "text": "the dog"}
    for weights in ({}, {"text": 3.0}, {"picture": 0.5, "words": -1}):
        query = weights.get("picture", 1) * vectors["picture"]
        query = query + weights.get("text", weights.get("words", 1)) * vectors["words"]
        right = nearest(run, photos, query / np.linalg.norm(query), ("picture", "words", "sound"))
        found = index.search(both, 5, weights=weights)
        assert [hit.score for hit in found] == pytest.approx([*right.values()][:5], abs=2e-3)
    with pytest.raises(MMZooError, match="outweigh each other"):
        index.search({"text": "the dog"}, weights={"text": 0})
    with pytest.raises(MMZooError, match="no input in the query called 'sound'"):
        index.search({"text": "the dog"}, weights={"sound": 2})
    with pytest.raises(MMZooError, match="The weight of 'words' must be a number"):
        index.search({"text": "the dog"}, weights={"text": float("nan")})


def test_what_is_not_weighed_counts_as_it_was_fitted(run: mmzoo.Run, photos: Path, tmp_path: Path) -> None:
    """The index keeps what the model found out on its validation records."""
    model = mmzoo.Run(run.folder)
    (layer,) = [layer for layer in model.model.layers if isinstance(layer, Joined)]
    layer.trust.assign([1, 0.5, 0.125])
    index = mmzoo.Index.build(model, photos, tmp_path / "index")
    one = small_records(COUNT, 5)[7]
    given = {name: one[name] for name in ("picture", "words", "sound")}
    fitted = {"picture": 1.0, "words": 0.5, "sound": 0.125}
    assert index.store.card.weights == fitted
    assert mmzoo.Index(tmp_path / "index", run).search(given) == index.search(given, weights=fitted)
    said = index.search(given, weights={"words": -1})
    assert said == index.search(given, weights={**fitted, "words": -1}) != index.search(given)


def test_what_is_told_of_a_record(index: mmzoo.Index, photos: Path) -> None:
    hit = next(hit for hit in index.search({"text": "the cat"}, 100) if hit.id == "p5")
    assert hit.texts == {"words": small_records(COUNT, 5).column("words")[5]}
    assert hit.paths == {name: str(photos.parent / f"5.{end}") for name, end in (("picture", "png"), ("sound", "wav"))}
    assert hit.gone == ()
    assert json.loads(json.dumps(hit.to_json()))["paths"] == hit.paths
    assert len(index.search({"text": "the cat"}, 1000)) == COUNT == len(index)
    assert "sound" not in next(hit for hit in index.search({"text": "the cat"}, 100) if hit.id == "p4").paths


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "The query is empty; give at least one of: picture, words, sound"),
        ({"text": "  "}, "'words' is empty"),
        ({"words": None}, "The query is empty"),
        ({"video": "x.mp4"}, "no input of the model called 'video'.*picture, sound, words"),
        ({"image": "no/such.png"}, "does not exist"),
        ({"text": "a", "words": "b"}, "'words' is given twice"),
        ({"sound": np.zeros(4000, np.float32)}, "says nothing to the model"),
    ],
)
def test_a_query_that_asks_nothing(index: mmzoo.Index, query: dict[str, Any], said: str) -> None:
    with pytest.raises(MMZooError, match=said):
        index.search(query)


def test_one_candidate_and_what_has_no_file(run: mmzoo.Run, tmp_path: Path) -> None:
    """What is held in memory is kept in the index as a small picture and a sound."""
    index = mmzoo.Index.build(run, small_records(1), tmp_path / "index", inputs=["image"], dtype="int8")
    (hit,) = index.search({"text": "the cat"})
    assert (hit.id, hit.input, hit.paths) == ("record-0", "picture", {})
    assert hit.files["picture"].startswith(b"\xff\xd8")
    assert hit.files["sound"].startswith(b"RIFF")
    with pytest.raises(MMZooError, match=r"no input in the index .* called 'words'"):
        index.search({"text": "the cat"}, among=["text"])
    with pytest.raises(MMZooError, match="no input that the model has vectors of called 'video'"):
        mmzoo.Index.build(run, small_records(1), tmp_path / "other", inputs=["video"])


def test_an_index_is_of_one_model(run: mmzoo.Run, kept: Path, tmp_path: Path, learned: Path) -> None:
    shutil.copytree(kept, tmp_path / "other")
    card = tmp_path / "other" / "index.json"
    card.write_text(card.read_text().replace(run.seal, "0" * 64))
    with pytest.raises(MMZooError, match="holds vectors of another model"):
        mmzoo.Index(tmp_path / "other", run)
    with pytest.raises(MMZooError, match="gives no vectors"):
        mmzoo.Index.build(learned, small_records(3), tmp_path / "none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmzoo.run.folder.load_folder", lambda folder: run.model)
        assert mmzoo.Index(kept).search({"text": "the cat"}, 1)  # it knows its own


def test_an_index_that_was_made_elsewhere_opens_nothing_unasked(
    run: mmzoo.Run, kept: Path, photos: Path, tmp_path: Path
) -> None:
    """Neither the run nor the files that it names; below a folder that is given, no link leads out of it."""
    shutil.copytree(kept, tmp_path / "copy")
    with pytest.raises(MMZooError, match=r"made in another folder, or by somebody else.*--run"):
        mmzoo.Index(tmp_path / "copy").search({"text": "the cat"})
    foreign = mmzoo.Index(tmp_path / "copy", run)
    hits = foreign.search({"text": "the cat"}, 3)
    assert hits[0].paths["picture"] == f"{hits[0].id[1:]}.png"
    write_page(tmp_path / "page.html", foreign, {"words": "the cat"}, {}, hits)
    page = (tmp_path / "page.html").read_text()
    assert "data:image" not in page
    assert "the index was made elsewhere" in page
    root = tmp_path / "root"
    shutil.copytree(photos.parent, root)
    (root / f"{hits[0].id[1:]}.png").unlink()
    (root / f"{hits[0].id[1:]}.png").symlink_to(photos.parent / "0.png")
    given = mmzoo.Index(tmp_path / "copy", run, root=root)
    hits = given.search({"text": "the cat"}, 3)
    write_page(tmp_path / "page.html", given, {"words": "the cat"}, {}, hits)
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/jpeg") == 2


def test_a_file_that_was_removed_is_said(run: mmzoo.Run, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos.parent, tmp_path / "photos")
    index = mmzoo.Index.build(run, tmp_path / "photos" / "photos.csv", tmp_path / "index")
    (tmp_path / "photos" / "5.png").unlink()
    hits = index.search({"text": "the cat"}, 100)
    assert [(hit.id, hit.gone) for hit in hits if hit.gone] == [("p5", ("picture",))]
    write_page(tmp_path / "page.html", index, {"words": "the cat"}, {}, hits)
    assert (tmp_path / "page.html").read_text().count("no longer there") == 1


def test_records_are_added_and_removed(run: mmzoo.Run, photos: Path, tmp_path: Path) -> None:
    index = mmzoo.Index.build(run, photos, tmp_path / "index")
    with pytest.raises(MMZooError, match="'p0' is in the index already"):
        index.add(photos)
    assert index.add(small_records(5)) == 5
    assert index.add(photos, overwrite=True) == COUNT
    assert len(index) == COUNT + 5
    assert index.remove(["p3", "record-1"]) == 2
    assert not {"p3", "record-1"} & {hit.id for hit in index.search({"text": "the cat"}, 100)}
    with pytest.raises(MMZooError, match="Give a list of the names"):
        index.remove("p4")


def test_records_that_cannot_be_used(run: mmzoo.Run, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos.parent, tmp_path / "photos")
    table = tmp_path / "photos" / "photos.csv"
    (table.parent / "5.png").write_bytes(b"rust")
    with pytest.raises(MMZooError, match=r"'p5'.*5\.png"):
        mmzoo.Index.build(run, table, tmp_path / "index")
    assert not (tmp_path / "index").exists()
    with pytest.raises(MMZooError, match="over the budget"):
        mmzoo.Index.build(run, table, tmp_path / "index", on_error="skip", budget=0)
    for policy, count in (("skip", COUNT - 1), ("mask", COUNT)):
        index = mmzoo.Index.build(run, table, tmp_path / policy, on_error=policy, budget=0.1)
        assert len(index) == count
    broken = {name: np.full((1, 16), np.inf, np.float32) for name in ("picture", "words", "sound")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmzoo.Run, "embed", lambda *_, **__: broken)
        with pytest.raises(MMZooError, match="The vector of 'picture' of record 'record-0' has numbers that are not"):
            mmzoo.Index.build(run, small_records(1), tmp_path / "broken")


def ask(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_the_commands(
    run: mmzoo.Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmzoo.run.folder.load_folder", lambda folder: run.model)  # once is enough
    place = tmp_path / "index"
    code, out, err = ask(capsys, "index", run.folder, photos, "--out", place)
    assert code == 0, err
    assert re.search(r"24 records by picture, words, sound, 0\.\d MB \(new\) in", out)
    code, out, err = ask(capsys, "index", run.folder, photos, "--out", place)
    assert (code, "--add" in err) == (2, True)
    assert ask(capsys, "index", run.folder, photos, "--out", place, "--add", "--overwrite")[0] == 0
    assert "2 records removed" in ask(capsys, "index", run.folder, "--out", place, "--remove", "p1,p2")[1]
    code, out, err = ask(capsys, "search", place, "--text", "the cat", "--json", "-k", 3)
    assert code == 0, err
    found = json.loads(out)
    assert [*found[0]] == ["id", "score", "input", "texts", "paths", "gone"]
    assert len(found) == 3
    page = tmp_path / "page.html"
    picture, sound = photos.parent / "4.png", photos.parent / "5.wav"
    arguments = ["--image", picture, "--audio", sound, "--weight", "audio=0.5", "--among", "picture,sound"]
    code, out, err = ask(capsys, "search", place, *arguments, "--page", page)
    assert code == 0, err
    assert len(out.splitlines()) == 11
    text = page.read_text()
    assert text.count("<audio") >= 5
    assert text.count("data:image/jpeg") == 10
    assert "weight 0.5" in text
    assert not re.search(r"""(src|href)=["'](?!data:)|<script""", text)
    for arguments, said in (
        (["search", place], "The query is empty; give at least one of: picture, words, sound"),
        (["search", place, "--video", "a.mp4"], "The model has no video input"),
        (["search", place, "--text", "cat", "--weight", "text"], "A weight is written NAME=NUMBER"),
        (["search", place, "--text", "cat", "-k", "0"], "a whole number from 1 on"),
        (["search", run.folder, "--text", "cat"], "is not an index"),
        (["index", run.folder, "--out", place], "Give a table"),
        (["index", run.folder, "--out", place, "--remove", "nobody"], "has no record 'nobody'"),
    ):
        code, _, err = ask(capsys, *arguments)
        assert (code, said in err) == (2, True), err
