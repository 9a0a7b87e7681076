"""What the modalities have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Shape, Tensor, Untyped
from mmzoo.choice import Augmentation, Tower, plain
from mmzoo.errors import check_name, require
from mmzoo.modalities.defaults import Defaults


@dataclass(frozen=True)
class Modality(Defaults):
    """One input of a model: its name, the tensor it becomes, and the tower that reads it.

    A subclass adds the facts that fix the tensor (`shape` and `dtype` of one
    example) and `decode`, which turns whatever a user has (a path, bytes, an
    array) into it. Everything after `decode` is inside the model's graph.

    Args:
        tower: a name (`mmzoo list towers`), or `Tower(name, option=...)`.
        augmentations: in training, names (`mmzoo list augmentations`) or `Augmentation(name, option=...)`.
    """

    name: str
    tower: Tower | str = field(default="", kw_only=True)
    augmentations: Sequence[Augmentation | str] | None = field(default=None, kw_only=True)
    usual: ClassVar[tuple[str, ...]] = ()
    """The augmentations of an input that names none."""

    def __post_init__(self) -> None:
        check_name(self.kind, self.name)
        object.__setattr__(self, "tower", Tower.of(self.tower))
        chosen = self.usual if self.augmentations is None else self.augmentations
        require(
            isinstance(chosen, (list, tuple)),
            f"The augmentations of {self.kind} '{self.name}' must be a list of names, not {chosen!r}.",
        )
        object.__setattr__(self, "augmentations", tuple(Augmentation.of(each) for each in chosen))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one decoded example."""
        raise NotImplementedError

    @property
    def dtype(self) -> str:
        """Type of one decoded example."""
        raise NotImplementedError

    def decode(self, value: Raw) -> np.ndarray:
        """One example as the tensor that the model takes.

        Raises:
            MMZooError: `value` is not what this modality can read; says what would be.
        """
        raise NotImplementedError

    def decode_into(self, out: np.ndarray, value: Raw) -> None:
        """`decode`, written over whatever is in `out` (*shape): a batch is filled without a copy in between."""
        out[...] = self.decode(value)

    def check(self, value: Raw) -> None:
        """Raise what `decode` would, also before `fit`."""
        self.decode(value)

    @property
    def unit(self) -> str:
        """What the numbers of an example are, for whoever writes a client."""
        return "numbers"

    def fit(self, values: Sequence[object]) -> Self:
        """With what is learnt from the training records before the model is built: a vocabulary, statistics."""
        return self

    @property
    def unfitted(self) -> str:
        """What `fit` has still to find; empty where there is nothing."""
        return ""

    def check_fitted(self) -> None:
        """Raise unless `fit` was called where it is needed."""
        require(
            not self.unfitted,
            f"Input '{self.name}' has {self.unfitted}; call spec = spec.fit(records) first, as mmzoo.train does.",
        )

    def augment(self, batch: Tensor, keys: Tensor, varied: Tensor | None = None) -> Tensor:
        """A random variant of each example of a decoded batch (B, *shape), drawn from its key, int64 (B,).

        Args:
            varied: of which examples, bool (B,); the others stay as they are. All, if not given.
        """
        if not self.augmentations:
            return batch
        return augmenter(self)(batch, keys, np.ones(batch.shape[0], bool) if varied is None else varied)

    @property
    def array_spec(self) -> tuple[Shape, str]:
        """Shape and type of one example as a served model takes it from a program."""
        return self.shape, self.dtype

    @property
    def has_files(self) -> bool:
        """Is there a kind of file that a served model reads by itself (`from_file`)?"""
        return False

    def from_array(self, batch: Tensor) -> Tensor:
        """In the graph: a batch as `array_spec` says, as the tensor (B, *shape) that the model takes."""
        return batch

    def from_file(self, data: Tensor) -> Tensor:
        """In the graph: one encoded file, a scalar string, as the tensor (*shape) that the model takes."""
        raise NotImplementedError

    def to_file(self, example: np.ndarray) -> bytes:
        """One decoded example as a file that `from_file` reads."""
        raise NotImplementedError

    def to_json(self) -> dict[str, object]:
        """The fields as plain data, with `kind`."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"kind": self.kind} | {key: plain(value) for key, value in values.items()}


@lru_cache(maxsize=32)
def augmenter(item: Modality) -> Untyped:
    """The augmentations of an input, one after the other, compiled: on a CPU that is several times faster."""
    import tensorflow as tf

    from mmzoo.augmentations import augmentations
    from mmzoo.draws import keys_of

    def augment(batch: Tensor, keys: Tensor, varied: Tensor) -> Tensor:
        original = batch
        for place, chosen in enumerate(item.augmentations or ()):
            choice = Augmentation.of(chosen)
            own = keys_of(place, keys, tf.zeros_like(keys))  # so that no two of them draw the same
            batch = augmentations[choice.name](batch, own, item, **choice.options)
        # In here: outside it would cost as much as decoding the pictures.
        return tf.where(tf.reshape(varied, (-1, *[1] * (len(batch.shape) - 1))), batch, original)

    return tf.function(augment, jit_compile=True, autograph=False)


LEAST_DEVIATION = 1e-3  # in a column's own unit: one that never changes must not be blown up


def statistics(table: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and deviation of each column of (N, C), over what is finite in it; a column without numbers has mean 0."""
    table = table.astype(np.float64)
    there = np.isfinite(table)
    count = np.maximum(there.sum(axis=0), 1)
    means = np.where(there, table, 0.0).sum(axis=0) / count
    spread = np.where(there, (table - means) ** 2, 0.0).sum(axis=0) / count
    deviations = np.maximum(np.sqrt(spread), LEAST_DEVIATION)
    return [float(m) for m in means], [float(d) for d in deviations]


def frequent(values: Iterable[str]) -> list[str]:
    """The different values, the most frequent first, of equal ones the first in the order of characters."""
    return [value for value, _ in sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))]


def padded(array: np.ndarray, length: int, fill: float = 0.0) -> np.ndarray:
    """The first `length` rows, filled up with `fill`."""
    out = np.full((length, *array.shape[1:]), fill, array.dtype)
    out[: len(array)] = array[:length]
    return out
