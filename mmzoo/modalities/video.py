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
from mmzoo.modalities.pictures import MAX_PIXELS, read_gif, resized

MAX_FRAMES = 20_000  # looked at in one file


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

    def decode(self, value: str | Path | bytes | np.ndarray) -> np.ndarray:
        """A path, the bytes of a file, or uint8 (T, H, W, 3), as uint8 (frames, size, size, 3).

        Raises:
            MMZooError: it is damaged, too large, or needs PyAV, which is not installed.
        """
        if not isinstance(value, np.ndarray):
            data, origin = read_bytes(value, "video")
            value = read_gif(data, origin, self.frames, self.size) if data[:4] == b"GIF8" else self._read(data, origin)
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
                speed = float(stream.average_rate or 25)
                places = timed(count, self.frames, speed / self.rate) if self.rate else even(count, self.frames)
                wanted = set(places.tolist())
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
        nearest = [max((k for k in there if k <= number), default=there[0]) for number in places]
        return np.stack([found[k] for k in nearest])


def even(count: int, wanted: int) -> np.ndarray:
    """`wanted` places at even distances among `count`: the middles of equal parts."""
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(int)


def timed(count: int, wanted: int, step: float) -> np.ndarray:
    """`wanted` places among `count`, `step` apart from the first on; the last again where there are no more."""
    return np.minimum((np.arange(wanted) * step).astype(int), count - 1)


def read_audio_track(data: bytes, seconds: float) -> tuple[np.ndarray, int] | None:
    """The sound of a video: float32 (N, channels) and its rate; None where it has none or PyAV is not installed."""
    if not (data[4:8] == b"ftyp" or data[:4] == b"\x1aE\xdf\xa3" or data[8:12] == b"AVI "):
        return None  # PyAV would make something of damaged sound files too
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(io.BytesIO(data), "r") as file:
            if not file.streams.audio:
                return None
            stream = file.streams.audio[0]
            rate, parts, length = stream.rate, [], 0
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            for frame in file.decode(stream):
                for each in resampler.resample(frame):
                    parts.append(each.to_ndarray().T)
                    length += len(parts[-1])
                if length >= seconds * rate:
                    break
    except (av.error.FFmpegError, IndexError, ValueError, AttributeError):
        return None
    return (np.concatenate(parts), rate) if parts else (np.zeros((0, 1), np.float32), rate)
