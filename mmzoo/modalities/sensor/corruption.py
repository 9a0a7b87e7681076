"""Series made worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.modalities.corruption import Corruption

if TYPE_CHECKING:
    from mmzoo.modalities.base import Modality


def steps_lost(
    values: Sequence[Raw], examples: np.ndarray, level: float, random: np.random.Generator, item: Modality
) -> np.ndarray:
    """A series' steps missing with probability `level`."""
    gone = random.random(examples.shape[:2]) < level
    return np.where(gone[..., None], np.full(examples.shape[-1], np.nan, np.float32), examples)


CORRUPTIONS = {"gaps": Corruption("share of steps", (0.2, 0.4, 0.6, 0.8), steps_lost)}
