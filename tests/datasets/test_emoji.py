"""The embedded sample: what it holds, that its split is honest, and that it is small and quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmzoo.datasets import load
from mmzoo.datasets.emoji import FOLDER, GROUPS
from mmzoo.datasets.emoji.build import concept, spoken
from mmzoo.datasets.emoji.sample import write_files
from mmzoo.errors import MMZooError

SPLITS = dict(zip(("train", "validation", "test"), load("emoji"), strict=True))


def test_counts_and_shares() -> None:
    assert {name: len(split) for name, split in SPLITS.items()} == {"train": 1144, "validation": 164, "test": 328}
    for split in SPLITS.values():
        assert set(split.column("group")) == set(GROUPS)


def test_a_concept_is_in_one_split_only() -> None:
    import json

    home: dict[str, set[str]] = {}
    for fact in json.loads((FOLDER / "records.json").read_text("utf-8")):
        assert fact["concept"] == concept(fact["name"], fact["subgroup"])
        home.setdefault(fact["concept"], set()).add(fact["split"])
    assert all(len(splits) == 1 for splits in home.values())


def test_names_are_unique_and_no_picture_repeats_across_splits() -> None:
    names = [name for split in SPLITS.values() for name in split.column("name")]
    assert len(set(names)) == len(names) == 1636
    seen: dict[bytes, str] = {}
    for part, split in SPLITS.items():
        for picture in split.column("image"):
            assert seen.setdefault(picture.tobytes(), part) == part


@pytest.mark.parametrize(
    ("name", "subgroup", "wanted"),
    [
        ("man health worker", "person-role", "health worker"),
        ("health worker", "person-role", "health worker"),
        ("woman: red hair", "person", "red hair"),
        ("family: man, boy", "family", "family"),
        ("one-thirty", "time", "clock face"),
        ("three o’clock", "time", "clock face"),
        ("woman running facing right", "person-activity", "running"),
        ("dog", "animal-mammal", "dog"),
    ],
)
def test_concepts(name: str, subgroup: str, wanted: str) -> None:
    assert concept(name, subgroup) == wanted


def test_what_is_spoken() -> None:
    from collections import Counter

    shared = Counter({"animal": 9, "pet": 3, "wool": 1})
    assert spoken("dog", ["dog", "pet", "animal", "wool"], shared) == "animal, pet"
    assert spoken("keycap: #", ["keycap"], shared) == "keycap: hash"


def test_every_record_is_whole() -> None:
    for split in SPLITS.values():
        for record in split:
            assert record["image"].shape == (64, 64, 3)
            assert 0.1 < len(record["speech"]) / 8000 <= 2.5
            assert np.abs(record["speech"]).max() > 0.01


def test_what_is_heard_is_what_is_said_for_the_most_part() -> None:
    def letters(text: str) -> str:
        return "".join(filter(str.isalnum, text.lower()))

    for split in SPLITS.values():
        pairs = list(zip(split.column("heard"), split.column("says"), strict=True))
        assert np.mean([letters(heard) == letters(says) for heard, says in pairs]) > 0.85
        assert all(heard for heard, _ in pairs)


def test_size() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 5_000_000


def test_sample_files(tmp_path: Path) -> None:
    write_files("1f427", tmp_path)
    assert (tmp_path / "name.txt").read_text("utf-8") == "penguin"
    assert {path.name for path in tmp_path.iterdir()} == {"image.png", "name.txt", "speech.wav"}
    with pytest.raises(MMZooError, match="no emoji 'zzz'"):
        write_files("zzz", tmp_path)
