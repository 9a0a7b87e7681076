"""Records that cannot be used: found, counted by cause, left out or taken for missing, and never silently."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import main
from mmzoo.data.faults import Faults, usable
from mmzoo.data.records import decode
from mmzoo.errors import DataError, MMZooError
from mmzoo.labels import encode_labels

SPEC = mmzoo.Spec(
    inputs=[
        mmzoo.Image("photo", size=16),
        mmzoo.Audio("noise", sample_rate=8000, seconds=0.2),
        mmzoo.Tabular("row", numbers=["weight"], categories=["shop"]),
    ],
    fusion="concat",
    tasks=[mmzoo.Classification("colour", labels=["red", "blue"])],
)


def picture() -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def sound(**options: Any) -> bytes:
    out = io.BytesIO()
    wave = np.sin(np.arange(1600) / 3).astype(np.float32)
    soundfile.write(out, options.pop("wave", wave), options.pop("rate", 8000), format="WAV", **options)
    return out.getvalue()


GOOD = {"photo": picture(), "noise": sound(), "row": {"weight": 1.5, "shop": "north"}, "colour": "red"}
FAULTS = {
    "missing_file": {"photo": "nowhere/at_all.png"},
    "unreadable_file": {"photo": "/proc/self/mem"},
    "empty_file": {"photo": b""},
    "junk_image": {"photo": b"no picture"},
    "truncated_image": {"photo": picture()[:100]},
    "junk_audio": {"noise": b"no sound"},
    "not_finite_audio": {"noise": sound(wave=np.array([0, np.nan, 1], np.float32), subtype="FLOAT")},
    "lying_audio": {"noise": sound(rate=900_000)},
    "bad_number": {"row": {"weight": "heavy"}},
    "bad_row": {"row": [1, 2]},
    "bad_label": {"colour": "green"},
}


def records(*changes: dict[str, Any]) -> mmzoo.Records:
    rows = [{**GOOD, **change} for change in changes]
    return mmzoo.Records(
        {name: [row[name] for row in rows] for name in GOOD}, [f"record {k}" for k in range(len(rows))]
    )


@pytest.mark.parametrize("cause", FAULTS)
def test_each_fault_has_its_cause_and_is_treated_as_told(cause: str) -> None:
    given = records({}, FAULTS[cause], {})
    spec = SPEC.fit(records({}))
    with pytest.raises(DataError, match=r"^Record 'record 1': ") as caught:
        decode(spec, given)
        encode_labels(spec.tasks, given)
    assert "\n" not in str(caught.value)

    skipped = Faults("skip", budget=0.5)
    assert usable(SPEC, given, skipped).ids == ["record 0", "record 2"]
    assert skipped.counts == {cause: 1}
    assert f"{cause}: record 1" in skipped.table()

    masked = Faults("mask", budget=0.5)
    kept = usable(SPEC, given, masked)
    if cause == "bad_label":
        assert kept.ids == ["record 0", "record 2"]  # nothing is left to learn from it
    else:
        (name,) = FAULTS[cause]
        assert kept.ids == given.ids
        assert kept.column(name)[1] is None
        present = decode(spec, kept)["present"]
        assert present.sum() == 8
        assert not present[1, spec.input_names.index(name)]
    assert masked.counts[cause] == 1


def test_a_record_of_which_nothing_is_left() -> None:
    faults = Faults("mask", budget=1)
    given = records({}, {"photo": b"x", "noise": b"x", "row": {"weight": "x"}}, {"photo": None})
    assert usable(SPEC, given, faults).ids == ["record 0", "record 2"]
    assert faults.counts == {"bad_number": 1, "junk_audio": 1, "junk_image": 1, "no_input": 1}
    assert faults.to_json()["bad"] == 1


@pytest.mark.parametrize("policy", ["error", "skip", "mask"])
def test_a_record_without_a_label_is_left_out_and_is_no_fault(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = records({}, {"colour": None}, {}, {"colour": ""})
    faults = Faults(policy, budget=0)
    assert usable(SPEC, given, faults, "train").ids == ["record 0", "record 2"]
    assert not faults.bad
    assert capsys.readouterr().out == "train: 2 of 4 records without a label, which are left out\n"
    assert usable(SPEC, given, Faults("error"), unlabelled=True).ids == given.ids


def test_the_budget_ends_the_work_with_the_table() -> None:
    given = records(*[{}] * 90, *[FAULTS["junk_image"]] * 7, *[FAULTS["bad_label"]] * 3)
    with pytest.raises(MMZooError, match=r"over the budget of 5\.00%") as caught:
        usable(SPEC, given, Faults("skip", budget=0.05))
    said = str(caught.value)
    assert "10 of 100 records" in said
    assert "7  junk_image: record 90, record 91, record 92, record 93, record 94, ..." in said
    assert "3  bad_label: record 97, record 98, record 99" in said
    assert len(usable(SPEC, given, Faults("skip", budget=0.1))) == 90


def test_of_few_records_one_may_be_bad() -> None:
    """One of thirty is more than a hundredth, and no reason to ask twice; two are."""
    one, two = (records(*[{}] * 30, *[FAULTS["junk_image"]] * bad) for bad in (1, 2))
    assert len(usable(SPEC, one, Faults("skip"))) == 30
    with pytest.raises(MMZooError, match=r"(?s)2 of 32 .* over the budget of 1\.00%"):
        usable(SPEC, two, Faults("skip"))
    with pytest.raises(MMZooError, match="over the budget"):
        usable(SPEC, one, Faults("skip", budget=0))


@pytest.mark.long
def test_a_folder_with_one_bad_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused by its name; with the option that is named, in the same folder, told in one line and left out."""
    for name, shade in (("day", 250), ("night", 20)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(20):
            grey = Pillow.new("L", (8, 8), shade - k // 2)
            grey.save(tmp_path / "photos" / name / f"{k}.png")
    bad = tmp_path / "photos" / "day" / "7.png"
    bad.write_bytes(bad.read_bytes()[:40])
    small = ["--set", "image.tower=small_cnn", "--set", "image.size=16", "--set", "dim=8"]
    command = ["train", str(tmp_path / "photos"), "--budget-minutes", "0.1", "--out", str(tmp_path / "run"), *small]
    assert main([*command, "--quality", "fast"]) == 2
    err = capsys.readouterr().err
    assert "Record 'day/7'" in err and "--on-error skip leaves such records out" in err
    assert main([*command, "--quality", "fast", "--on-error", "skip"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"1 of \d+ (train and validation|test) records have something .* \(left out\)", out)
    assert re.search(r"\n +1  \w+: day/7\n", out)


def test_nothing_left_and_unknown_policy() -> None:
    with pytest.raises(MMZooError, match="No record is left"):
        usable(SPEC, records(FAULTS["junk_image"]), Faults("skip", budget=1))
    with pytest.raises(MMZooError, match="Did you mean 'skip'"):
        Faults("skp")
    with pytest.raises(MMZooError, match="budget of bad records must be"):
        Faults("skip", budget=2)


def test_what_is_no_fault() -> None:
    """Numbers that are not finite, unknown categories, sounds of nothing and bad UTF-8 have a meaning of their own."""
    spec = SPEC.fit(records({}))
    given = records(
        {"row": {"weight": float("inf"), "shop": "north"}},
        {"row": {"weight": "nan", "shop": "nowhere seen"}},
        {"noise": sound(wave=np.zeros(0, np.float32))},
        {"noise": sound(rate=44100, subtype="PCM_24")},
    )
    faults = Faults("skip", budget=0)
    assert len(usable(spec, given, faults)) == 4
    rows = decode(spec, given)["row"]
    assert np.isnan(rows[:2, 0]).all()
    assert rows[:, 1].tolist() == [2, 1, 2, 2]
    text = mmzoo.Text("words", max_bytes=8)
    assert bytes(text.decode(b"a\xffb")).rstrip(b"\0") == b"a b", "a byte that is no UTF-8 separates words"


def test_a_training_counts_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a table with bad files: refused by default, counted with a policy, in the run's evaluation too."""
    lines = ["photo,split,colour"]
    for k in range(40):
        (tmp_path / f"{k}.png").write_bytes(picture() if k not in (3, 9, 33, 35) else b"broken")
        lines.append(f"{k}.png,{('train', 'validation', 'test')[0 if k < 24 else k % 2 + 1]},{('red', 'blue')[k % 2]}")
    table = tmp_path / "things.csv"
    table.write_text("\n".join(lines))
    small = ["--set", "photo.tower=small_cnn", "--set", "photo.size=16", "--set", "dim=8", "--epochs", "1"]
    command = ["train", str(table), "--label", "colour", "--out", str(tmp_path / "run"), *small]
    assert main(command) == 2
    assert "Record 'line 5': " in capsys.readouterr().err
    assert main([*command[:-6], "--out", str(tmp_path / "other"), *small, "--on-error", "skip"]) == 2
    assert "over the budget of 1.00%" in capsys.readouterr().err
    out = str(tmp_path / "skipped")
    again = [*command[:-8], "--out", out, *small, "--on-error", "skip", "--budget"]
    assert main([*again, "0.1"]) == 2  # enough for what is learnt from, and too little for the eight test records
    said, err = capsys.readouterr()
    assert "2 of 8 test records have" in err
    assert "(--budget 0.25) and give the same command again" in err
    before = (tmp_path / "skipped" / "model" / "card.json").stat().st_mtime_ns
    assert main([*again, "0.25"]) == 0, "the same run is evaluated"
    assert (tmp_path / "skipped" / "model" / "card.json").stat().st_mtime_ns == before
    assert "junk_image: line 5, line 11" in said
    found = json.loads((tmp_path / "skipped" / "data_errors.json").read_text())
    assert (found["records"], found["bad"], found["errors"]) == (32, 2, {"junk_image": 2})
    assert found["first"] == {"junk_image": ["line 5", "line 11"]}
    assert json.loads((tmp_path / "skipped" / "metrics.json").read_text())["examples"] == 6
