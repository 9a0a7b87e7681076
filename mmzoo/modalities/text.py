"""Text: a string of any length and language to its first UTF-8 bytes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import check_number, require
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality


@modalities.register("text")
@dataclass(frozen=True)
class Text(Modality):
    """A text. The decoded example is uint8 (max_bytes,): the UTF-8 bytes, then zeros.

    The model takes raw bytes, because a file on a phone has no other tokenizer
    than the one in its graph. An empty text counts as absent.
    """

    max_bytes: int = 96
    tower: Tower | str = "embedding_attention"
    kind: ClassVar[str] = "text"
    unit: ClassVar[str] = "UTF-8 bytes, then zeros"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The max_bytes of text '{self.name}'", self.max_bytes, 8, 4096, whole=True)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.max_bytes,)

    @property
    def dtype(self) -> str:
        return "uint8"

    def decode(self, value: str | bytes) -> np.ndarray:
        """A string, or UTF-8 bytes, as uint8 (max_bytes,). What is longer is cut, and the log says so."""
        require(isinstance(value, (str, bytes)), f"Text '{self.name}' must be a string, not {type(value).__name__}.")
        data = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if len(data) > self.max_bytes:
            logging.getLogger("mmzoo").info(
                "Text '%s' has %d bytes; the model reads the first %d.", self.name, len(data), self.max_bytes
            )
        # A zero byte is padding: one inside a text would be read as its end.
        data = data[: self.max_bytes].replace(b"\0", b" ")
        return np.frombuffer(data.ljust(self.max_bytes, b"\0"), np.uint8)

    @property
    def array_spec(self) -> tuple[tuple[int | None, ...], str]:
        return (), "string"

    def from_array(self, batch: Any) -> Any:
        """Strings (B,) to their first bytes."""
        import tensorflow as tf

        cut = tf.strings.substr(batch, 0, self.max_bytes)
        return tf.ensure_shape(tf.io.decode_raw(cut, tf.uint8, fixed_length=self.max_bytes), (None, self.max_bytes))

    def from_file(self, data: Any) -> Any:
        """UTF-8."""
        return self.from_array(data[None])[0]

    def to_file(self, example: np.ndarray) -> bytes:
        """UTF-8."""
        return example.tobytes().rstrip(b"\0")
