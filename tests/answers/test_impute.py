"""`mmzoo impute`: empty cells are filled with what a run rebuilds, what is there stays, and it says how sure it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.cli import main
from mmzoo.data.records import Records
from mmzoo.errors import MMZooError
from mmzoo.modalities.audio.griffin_lim import sound_of
from tests.conftest import small_records, small_spec, untrained

COLOURS = ("green", "red")


def write_table(folder: Path, name: str, count: int, seed: int, *, empty: bool) -> Path:
    """Numbers, a colour and a grey picture that say the same; with `empty`, a cell of each of the first rows is not."""
    rng = np.random.default_rng(seed)
    with open(folder / name, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "height", "width", "colour", "picture"])
        for k, x in enumerate(rng.random(count)):
            cells = [f"{100 + 50 * x:.2f}", f"{20 - 10 * x:.2f}", COLOURS[int(x > 0.5)], f"{seed}-{k}.png"]
            Image.fromarray(np.full((16, 16), 20 + 200 * x, np.uint8)).save(folder / cells[3])
            if empty and k < 4:
                cells[k] = ""
            rows.writerow([f"r{k}", *cells])
    return folder / name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, and a run that was trained on it."""
    folder = tmp_path_factory.mktemp("impute")
    table = write_table(folder, "all.csv", 160, 0, empty=False)
    command = ["train", str(table), "--task", "reconstruction", "--out", str(folder / "run")]
    command += ["--set", "training.epochs=20", "--set", "training.learning_rate=0.01"]
    assert main(command) == 0
    return folder


@pytest.mark.slow
def test_a_table_is_filled(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = mmzoo.Run(home / "run")
    assert [(task.name, task.masked) for task in run.spec.tasks] == [("picture_rebuilt", 0.0), ("row_rebuilt", 0.3)]
    assert not run.spec.inputs[0].augmentations
    table = write_table(home, "new.csv", 8, 5, empty=True)
    out = home / "filled.csv"
    assert main(["impute", str(home / "run"), str(table), "--out", str(out)]) == 0
    assert "8 records" in capsys.readouterr().out
    with open(table) as file, open(out) as filled:
        before, after = [*csv.DictReader(file)], [*csv.DictReader(filled)]
    levels = np.random.default_rng(5).random(8)
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        for column, cell in old.items():
            if cell:
                assert new[column] == cell or float(new[column]) == float(cell)
                assert not new.get(f"{column}_error") and not new.get(f"{column}_probability")
        assert (k < 4) == (new != {**new, **{key: "" for key in new if key.endswith(("_error", "_probability"))}})
    assert float(after[0]["height"]) == pytest.approx(100 + 50 * levels[0], abs=10)
    assert float(after[1]["width"]) == pytest.approx(20 - 10 * levels[1], abs=2)
    assert 0 < float(after[0]["height_error"]) < 14.4 and 0 < float(after[1]["width_error"]) < 2.9  # that of the mean
    assert after[2]["colour"] in COLOURS and 0.5 <= float(after[2]["colour_probability"]) <= 1
    picture = np.asarray(Image.open(home / after[3]["picture"]))
    assert after[3]["picture"].startswith("filled_files/picture-r3-") and picture.shape[2] == 3
    assert picture.mean() == pytest.approx(20 + 200 * levels[3], abs=40)
    with pytest.raises(MMZooError, match="is there already"):
        run.write_imputed(table, out)


@pytest.mark.slow
def test_what_was_rebuilt_is_printed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one record a row as its columns and a picture by its size; of a table the columns of rows."""
    given = 'row={"height": 120.0, "width": 16.0, "colour": "green"}'
    assert main(["predict", str(home / "run"), "--input", given]) == 0
    said = capsys.readouterr().out
    assert "row_rebuilt:\n  height " in said and ", colour " in said
    assert "picture_rebuilt:\n  " in said and " x 3 numbers from " in said
    assert main(["predict", str(home / "run"), "--input", given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert np.array(found["picture_rebuilt"]).shape[2] == 3 and {*found["row_rebuilt"]} == {"height", "width", "colour"}
    (row,) = mmzoo.Run(home / "run").predict([{"height": 120.0, "width": 16.0, "colour": "green"}])
    assert 95 < row["row_rebuilt_height"] < 155 and row["row_rebuilt_colour"] in COLOURS


def test_texts_that_records_lack_are_written(tmp_path: Path) -> None:
    """As the task answers; what a table says itself stays."""
    spec = small_spec(
        inputs=[mmzoo.Tabular("row", numbers=["height", "width"])],
        tasks=[mmzoo.Reconstruction("row"), mmzoo.TextAnswer("caption", 5, tokenizer="words", width=16, blocks=1)],
    )
    rows = [{"height": k, "width": 2 * k} for k in range(8)]
    spec = spec.fit(Records({"row": rows, "caption": [f"number {k}" for k in range(8)]}))
    run = untrained(tmp_path / "run", spec)
    bias = run.model.get_layer("caption.decoder").bias
    bias.assign([-9.0, *[0.0] * (bias.shape[0] - 1)])  # by chance the end would come first
    table = tmp_path / "new.jsonl"
    given = [{"height": 1, "width": 2, "caption": "mine"}, {"height": 5, "width": 10, "caption": ""}, {"height": 3}]
    table.write_text("".join(f"{json.dumps(row)}\n" for row in given))
    run.write_imputed(table, tmp_path / "filled.jsonl")
    found = [json.loads(line) for line in (tmp_path / "filled.jsonl").read_text().splitlines()]
    said = run.predict(table)
    assert found[0]["caption"] == "mine" and found[0]["caption_log_prob"] is None
    for row, answer in zip(found[1:], said[1:], strict=True):
        assert row["caption"] == answer["caption_prediction"] != ""
        assert row["caption_log_prob"] == answer["caption_log_prob"] < 0
    assert found[2]["width"] is not None  # and cells are filled as ever


def test_a_run_that_rebuilds_nothing_says_so(tmp_path: Path) -> None:
    run = untrained(tmp_path / "run", small_spec())
    run.splits = {"validation": Records(small_records(4).columns)}
    with pytest.raises(MMZooError, match="rebuilds no input, so that nothing can be filled in"):
        run.write_imputed(tmp_path / "t.csv", tmp_path / "out.csv")


def test_a_sound_comes_back_from_its_spectrogram() -> None:
    """Its pitch does: a tone has its peak at the same frequency."""
    item = small_spec().inputs[2]
    made = item.rebuilding()
    tone = np.sin(2 * np.pi * 900 * np.arange(4000) / 8000).astype(np.float32) * 0.3
    wave = sound_of(made.target(tone).reshape(made.shape), 8000, made.window, made.hop)
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.fft.rfftfreq(len(wave), 1 / 8000)[spectrum.argmax()] == pytest.approx(900, abs=60)
    assert np.abs(wave).max() == pytest.approx(0.5)
    ending, data = made.to_file(made.target(tone))
    assert ending == ".wav" and item.decode(data).shape == item.shape
