"""Descriptions inside a .tflite, which may be a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmzoo.errors import MMZooError


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
