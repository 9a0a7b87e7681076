"""The embedded sample: 1,636 emoji as picture, name and speech, in eight groups."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TypedDict

import numpy as np

from mmzoo.data.records import Records
from mmzoo.datasets import datasets

FOLDER = Path(__file__).parent
RATE = 8000  # Hz, of the speech
GROUPS = (
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
)


@datasets.register(
    "emoji",
    inputs="image, name, speech",
    tasks="group",
    licence="Noto Emoji: Apache License 2.0; names and keywords: Unicode License V3; see NOTICE",
    limits="Drawings of one style, English names and a synthetic voice: not for photographs or real voices.",
)
def emoji() -> tuple[Records, Records, Records]:
    """Noto emoji: 64 px picture, English name, and two of its other keywords, spoken by a synthesizer.

    Columns: `image` uint8 (64, 64, 3), `name` str, `speech` float32 waveform at
    8 kHz, `group` one of `GROUPS`, `subgroup` one of `subgroups()`; `heard`, what a Whisper writes down of the speech
    that was tuned on the training records' (`benchmarks/transcription.py`), which stands for it where a model reads;
    and `says`, the words of the speech, which no model should be given. The split goes by concept: man, woman and
    person of one kind, families and clock faces never straddle it.
    """
    facts = read_facts()
    waves = read_speech()
    pictures = read_pictures()
    columns = {
        "image": pictures,
        "name": [fact["name"] for fact in facts],
        "speech": [waves[start : start + length] for start, length in (fact["speech"] for fact in facts)],
        "group": [fact["group"] for fact in facts],
        "subgroup": [fact["subgroup"] for fact in facts],
        "heard": json.loads((FOLDER / "heard.json").read_text("utf-8")),
        "says": [fact["says"] for fact in facts],
    }
    everything = Records(columns, [fact["id"] for fact in facts])
    splits = np.array([fact["split"] for fact in facts])
    train, validation, test = (
        everything.select(np.flatnonzero(splits == part).tolist()) for part in ("train", "validation", "test")
    )
    return train, validation, test


class Fact(TypedDict):
    """What is known of an emoji; of its speech where it begins and how long it is."""

    id: str
    name: str
    group: str
    subgroup: str
    concept: str
    says: str
    voice: str
    split: str
    speech: tuple[int, int]


def read_facts() -> list[Fact]:
    """What is known of each emoji, in the order of the pictures and the speech."""
    return list(json.loads((FOLDER / "records.json").read_text("utf-8")))


def subgroups() -> list[str]:
    """The names of the subgroups, sorted."""
    return sorted({fact["subgroup"] for fact in read_facts()})


def read_pictures() -> list[np.ndarray]:
    """The pictures, uint8 (64, 64, 3) each, in the order of the records."""
    from PIL import Image

    with zipfile.ZipFile(FOLDER / "pictures.zip") as archive:
        return [np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in archive.namelist()]


def read_speech() -> np.ndarray:
    """All clips in one waveform, float32 at `RATE`."""
    import soundfile

    found: np.ndarray = soundfile.read(FOLDER / "speech.ogg", dtype="float32")[0]
    return found
