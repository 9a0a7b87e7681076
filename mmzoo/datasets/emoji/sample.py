"""Write one record of the embedded sample as files: `python -m mmzoo.datasets.emoji.sample 1f427 FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmzoo.data.records import Records
from mmzoo.datasets.emoji import RATE, emoji
from mmzoo.errors import unknown


def find(identifier: str) -> tuple[Records, int]:
    """The split that a code point is in, and its place there."""
    splits = emoji()
    for split in splits:
        if identifier in split.ids:
            return split, split.ids.index(identifier)
    raise unknown("emoji", identifier, [name for split in splits for name in split.ids[:3]])


def write_files(identifier: str, folder: Path) -> None:
    """Write `image.png`, `name.txt` and `speech.wav` of an emoji to `folder`."""
    import numpy as np
    import soundfile
    from PIL import Image

    split, row = find(identifier)
    record = split[row]
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(record["image"])).save(folder / "image.png")
    (folder / "name.txt").write_text(str(record["name"]), "utf-8")
    soundfile.write(folder / "speech.wav", record["speech"], RATE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("id", help="code point, such as 1f427")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    write_files(args.id, args.folder)
    print(f"Wrote image.png, name.txt and speech.wav of {args.id} to {args.folder}")
