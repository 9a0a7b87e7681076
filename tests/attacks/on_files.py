"""Attacks by names, by what is not a plain file, and by other formats under our names."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py

from tests.attacks.making import (
    CARD,
    GOLDEN,
    WEIGHTS,
    card_of,
    change_input,
    put,
    refused,
    sparse,
)

for number, bad_name in enumerate(
    [
        "../secret.json",
        "/etc/passwd",
        "..\\secret.json",
        "sub/secret.json",
        "secret.json\0.json",
        "..\u2215secret.json",
        "\uff0e\uff0e\uff0fsecret.json",
        "secret.json\n",
        "secret.py",
        "card.json",
        ".json",
        "a" * 5000 + ".json",
        "~root.json",
    ]
):

    @refused("names a file .* which is outside the folder or not data", f"name_{number}")
    def bad_file_name(folder: Path, bad_name: str = bad_name) -> None:
        (folder.parent / "secret.json").write_text("[]")
        (folder / "secret.py").write_text("[]")
        with card_of(folder) as card:
            card["files"][bad_name] = {"bytes": 2, "sha256": sha256(b"[]").hexdigest()}


@refused("is a link or not a plain file")
def symlink(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere")


@refused("is a link or not a plain file")
def hard_link(folder: Path) -> None:
    os.link(folder / GOLDEN, folder.parent / "elsewhere")


@refused("is a link or not a plain file")
def pipe(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)


@refused("is a link or not a plain file")
def pipe_as_card(folder: Path) -> None:
    (folder / CARD).unlink()
    os.mkfifo(folder / CARD)


@refused("is a link or not a plain file")
def directory(folder: Path) -> None:
    (folder / GOLDEN).unlink()
    (folder / GOLDEN).mkdir()


@refused("is a link or not a plain file")
def card_is_a_dangling_link(folder: Path) -> None:
    (folder / CARD).unlink()
    (folder / CARD).symlink_to("/nowhere/card.json")


@refused("golden.safetensors' is missing")
def missing_file(folder: Path) -> None:
    (folder / GOLDEN).unlink()


class Reduce:
    """What a pickle runs when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch /tmp/mmzoo-was-here",))


@refused("is not a safetensors file that mmzoo writes")
def pickle_as_weights(folder: Path) -> None:
    put(folder, WEIGHTS, pickle.dumps(Reduce()))


def hdf5(path: Path) -> bytes:
    """An HDF5 file whose only data set is in another file."""
    with h5py.File(path, "w") as file:
        file["weights"] = h5py.ExternalLink("/etc/passwd", "/")
    data = path.read_bytes()
    path.unlink()
    return data


def zip_bomb(path: Path) -> bytes:
    """64 MB of zeros in 64 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("weights", "w") as entry:
        for _ in range(64):
            entry.write(bytes(2**20))
    data = path.read_bytes()
    path.unlink()
    return data


@refused("is not a safetensors file that mmzoo writes")
def hdf5_with_an_external_link_as_weights(folder: Path) -> None:
    put(folder, WEIGHTS, hdf5(folder.parent / "file.h5"))


@refused("is not a safetensors file that mmzoo writes")
def zip_bomb_as_weights(folder: Path) -> None:
    put(folder, WEIGHTS, zip_bomb(folder.parent / "bomb.zip"))


@refused("is not the JSON that mmzoo writes")
def zip_bomb_as_vocabulary(folder: Path) -> None:
    put(folder, "words_vocabulary.json", zip_bomb(folder.parent / "bomb.zip"))


@refused("is not the JSON that mmzoo writes")
def pickle_as_vocabulary(folder: Path) -> None:
    put(folder, "words_vocabulary.json", pickle.dumps(Reduce()))


for key, vocabulary in {
    "vocabulary_of_numbers": [1, 2, 3],
    "vocabulary_of_nothing": [],
    "vocabulary_is_an_object": {"class_name": "Lambda"},
    "a_piece_of_a_million_letters": ["a" * 1_000_000],
    "vocabulary_of_65536_pieces": [f"{number:016d}" for number in range(65_536)],
    "vocabulary_of_400000_pieces": [f"{number:016d}" for number in range(400_000)],
}.items():

    @refused("vocabulary|cannot be rebuilt", key)
    def bad_vocabulary(folder: Path, vocabulary: Any = vocabulary) -> None:
        put(folder, "words_vocabulary.json", json.dumps(vocabulary).encode())
        change_input(folder, tower={"name": "static_embedding_attention"})


@refused("over the limit of 16 MB")
def vocabulary_of_a_gigabyte(folder: Path) -> None:
    put(folder, "words_vocabulary.json", b"[]")
    sparse(folder / "words_vocabulary.json", 2**30)
    with card_of(folder) as card:
        card["files"]["words_vocabulary.json"]["bytes"] = 2**30
