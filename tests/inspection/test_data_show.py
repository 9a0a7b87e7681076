"""The page of records and their variants."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

from mmzoo.cli import main
from mmzoo.inspection.show import marked

RANDOM = np.random.default_rng(0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = ["id,photo,noise,motion,note,weight,colour"]
    for k in range(6):
        Pillow.fromarray(RANDOM.integers(0, 256, (20, 20, 3)).astype(np.uint8)).save(tmp_path / f"{k}.png")
        soundfile.write(tmp_path / f"{k}.wav", RANDOM.normal(size=8000) * 0.1, 16000)
        np.save(tmp_path / f"{k}.npy", RANDOM.normal(size=(30, 2)).astype(np.float32))
        lines.append(f'r{k},{k}.png,{k}.wav,{k}.npy,"<b>note</b> of {k}, and more",{k},{"ab"[k % 2]}')
    (tmp_path / "2.png").write_bytes(b"rust")
    (tmp_path / "things.csv").write_text("\n".join(lines))
    return tmp_path / "things.csv"


def test_a_table_of_every_kind(table: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["data", "show", str(table), "--augment", "--variants", "3", "--count", "6", "--out", str(page)]) == 0
    text = page.read_text()
    assert "http" not in text.replace("data:", "")
    assert text.count('src="data:image/png') == 5 * 4  # one picture is bad
    assert "is not a JPEG" in text
    assert text.count("data:audio/wav") == 6  # sounds of a table are not augmented
    assert text.count("<polyline") == 12
    assert "&lt;b&gt;note" in text
    pictures = re.findall(r'src="(data:image/png[^"]+)"', text)
    assert len(set(pictures)) == 20
    again = tmp_path / "again.html"
    main(["data", "show", str(table), "--augment", "--variants", "3", "--count", "6", "--out", str(again)])
    assert again.read_text() == text


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_records_mixed_in_pairs(how: str, table: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["data", "show", str(table), "--mix", how, "--count", "5", "--out", str(page)]) == 0
    text = page.read_text()
    said = re.findall(r"(\d+)% of it, the rest of (r\d)", text)
    shown = re.findall(r"<h2>(r\d)</h2>", text)
    # Sounds, series and notes of five, pictures where both are good; numbers are not drawn.
    pictures = sum(1 for k, name in enumerate(shown) if "r2" not in (name, (*shown, shown[0])[k ^ 1]))
    assert len(said) == 5 * 3 + pictures
    assert len({share for share, _ in said}) == 5


def test_chosen_augmentations(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any can be drawn, also of a series, whose statistics are those of the table."""
    page = tmp_path / "page.html"
    command = ["data", "show", str(table), "--count", "6", "--variants", "2", "--out", str(page)]
    assert main([*command, "--augmentations", "frequency_mask, jitter,flip"]) == 0
    text = page.read_text()
    assert "noise: frequency_mask" in text
    assert text.count("<polyline") == 6 * 2 * 3
    assert text.count("data:audio/wav") == 6 * 3
    assert len(set(re.findall(r"url\((data:image/png[^)]+)", text))) == 6 * 3
    assert main([*command, "--augmentations", "frequency_msk"]) == 2
    assert "Did you mean 'frequency_mask'" in capsys.readouterr().err


def test_errors_and_no_variants(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = str(tmp_path / "page.html")
    assert main(["data", "show", f"{table}#colour", "--count", "2", "--out", page]) == 0
    assert "variants follow" not in Path(page).read_text()
    assert main(["data", "show", "nowhere", "--out", page]) == 2
    assert main(["data", "show", str(table), "--count", "0", "--out", page]) == 2
    assert "number of records must be" in capsys.readouterr().err


def test_changes_of_a_text_are_marked() -> None:
    assert marked("a b c d", "a c d e") == [("a", "kept"), ("b", "gone"), ("c", "kept"), ("d", "kept"), ("e", "new")]
