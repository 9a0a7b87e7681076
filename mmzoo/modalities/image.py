"""Images: JPEG, PNG, GIF, BMP or WebP, or an array, to uint8 (size, size, 3)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import DataError, check_number, require_data
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality, read_bytes
from mmzoo.modalities.pictures import check_header, decode_data, decode_graph, read_webp, resized


@modalities.register("image")
@dataclass(frozen=True)
class Image(Modality):
    """A picture, squeezed to `size` x `size` pixels; turned as its camera says, a transparent one laid on white.

    The decoded example is uint8 (size, size, 3), RGB. Scaling to what a tower
    was trained on is the tower's, inside the graph.
    """

    size: int = 64
    tower: Tower | str = "small_cnn"
    kind: ClassVar[str] = "image"
    usual: ClassVar[tuple[str, ...]] = ("flip", "affine", "colour")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The size of image '{self.name}'", self.size, 16, 1024, whole=True)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size, self.size, 3)

    @property
    def dtype(self) -> str:
        return "uint8"

    @property
    def unit(self) -> str:
        return "RGB, 0 to 255"

    def decode(self, value: str | Path | bytes | np.ndarray) -> np.ndarray:
        """A path, encoded bytes, or a uint8 array (H, W), (H, W, 1) or (H, W, 3), as uint8 (size, size, 3)."""
        return self._decoded(value, None)

    def decode_into(self, out: np.ndarray, value: str | Path | bytes | np.ndarray) -> None:
        found = self._decoded(value, out)
        if found is not out:
            out[...] = found

    def _decoded(self, value: str | Path | bytes | np.ndarray, out: np.ndarray | None) -> np.ndarray:
        """`out` itself where the decoder could write to it."""
        if isinstance(value, np.ndarray):
            return self._from_array(value)
        data, origin = read_bytes(value, "image")
        kind, width, height = check_header(data, origin)
        if kind == "webp":
            return self._from_array(read_webp(data, origin))
        import tensorflow as tf

        try:
            return decode_data(data, self.size, out if (height, width, 3) == self.shape else None)
        except tf.errors.OpError as error:
            message = f"{origin} is damaged or cut short and cannot be decoded; save it again or leave this input out."
            raise DataError(message, "truncated_image") from error

    def _from_array(self, value: np.ndarray) -> np.ndarray:
        if value.ndim == 2:
            value = value[..., None]
        require_data(
            value.ndim == 3 and value.shape[-1] in (1, 3) and value.dtype == np.uint8 and value.size,
            "wrong_shape",
            f"An array for image '{self.name}' must be uint8 (height, width, 3), not {value.dtype} {value.shape}.",
        )
        value = np.broadcast_to(value, (*value.shape[:2], 3))
        return resized(value, self.size) if value.shape != self.shape else value

    def from_file(self, data: Any) -> Any:
        """A JPEG, PNG, GIF or BMP."""
        return decode_graph(data, self.size)

    def to_file(self, example: np.ndarray) -> bytes:
        """A PNG."""
        from PIL import Image as Pillow

        out = io.BytesIO()
        Pillow.fromarray(example).save(out, "PNG", optimize=True)
        return out.getvalue()
