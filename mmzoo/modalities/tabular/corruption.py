"""Rows made worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.corruption import Corruption

if TYPE_CHECKING:
    from mmzoo.modalities.tabular import Tabular


def columns_lost(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Tabular
) -> np.ndarray:
    """A row's columns missing with probability `level`."""
    gone = random.random((len(examples), len(item.columns))) < level
    return np.where(gone[:, item.owners], item.absent, examples)


CORRUPTIONS = {"gaps": Corruption("share of columns", (0.2, 0.4, 0.6, 0.8), columns_lost)}
