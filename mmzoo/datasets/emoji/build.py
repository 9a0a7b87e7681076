"""Build the embedded `emoji` sample from its public sources.

    python -m mmzoo.datasets.emoji.build            # writes pictures.zip, speech.ogg, records.json here
    python -m mmzoo.datasets.emoji.build --out /tmp/emoji --speech name

Sources, all pinned: the npm packages `emoji-datasource-google` (pictures and
groups; Noto art, Apache-2.0) and `cldr-annotations-full` / `-derived-full`
(names and keywords; Unicode-3.0). The speech is synthesized by espeak-ng, a
Debian package. Needs npm and espeak-ng; nobody who only uses the sample does.

The pictures and the records come out byte for byte the same on every run.
The speech does so for one version of espeak-ng, soxr and libsndfile; the
random serial number that libsndfile gives an Ogg stream is overwritten.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from PIL import Image
from tqdm import tqdm

PACKAGES = {
    "emoji-datasource-google": "16.0.0",
    "cldr-annotations-full": "48.2.0",
    "cldr-annotations-derived-full": "48.2.0",
}
VOICES = ("en-us", "en-us+f3", "en-gb", "en-gb+f4")
RATE = 8000
SPEECH_SECONDS = 2.5
KEYWORDS = 2  # spoken at most
GAP = 400  # samples of silence between clips, so that the codec does not smear one into the next
COLOURS = 64
COMPRESSION = 0.98  # level 1.0 halves the file and makes the speech measurably harder to classify
SHARES = {"test": 0.2, "validation": 0.1}  # the rest trains
SPOKEN = {
    "#": "hash",
    "*": "asterisk",
    "&": "and",
    "%": "percent",
    "+": "plus",
    "’": "'",
    "“": "",
    "”": "",
    "!": "",
    "?": "",
}

Record = dict[str, Any]


def fetch(folder: Path) -> None:
    """Unpack the pinned npm packages into `folder/<package>`."""
    for package, version in PACKAGES.items():
        name = subprocess.run(
            ["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        with tarfile.open(folder / name) as tar:
            tar.extractall(folder / package, filter="data")


def names_and_keywords(folder: Path) -> dict[str, dict[str, list[str]]]:
    """CLDR's English name (`tts`) and keywords (`default`) of every emoji, without variation selectors."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(folder.glob("cldr-*/package/annotations*/en/annotations.json")):
        (root,) = json.loads(path.read_text("utf-8")).values()
        found |= {key.replace("\ufe0f", ""): value for key, value in root["annotations"].items()}
    return found


def concept(name: str, subgroup: str) -> str:
    """What a picture is of, whoever does it: the unit that never straddles a split."""
    if subgroup == "family":
        return "family"  # kisses and couples too: the same figures again
    if re.search(r"\bo’clock\b|-thirty\b", name):
        return "clock face"
    text = name.lower().replace(" facing right", "").removeprefix("keycap: ")
    people = (
        r"men|women|people|man|woman|person|boy|girl|child|baby|merman|mermaid|merperson|"
        r"prince|princess|mrs|mx|old|older"
    )
    bare = re.sub(rf"\b(?:{people})\b", " ", text)
    bare = re.sub(r"^\W+|\W+$", "", re.sub(r"\s+", " ", bare))
    return bare or "person"


def spoken(name: str, keywords: list[str], shared: Counter[str]) -> str:
    """What the voice says: the keywords that the name does not contain, those most emoji share first; else the name."""
    known = set(re.findall(r"\w+", name.lower()))
    extra = [k for k in keywords if re.search(r"[A-Za-z]", k) and not set(re.findall(r"\w+", k.lower())) <= known]
    text = ", ".join(sorted(extra, key=lambda k: (-shared[k], k))[:KEYWORDS]) or name
    return re.sub(r"\s+", " ", "".join(SPOKEN.get(c, c) for c in text)).strip()


def split(records: list[Record]) -> None:
    """Give every record its split: whole concepts, in the order of their hash, within the group they begin in."""
    members: dict[str, list[Record]] = {}
    for record in records:
        members.setdefault(record["concept"], []).append(record)
    for group in sorted({record["group"] for record in records}):
        own = [name for name, same in members.items() if same[0]["group"] == group]
        size = sum(len(members[name]) for name in own)
        placed = dict.fromkeys(SHARES, 0)
        for name in sorted(own, key=lambda c: hashlib.sha256(c.encode()).digest()):
            same = members[name]
            part = next((p for p in SHARES if placed[p] + len(same) <= SHARES[p] * size + 0.5), "train")
            if part != "train":
                placed[part] += len(same)
            for record in same:
                record["split"] = part


def speak(text: str, voice: str) -> np.ndarray:
    """Synthesized speech, float32 mono at `RATE`, without leading and trailing silence."""
    wav = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", "185", "--stdout", text], check=True, capture_output=True
    ).stdout
    # espeak-ng cannot know the length of what it streams: take the samples, not the header's word for it.
    samples = np.frombuffer(wav[44:], np.int16).astype(np.float32) / 32768
    samples = np.asarray(soxr.resample(samples, int.from_bytes(wav[24:28], "little"), RATE))
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    samples = samples[max(loud[0] - 80, 0) : loud[-1] + 400]
    return samples[: int(SPEECH_SECONDS * RATE)]


def picture(path: Path) -> bytes:
    """The picture on white, as a palette PNG."""
    image = Image.open(path).convert("RGBA")
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    out = io.BytesIO()
    flat.quantize(COLOURS, Image.Quantize.MEDIANCUT).save(out, "PNG", optimize=True)
    return out.getvalue()


def write_ogg(path: Path, clips: list[np.ndarray]) -> list[tuple[int, int]]:
    """All clips as one Opus stream; returns (offset, length) of each in samples."""
    spans, at = [], 0
    with soundfile.SoundFile(path, "w", RATE, 1, format="OGG", subtype="OPUS", compression_level=COMPRESSION) as file:
        for clip in clips:
            spans.append((at, len(clip)))
            file.write(np.concatenate([clip, np.zeros(GAP, np.float32)]))
            at += len(clip) + GAP
    path.write_bytes(fixed_serial(path.read_bytes()))
    return spans


def fixed_serial(data: bytes, serial: int = 1) -> bytes:
    """The Ogg stream with its random serial number replaced, and each page's checksum made right again."""
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7) & 0xFFFFFFFF if value & 0x80000000 else (value << 1) & 0xFFFFFFFF
        table.append(value)
    out, at = bytearray(), 0
    while at < len(data):
        count = data[at + 26]
        end = at + 27 + count + sum(data[at + 27 : at + 27 + count])
        page = bytearray(data[at:end])
        page[14:18], page[22:26] = serial.to_bytes(4, "little"), bytes(4)
        crc = 0
        for byte in page:
            crc = ((crc << 8) & 0xFFFFFFFF) ^ table[(crc >> 24) ^ byte]
        page[22:26] = crc.to_bytes(4, "little")
        out += page
        at = end
    return bytes(out)


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """A zip with fixed dates; the PNGs are compressed already, so they are stored."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)


def build(out: Path, sources: Path, speech: str) -> list[Record]:
    """Write `pictures.zip`, `speech.ogg` and `records.json` to `out`."""
    names = names_and_keywords(sources)
    shared = Counter(keyword for about in names.values() for keyword in about.get("default", []))
    records, pictures, clips = [], {}, []
    package = sources / "emoji-datasource-google" / "package"
    entries = sorted(json.loads((package / "emoji.json").read_text("utf-8")), key=lambda e: e["sort_order"])
    for entry in tqdm(entries, unit="emoji", disable=None):
        if entry["category"] in ("Flags", "Component"):
            continue
        code = entry["unified"].lower()
        about = names["".join(chr(int(c, 16)) for c in code.split("-")).replace("\ufe0f", "")]
        name = about["tts"][0]
        voice = VOICES[hashlib.sha256(code.encode()).digest()[0] % len(VOICES)]
        says = spoken(name, about.get("default", []) if speech == "keywords" else [], shared)
        records.append(
            {
                "id": code,
                "name": name,
                "group": entry["category"],
                "subgroup": entry["subcategory"],
                "concept": concept(name, entry["subcategory"]),
                "says": says,
                "voice": voice,
            }
        )
        pictures[f"{code}.png"] = picture(package / "img" / "google" / "64" / entry["image"])
        clips.append(speak(says, voice))
    split(records)
    out.mkdir(parents=True, exist_ok=True)
    for record, span in zip(records, write_ogg(out / "speech.ogg", clips), strict=True):
        record["speech"] = span
    write_zip(out / "pictures.zip", pictures)
    lines = ",\n".join(json.dumps(r, ensure_ascii=False) for r in records)
    (out / "records.json").write_text(f"[\n{lines}\n]\n", "utf-8")
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--sources", type=Path, help="a folder with the unpacked npm packages; fetched when not given")
    parser.add_argument("--speech", choices=["keywords", "name"], default="keywords", help="what the voice says")
    args = parser.parse_args()
    if not shutil.which("espeak-ng"):
        raise SystemExit("espeak-ng is not installed; on Debian: apt-get install espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        sources = args.sources or Path(folder)
        if args.sources is None:
            fetch(sources)
        build(args.out, sources, args.speech)


if __name__ == "__main__":
    main()
