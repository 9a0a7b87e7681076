"""What the rest of the zoo asks of a kind of input, each with an answer that serves any kind.

A modality is one folder, or one file: whatever differs by kind is one of these attributes and methods. One that
overrides none of them is still read from tables, shown as text, exported and explained as a whole; it is only not
looked into and not made worse on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw, Tensor
from mmzoo.errors import MMZooError
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.described import InputDescription
from mmzoo.modalities.explanation import InputExplanation, Probe
from mmzoo.modalities.files import FILES, read_bytes, unwrapped
from mmzoo.modalities.shown import Shown
from mmzoo.modalities.vectorizer import Each, Vectorizer
from mmzoo.modalities.widgets import Widget

if TYPE_CHECKING:
    from mmzoo.modalities.rebuilding import Rebuilding


class Defaults:
    """See above; `Modality` has a name, a shape and a decoder beside."""

    kind: ClassVar[str] = ""
    colour: ClassVar[str] = "#54616b"
    """Of its boxes in the picture of a model, with white letters on it."""

    # Files and tables
    endings: ClassVar[tuple[str, ...]] = ()
    """How the names of the files end that `decode` reads and that are most likely of this kind; none, if its values
    are no files."""
    foreign: ClassVar[Mapping[str, str]] = {}
    """Endings that say that a file is of this kind, but that `decode` does not read; and what to do."""
    starts: ClassVar[tuple[bytes, ...]] = ()
    """How such files begin, as regular expressions; of several kinds that fit, the longest beginning tells."""
    array_axes: ClassVar[int] = 0
    """Axes of an array that is taken for an example where nothing else is known; 0 for none."""
    is_text: ClassVar[bool] = False
    """Is a value a text that people read?"""
    gaps: ClassVar[bool] = False
    """Can a part of a value be missing?"""
    in_column: ClassVar[bool] = True
    """Is a value the cell of one column of a table?"""

    # Models that are no networks
    pooled: ClassVar[bool] = False
    """Is the mean token of a frozen pretrained tower worth having beside what `vectorizer` makes?"""

    # The graph
    is_sequence: ClassVar[bool] = False
    """Can the towers for sequences read it, by `sequence`?"""
    signals: ClassVar[int] = 0
    """The first so many numbers of a token of its sequence are what was measured, the others say where; 0 for all."""
    dtypes: ClassVar[tuple[str, ...]] = ("uint8", "int32", "float32")
    """The types that an example may have, as the description inside a .tflite is held to."""
    axes: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)
    """How many axes it may have."""

    # Evaluation
    closeness: ClassVar[float] = 0.0
    """The mean difference of two fingerprints below which two values are nearly the same."""
    corruptions: ClassVar[Mapping[str, Corruption]] = {}
    """The ways to make it worse in steps, by name."""

    @property
    def decoded_in_graph(self) -> bool:
        """Does `from_file` make of every file that it reads what `decode` does, so that it may run in its place?"""
        return False

    @classmethod
    def holds(cls, value: Raw) -> bool:
        """Is a value in memory, an array or an object but no text and no bytes, one of this kind beyond doubt?"""
        return False

    @classmethod
    def from_cell(cls, value: Raw) -> Raw:
        """What stands in a cell of a table in place of a file's path, as `decode` takes it.

        Raises:
            TypeError, ValueError, OverflowError: it is not of this kind.
        """
        if cls.endings and not isinstance(value, (bytes, np.ndarray)):
            raise TypeError
        return value

    @classmethod
    def guessed(cls, name: str, values: Sequence[object]) -> Self:
        """An input for a column of a table, by some of its values.

        Raises:
            MMZooError: they cannot be read.
        """
        return cls(name)  # type: ignore[call-arg]

    @classmethod
    def trial(cls, name: str = "value", values: Sequence[object] = ()) -> Self | None:
        """A small input that tries whether values can be decoded; None where that is not tried.

        Args:
            name: of its column.
            values: of its column, which may say what an input for them is.
        """
        return None

    @classmethod
    def content(cls, value: Raw) -> Raw:
        """What tells a value from others: the bytes of a file, or an array."""
        return value if isinstance(value, np.ndarray) or not cls.endings else read_bytes(value, cls.kind)[0]

    def fingerprint(self, example: np.ndarray) -> np.ndarray | None:
        """A map (8, 9, ...) of a decoded example of `trial`, alike for values that are nearly the same."""
        return None

    @classmethod
    def to_stored(cls, value: Raw) -> bytes:
        """A value as bytes that are kept in a shard: a file's own, tried once, or an array as .npy.

        Raises:
            DataError: it is not of this kind.
        """
        from mmzoo.modalities.arrays import npy, numeric

        value = unwrapped(value)
        if isinstance(value, str) and not cls.endings:
            return value.encode("utf-8", "replace")
        if isinstance(value, FILES) or value is None:
            data = read_bytes(value, cls.kind)[0]
            if trial := cls.trial():
                trial.check(value)  # type: ignore[attr-defined]
            return data
        return npy(numeric(value, cls.kind))

    def prepared(self, value: Raw, lossy: bool) -> bytes:
        """As `to_stored`, but with no more in it than this input reads, so that it is decoded faster.

        Args:
            lossy: may it differ a little, to be smaller?

        Raises:
            DataError: it is not of this kind.
        """
        return self.to_stored(value)

    @classmethod
    def from_stored(cls, data: bytes, origin: str) -> Raw:
        """What `decode` takes, of what `to_stored` wrote.

        Raises:
            DataError: the bytes are damaged; calls them by `origin`.
        """
        from mmzoo.modalities.arrays import MAGIC, load_npy

        return load_npy(data, origin) if data.startswith(MAGIC) else data

    def mended(self, value: Raw, good: Callable[[Raw], bool]) -> Raw:
        """What is left of a value that cannot be used, by asking whether parts of it are good; None for nothing."""
        return None

    @property
    def cell_kinds(self) -> Mapping[str, str]:
        """By column of a table that it is read from, what its cells are: one column, called as the input is, or those
        that it names."""
        columns = getattr(self, "columns", ())
        return dict.fromkeys(columns, self.kind) or {self.name: self.kind}  # type: ignore[attr-defined]

    @property
    def cell_forms(self) -> Mapping[str, str]:
        """By such a column, how its cells are written where they do not say it one by one; see
        `mmzoo.data.schema.guessed.form_of`."""
        return {}

    def gathered(self, columns: Mapping[str, Sequence[object]]) -> list[Raw] | None:
        """Its values where they are spread over several columns of a table; None where they are not."""
        return None

    def from_argument(self, text: str) -> Raw:
        """A value as it is written on the command line.

        Raises:
            MMZooError: it is not written so.
        """
        return text

    def shown(self, value: Raw) -> Shown:
        """How a value is shown on a page.

        Raises:
            MMZooError: it cannot be decoded.
        """
        return Shown(text=value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))

    def widget(self) -> Widget:
        """What a page asks a person for: a file, or a text where its values are no files."""
        return Widget("file" if self.endings else "text")

    def value_of(self, example: np.ndarray) -> Raw:
        """What a decoded example is shown and decoded from again."""
        return example

    @classmethod
    def preview(cls, value: Raw) -> bytes:
        """A small picture (JPEG) of a value; nothing where there is none."""
        return b""

    def explain(self, probe: Probe) -> InputExplanation | None:
        """What counted inside the record's value; None where nobody can look inside."""
        return None

    def mixed(self, own: Tensor, other: Tensor, share: Tensor, keys: Tensor) -> Tensor:
        """In the graph, where examples are mixed in pairs: a share of each of `own` (B, *shape), the rest of `other`.

        None where the numbers themselves can be added or cut, as others do it.

        Args:
            share: float32 (B,), of `own`.
            keys: int64 (B,), what draws come from.
        """
        return None

    def rebuilding(self) -> Rebuilding:
        """What of it is rebuilt by a `Reconstruction`, and how.

        Raises:
            MMZooError: it cannot be.
        """
        raise MMZooError(
            f"Input '{self.name}' is {self.kind}, which is not rebuilt; pictures, texts, sounds, sensors and rows of "  # type: ignore[attr-defined]
            "tables are."
        )

    def vectorizer(self) -> Vectorizer:
        """What makes rows of numbers of raw values, for models that are no networks: here the decoded example, flat."""
        return Each(lambda value: self.decode(value).reshape(-1), f"reading {self.name}")  # type: ignore[attr-defined]

    def sequence(self, x: Tensor, width: int) -> Tensor:
        """Layers that make a decoded batch `Tokens`, as the towers for sequences read them: frames, steps, words.

        Args:
            width: of vectors that are learnt for the tokens.
        """
        raise NotImplementedError

    @property
    def described(self) -> Mapping[str, object]:
        """What a client has to know of it beside its fields, or in their place."""
        return {}

    @classmethod
    def is_described(cls, about: InputDescription) -> bool:
        """Does a stranger's description of such an input hold what a client needs, beside type and axes?"""
        return True

    @classmethod
    def client(cls, about: InputDescription) -> Callable[[Raw], np.ndarray]:
        """What decodes values without TensorFlow, by the description of the input in a .tflite.

        Raises:
            MMZooError, ValueError: the description is wrong; raised here or by what is returned.
        """
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        item: Any = cls(**{key: value for key, value in about.items() if key in known})
        item.check_fitted()
        if (item.shape, item.dtype) != (tuple(about["shape"][1:]), about["dtype"]):
            raise ValueError("its shape is another")
        return item.decode  # type: ignore[no-any-return]


@lru_cache(maxsize=256)
def beginning(pattern: bytes) -> re.Pattern[bytes]:
    """One of `starts`, compiled."""
    return re.compile(pattern, re.DOTALL)
