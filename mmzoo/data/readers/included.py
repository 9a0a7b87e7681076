"""The data sets that come with the package, by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.data.readers import readers
from mmzoo.data.readers.base import Reader
from mmzoo.data.records import Records
from mmzoo.data.schema.guessed import guess
from mmzoo.data.schema.kinds import inputs
from mmzoo.data.schema.options import Options
from mmzoo.data.table import Source
from mmzoo.registry import Registry

datasets: Registry[Callable[[], tuple[Records, Records, Records]]] = Registry("dataset", "mmzoo.datasets")


@readers.register("included")
class Included(Reader):
    """A data set that comes with the package (mmzoo list datasets)."""

    def fits(self, source: Raw, label: str = "") -> bool:
        """Only without a label, which it has: with one it is a folder of the same name."""
        return not label and isinstance(source, str) and source in datasets.names()

    def open(self, source: Raw, options: Options, label: str = "") -> Source:
        source = str(source)
        options.check_only_kinds(source)
        splits = dict(zip(("train", "validation", "test"), datasets[source](), strict=True))
        kinds = {column: kind_of(values) for column, values in splits["train"].columns.items()}
        return Source(source, splits, kinds, str(datasets.facts(source)["tasks"]).partition(",")[0])


def kind_of(values: Sequence[object]) -> str:
    """What a column of a data set is, by its arrays, or else as in a table."""
    there = [value for value in values if value is not None]
    if there and isinstance(there[0], np.ndarray):
        return next((kind for kind, made in inputs().items() if made.array_axes == there[0].ndim), "ignore")
    return "ignore" if there and isinstance(there[0], (dict, list, tuple)) else guess(values).kind
