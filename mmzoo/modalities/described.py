"""Descriptions inside a .tflite, which may be a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

from mmzoo.errors import MMZooError


class InputDescription(TypedDict):
    """What every input's description says: the type and the shape (1, ...) of a tensor, and the unit of its numbers.

    Beside that it has what a client of such an input needs: fields of the modality, which it must `get`.
    """

    name: str
    kind: str
    dtype: str
    shape: list[int]
    unit: str


@contextmanager
def following(name: str) -> Iterator[None]:
    """Inside, whatever the description of the input `name` leads to is one sentence."""
    try:
        yield
    except (MMZooError, ImportError):
        raise
    except BaseException as error:  # a panic of `tokenizers` is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        why = " ".join(str(error).split())[:200]
        raise MMZooError(f"The model's description of input '{name}' is wrong ({why}); export it again.") from None
