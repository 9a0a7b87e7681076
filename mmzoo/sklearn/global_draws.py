"""The global random numbers of Python and NumPy, which belong to the user."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def kept() -> Iterator[None]:
    """Inside, seeds may be set; afterwards they go on where they were."""
    before, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002, these are meant
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numbers)  # noqa: NPY002
