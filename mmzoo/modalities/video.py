"""Video: MP4, WebM or GIF, or an array, to uint8 (frames, size, size, 3)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import DataError, MMZooError, check_number, require_data
from mmzoo.modalities import modalities
from mmzoo.modalities.base import Modality, read_bytes
from mmzoo.modalities.pictures import MAX_PIXELS, resized

MAX_FRAMES = 20_000  # looked at in one file


@modalities.register("video")
@dataclass(frozen=True)
class Video(Modality):
    """Moving pictures: `frames` of them at even distances, each squeezed to `size` x `size` pixels.

    The decoded example is uint8 (frames, size, size, 3), RGB. A clip with fewer frames repeats some.
    """

    frames: int = 8
    size: int = 64
    tower: Tower | str = "frames"
    kind: ClassVar[str] = "video"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(f"The frames of video '{self.name}'", self.frames, 1, 256, whole=True)
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

    def decode(self, value: str | Path | bytes | np.ndarray) -> np.ndarray:
        """A path, the bytes of a file, or uint8 (T, H, W, 3), as uint8 (frames, size, size, 3).

        Raises:
            MMZooError: it is damaged, too large, or needs PyAV, which is not installed.
        """
        if not isinstance(value, np.ndarray):
            data, origin = read_bytes(value, "video")
            value = read_gif(data, origin) if data[:4] == b"GIF8" else self._read(data, origin)
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
        try:
            import av
        except ImportError as error:
            raise MMZooError(f"{origin} needs PyAV; install it: pip install 'mmzoo[video]', or give a GIF.") from error
        empty = f"{origin} has no pictures; give a complete file or leave this input out."
        try:
            with av.open(io.BytesIO(data), "r") as file:
                stream = file.streams.video[0]
                require_data(
                    stream.width * stream.height <= MAX_PIXELS,
                    "too_large_video",
                    f"{origin} has {stream.width} x {stream.height} pixels, over the limit; scale it down.",
                )
                count = min(stream.frames or len([0 for _ in file.decode(stream)]), MAX_FRAMES)
                require_data(
                    count, "empty_video", f"{origin} has no pictures; give a complete file or leave this input out."
                )
                wanted = set(even(count, self.frames).tolist())
                file.seek(0)
                found = {}
                for number, frame in enumerate(file.decode(stream)):
                    if number in wanted:
                        found[number] = frame.to_ndarray(format="rgb24")
                    if number >= max(wanted):
                        break
        except (av.error.FFmpegError, IndexError) as error:
            message = f"{origin} is not a video that can be read; convert it to MP4 or WebM."
            raise DataError(message, "junk_video") from error
        require_data(found, "empty_video", empty)
        # A file may hold fewer frames than its header says: then the nearest before stands in.
        there = sorted(found)
        nearest = [max((k for k in there if k <= number), default=there[0]) for number in even(count, self.frames)]
        return np.stack([found[k] for k in nearest])


def even(count: int, wanted: int) -> np.ndarray:
    """`wanted` places at even distances among `count`: the middles of equal parts."""
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(int)


def read_gif(data: bytes, origin: str) -> np.ndarray:
    """All frames of a GIF, uint8 (T, H, W, 3), transparent ones laid on white."""
    from PIL import Image as Pillow
    from PIL import ImageSequence, UnidentifiedImageError

    try:
        with Pillow.open(io.BytesIO(data)) as file:
            total = file.width * file.height * getattr(file, "n_frames", 1)
            large = f"{origin} holds {total} pixels in all, over the limit; scale it down."
            require_data(total <= 4 * MAX_PIXELS, "too_large_video", large)
            frames = []
            for frame in ImageSequence.Iterator(file):
                shown = frame.convert("RGBA")
                paper = Pillow.new("RGBA", shown.size, "white")
                frames.append(np.asarray(Pillow.alpha_composite(paper, shown).convert("RGB")))
    except (UnidentifiedImageError, OSError, EOFError) as error:
        message = f"{origin} is damaged or cut short and cannot be decoded; save it again."
        raise DataError(message, "truncated_video") from error
    return np.stack(frames)
