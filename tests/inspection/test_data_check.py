"""What is planted in a data set is found: bad files, duplicates, leaks, numbers far out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

from mmzoo.cli import main
from mmzoo.datasets import open_source
from mmzoo.fingerprints import near_groups, plain_words
from mmzoo.inspection.check import Check, check, far_out
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.maps import sound_map
from mmzoo.modalities.image import Image, picture_map

RANDOM = np.random.default_rng(0)


def pictures(count: int) -> list[np.ndarray]:
    small = RANDOM.integers(0, 256, (count, 6, 6, 3)).astype(np.uint8)
    return [np.asarray(Pillow.fromarray(each).resize((48, 48), Pillow.Resampling.BICUBIC)) for each in small]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty records, each with a picture, a sound, a text and a number; the plants are in the test below."""
    folder = tmp_path_factory.mktemp("planted")
    lines = ["id,photo,noise,note,weight,split,colour"]
    shown = pictures(60)
    shown[20] = shown[10]  # the same as another of the training records, with its sound and text
    shown[41] = shown[3]  # in the test, seen in training
    for k in range(60):
        Pillow.fromarray(shown[k]).save(folder / f"{k}.png")
        pitch = 10 if k == 20 else k
        wave = np.sin(2 * np.pi * (200 + 37 * pitch) * np.arange(8000) / 16000) * np.linspace(0.1, 0.8, 8000)
        soundfile.write(folder / f"{k}.wav", wave, 16000)
        note = {20: "note number 10", 43: "A LONG remark, that stands twice!", 4: "a long remark that stands twice"}
        split = "train" if k < 40 else "test" if k < 50 else "validation"
        weight = 1e6 if k == 7 else k / 10
        lines.append(
            f'r{k},{k}.png,{k}.wav,"{note.get(k, f"note number {k}")}",{weight},{split},{"red" if k % 3 else "blue"}'
        )
    small = io.BytesIO()
    Pillow.fromarray(shown[42]).save(small, "JPEG", quality=90)
    (folder / "5.png").write_bytes(small.getvalue())  # in training, nearly the same as one of the test
    (folder / "8.png").write_bytes((folder / "8.png").read_bytes()[:300])
    (folder / "9.png").unlink()
    (folder / "11.wav").write_bytes(b"no sound")
    (folder / "things.csv").write_text("\n".join(lines), "utf-8")
    return folder / "things.csv"


@pytest.fixture(scope="module")
def found(table: Path) -> Check:
    return check(open_source(f"{table}#colour"))


def test_what_was_planted_is_found(found: Check) -> None:
    assert found.faults.counts == {"junk_audio": 1, "missing_file": 1, "truncated_image": 1}
    assert {one: (other, how) for one, other, how in found.leaks} == {
        "r41": ("r3", "the same photo"),
        "r42": ("r5", "nearly the same photo"),
        "r43": ("r4", "nearly the same note"),
    }
    assert found.outliers == {"weight": ["r7"]}
    assert found.labels["train"] == {"red": 26, "blue": 14}
    assert found.class_weights == {"red": round(40 / 52, 4), "blue": round(40 / 28, 4)}


def test_a_record_that_repeats_another(table: Path, tmp_path: Path) -> None:
    """Numbers are inputs too: with another weight it is another record."""
    assert not check(open_source(f"{table}#colour")).duplicates
    lines = table.read_text().splitlines()
    lines[21] = lines[21].replace(",2.0,", ",1.0,")
    again = table.with_name("again.csv")
    again.write_text("\n".join(lines))
    assert check(open_source(f"{again}#colour")).duplicates == [("r20", "r10", "the same")]


def test_the_command(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", f"{table}#colour", "--json", "--html", str(tmp_path / "page.html")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said.keys() == {"records", "errors", "labels", "duplicates", "leaks"}
    assert (said["records"], said["duplicates"], said["leaks"]) == (60, 0, 3)
    assert said["errors"] == {"junk_audio": 1, "missing_file": 1, "truncated_image": 1}
    assert said["labels"] == {"red": 40, "blue": 20}
    assert main(["data", "check", f"{table}#colour", "--json", "--details"]) == 0
    more = json.loads(capsys.readouterr().out)
    assert more.items() >= said.items()
    assert more["outliers"] == {"weight": ["r7"]}
    assert len(more["leaked_records"]) == 3
    assert main(["data", "check", f"{table}#colour", "--details"]) == 2
    assert "--details is for --json" in capsys.readouterr().err
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/jpeg") == 6
    assert "http" not in page
    assert main(["data", "check", str(table)]) == 0
    assert "Far from the others in weight: r7" in capsys.readouterr().out
    assert main(["data", "check", "emojy"]) == 2
    assert "Did you mean 'emoji'" in capsys.readouterr().err
    assert main(["data", "check", f"{table}#color"]) == 2


def test_nearly_the_same() -> None:
    shown = pictures(40)
    maps = {k: picture_map(each) for k, each in enumerate(shown)}
    assert near_groups(maps, Image.closeness) == {k: k for k in range(40)}
    grainy = np.clip(shown[3].astype(int) + RANDOM.integers(-9, 10, shown[3].shape), 0, 255).astype(np.uint8)
    assert near_groups(maps | {99: picture_map(grainy)}, Image.closeness)[99] == 3
    other_colour = shown[3][..., ::-1]
    assert near_groups(maps | {99: picture_map(other_colour)}, Image.closeness)[99] == 99
    waves = {k: np.sin(2 * np.pi * (300 + 50 * k) * np.arange(16000) / 16000).astype(np.float32) for k in range(20)}
    sounds = {k: sound_map(wave) for k, wave in waves.items()}
    assert near_groups(sounds | {99: sound_map(waves[5] * np.float32(0.99))}, Audio.closeness)[99] == 5
    assert not sound_map(np.zeros(100, np.float32)).any()
    assert plain_words("Ｆull  Width, again!") == "full width again"


def test_numbers_far_out() -> None:
    numbers = np.array([1.0, 2, 3, 4, 5, 1000, np.nan, np.inf])
    assert far_out(numbers).tolist() == [False] * 5 + [True, False, True]
    assert not far_out(np.ones(5)).any()
    assert not far_out(np.full(3, np.nan)).any()


def test_a_path_that_cannot_be_entered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("photo,colour\nx/1.png,red\nx/2.png,blue\n")
    (tmp_path / "x").write_text("a file where a folder should be")
    assert check(open_source(str(tmp_path / "a.csv"))).faults.counts == {"unreadable_file": 2}


def test_labels_that_are_amounts_are_told_by_their_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f'{k % 3},{"train" if k < 30 else "val" if k < 33 else "test"},"{k},5 €"' for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["n,split,price", *lines]), "utf-8")
    assert main(["data", "check", f"{tmp_path / 't.csv'}#price", "--html", str(tmp_path / "page.html")]) == 0
    said = capsys.readouterr().out
    assert "Labels of train: 30 numbers from 0.5 to 29.5, half of them up to 15" in said
    assert "Labels of test: 7 numbers from 33.5 to 39.5, half of them up to 36.5" in said
    assert "class weight" not in (tmp_path / "page.html").read_text("utf-8")


def test_series_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """One with a word in it, one of other channels."""
    lines = ["record,answer"]
    for k in range(8):
        steps = "\n".join(f"2024-05-01 08:00:{step:02d},{k + step},{step}" for step in range(10))
        (tmp_path / f"{k}.csv").write_text(f"time,x,y\n{steps}\n")
        lines.append(f"{k}.csv,{'ab'[k % 2]}")
    (tmp_path / "3.csv").write_text("time,x,y\n2024-05-01 08:00:00,much,2\n")
    (tmp_path / "5.csv").write_text("time,x\n2024-05-01 08:00:00,1\n2024-05-01 08:00:01,2\n")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    found = check(open_source(f"{tmp_path}/table.csv#answer"))
    assert found.faults.to_json()["first"] == {"bad_number": ["line 5"], "wrong_shape": ["line 7"]}


def test_no_model_cuts_what_is_checked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A minute of sound is no news to who only looks at it."""
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * 60), 8000)
    soundfile.write(tmp_path / "short.wav", np.ones(8000) / 2, 8000)
    (tmp_path / "table.csv").write_text("sound,answer\n" + "long.wav,a\nshort.wav,b\n" * 2)
    with caplog.at_level("INFO", "mmzoo"):
        check(open_source(f"{tmp_path}/table.csv#answer"))
    assert "reads the first" not in caplog.text
