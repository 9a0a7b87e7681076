"""An index as one file, for a phone or a page: a segment that says itself whose vectors it has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmzoo.errors import MMZooError, require
from mmzoo.files.limits import parse_json
from mmzoo.index.card import CHECKED, About, check_fields
from mmzoo.index.exact import Part
from mmzoo.index.segments import AGAIN, Segment, opened
from mmzoo.index.store import Store
from mmzoo.index.vectors import Vectors

ABOUT = "about"
MAX_ABOUT = 2**16


def write_single(store: Store, model: str, path: Path) -> None:
    """Write all records of an index that were not removed as one file.

    Args:
        model: the sha256 of the card of the model that it is to go with.

    Raises:
        MMZooError: the index is of another model, has no records, or the disk is full.
    """
    require(
        store.card.model == model,
        f"The index '{store.folder}' holds vectors of another model; give one that was built with this run.",
    )
    require(len(store), f"The index '{store.folder}' has no records; add some: mmzoo index RUN TABLE --add.")
    about = {key: getattr(store.card, key) for key in CHECKED}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    store.columns().write(path, **{ABOUT: text})


def read_single(path: str | Path) -> tuple[About, Vectors]:
    """What `write_single` wrote: "model", "inputs", "by", "dim" and "dtype", and the vectors.

    Raises:
        MMZooError: it is something else.
    """
    path = Path(path)
    try:
        data, found = opened(path, links=True)
    except FileNotFoundError:
        raise MMZooError(f"The index '{path}' does not exist; check the path.") from None
    wrong = f"'{path}' is not an index that mmzoo export writes; export it again."
    place = found.get(ABOUT)
    if place is None or place.dtype != "uint8" or len(place.shape) != 1 or place.shape[0] > MAX_ABOUT:
        raise MMZooError(wrong)
    said = parse_json(f"What '{path}' says of itself", bytes(data[place.start : place.start + place.shape[0]]), AGAIN)
    if not isinstance(said, dict) or said.keys() != {*CHECKED}:
        raise MMZooError(wrong)
    about = check_fields(said, wrong)
    segment = Segment(path, len(about["inputs"]), about["dim"], links=True, beside={ABOUT})
    require(segment.vectors.dtype == about["dtype"], wrong)
    return about, Vectors([Part(segment, 0, 0, None)], [*about["inputs"]], about["by"], about["dim"], f"'{path}'")
