"""Video: MP4, WebM, AVI and the like, GIF, or an array, to uint8 (frames, size, size, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import DataError, check_number, require_data
from mmzoo.modalities import modalities
from mmzoo.modalities.audio.containers import count_frames, frames
from mmzoo.modalities.base import FILES, Modality, read_bytes, unpacked
from mmzoo.modalities.image.pictures import read_gif, resized

ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".ogv", ".wmv"),
    ".gif",
)
"""Of files that are videos; all but .gif are read by PyAV (`pip install 'mmzoo[video]'`)."""


@modalities.register("video")
@dataclass(frozen=True)
class Video(Modality):
    """Moving pictures: `frames` of them at even distances, each squeezed to `size` x `size` pixels.

    The decoded example is uint8 (frames, size, size, 3), RGB. A clip with fewer frames repeats some.

    Args:
        rate: frames a second, from the start of the clip, which is cut or ends with its last frame again; 0 for
            frames at even distances over the whole of it. Arrays and GIFs have no times and are taken whole.
    """

    frames: int = 8
    size: int = 64
    rate: float = 0.0
    tower: Tower | str = "frames"
    kind: ClassVar[str] = "video"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The frames of video '{self.name}'", self.frames, 1, 256, whole=True)
        check_number(f"The rate of video '{self.name}'", self.rate, 0, 1000)
        check_number(f"The size of video '{self.name}'", self.size, 16, 1024, whole=True)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, self.size, self.size, 3)

    @property
    def dtype(self) -> str:
        return "uint8"

    @property
    def unit(self) -> str:
        return "RGB, 0 to 255"

    @property
    def has_files(self) -> bool:
        return False

    def decode(self, value: Any) -> np.ndarray:
        """A path, the bytes of a file, or uint8 (T, H, W, 3), as uint8 (frames, size, size, 3).

        A file is read frame by frame: at most `containers.MAX_FRAMES` of at most `MAX_PIXELS` each and `MAX_DECODED`
        together, of which only the wanted ones are kept, resized; so that its decoder's own frames are most of the
        memory that it takes: beside the file 0.8 GB at most in 8 bits and 4:2:0, which cameras write, and 2.1 GB else.

        Raises:
            MMZooError: it is damaged, too large, or needs PyAV, which is not installed.
        """
        value = unpacked(value)
        if isinstance(value, FILES):
            data, origin = read_bytes(value, "video")
            if data[:4] != b"GIF8":
                return self._read(data, origin)
            return read_gif(data, origin, self.frames, self.size)
        try:
            value = np.asarray(value)
        except Exception as error:  # lists of frames of several sizes, whatever a stranger's `__array__` raises
            raise DataError(f"Video '{self.name}' is no array of frames of one size.", "wrong_shape") from error
        require_data(
            value.ndim == 4 and value.shape[-1] == 3 and value.dtype == np.uint8 and value.size,
            "wrong_shape",
            f"An array for video '{self.name}' must be uint8 (frames, height, width, 3), "
            f"not {value.dtype} {value.shape}.",
        )
        chosen = value[even(len(value), self.frames)]
        if chosen.shape == self.shape:
            return chosen
        return np.stack([resized(frame, self.size) for frame in chosen])

    def _read(self, data: bytes, origin: str) -> np.ndarray:
        """The frames that are wanted, and only those, of a file that PyAV reads."""
        count, speed = count_frames(data, origin)
        places = timed(count, self.frames, speed / self.rate) if self.rate else even(count, self.frames)
        found = {number: resized(frame, self.size) for number, frame in frames(data, origin, set(places.tolist()))}
        empty = f"{origin} has no pictures; give a complete file or leave this input out."
        require_data(found, "empty_video", empty)
        # Not every packet need become a frame: then the nearest before stands in.
        there = sorted(found)
        nearest = [max((k for k in there if k <= number), default=there[0]) for number in places]
        return np.stack([found[k] for k in nearest])


def even(count: int, wanted: int) -> np.ndarray:
    """`wanted` places at even distances among `count`: the middles of equal parts."""
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(int)


def timed(count: int, wanted: int, step: float) -> np.ndarray:
    """`wanted` places among `count`, `step` apart from the first on; the last again where there are no more."""
    return np.minimum((np.arange(wanted) * step).astype(int), count - 1)
