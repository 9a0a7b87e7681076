"""Video: MP4, WebM, AVI and the like, GIF, or an array, to uint8 (frames, size, size, 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.choice import Tower
from mmzoo.errors import DataError, MMZooError, check_number, require, require_data
from mmzoo.modalities import modalities
from mmzoo.modalities.arrays import axes_of
from mmzoo.modalities.audio.containers import count_frames, frames
from mmzoo.modalities.base import Modality
from mmzoo.modalities.corruption import Corruption
from mmzoo.modalities.described import InputDescription
from mmzoo.modalities.explanation import InputExplanation, Probe
from mmzoo.modalities.files import FILES, read_bytes, unwrapped
from mmzoo.modalities.image.client import squeezed
from mmzoo.modalities.image.corruption import BLUR, NOISE
from mmzoo.modalities.image.occlusion import patches
from mmzoo.modalities.image.pictures import read_gif, resized
from mmzoo.modalities.image.pictures.moving import walked
from mmzoo.modalities.image.vectorizer import SIDE, picture_vector
from mmzoo.modalities.lengths import fitting_length, spread
from mmzoo.modalities.shown import Shown, png
from mmzoo.modalities.vectorizer import Each
from mmzoo.modalities.widgets import Widget

LOOKED_AT = 8
"""Clips that are opened to see how long and how large they are: each is read through."""


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
    colour: ClassVar[str] = "#2f6f73"
    # Read by PyAV (`pip install 'mmzoo[video]'`). A .gif is read too, but is a picture unless its column is said to be
    # videos.
    endings: ClassVar[tuple[str, ...]] = (
        *(".mp4", ".m4v", ".mov", ".3gp", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".ogv", ".wmv"),
    )
    foreign: ClassVar[dict[str, str]] = dict.fromkeys((".vob", ".rm", ".swf"), "convert it to MP4")
    starts: ClassVar[tuple[bytes, ...]] = (rb".{4}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI |\0\0\x01[\xba\xb3]|FLV\x01",)
    array_axes: ClassVar[int] = 4
    dtypes: ClassVar[tuple[str, ...]] = ("uint8",)
    axes: ClassVar[tuple[int, ...]] = (4,)
    corruptions: ClassVar[dict[str, Corruption]] = {"blur": BLUR, "noise": NOISE}

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

    def decode(self, value: Raw) -> np.ndarray:
        """A path, the bytes of a file, or uint8 (T, H, W, 3), as uint8 (frames, size, size, 3).

        A file is read frame by frame: at most `containers.MAX_FRAMES` of at most `MAX_PIXELS` each and `MAX_DECODED`
        together, of which only the wanted ones are kept, resized; so that its decoder's own frames are most of the
        memory that it takes: beside the file 0.8 GB at most in 8 bits and 4:2:0, which cameras write, and 2.1 GB else.

        Raises:
            MMZooError: it is damaged, too large, or needs PyAV, which is not installed.
        """
        value = unwrapped(value)
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
        chosen: np.ndarray = value[even(len(value), self.frames)]
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

    @classmethod
    def holds(cls, value: Raw) -> bool:
        return isinstance(value, np.ndarray) and axes_of(value) == 4 and value.shape[-1] in (1, 3)

    @classmethod
    def guessed(cls, name: str, values: Sequence[object]) -> Self:
        """Small clips whole and as they are; of longer and larger ones eight frames of 64 pixels a side."""
        extents = []
        for value in spread(values, LOOKED_AT):
            with suppress(MMZooError, ValueError, StopIteration):  # decoding will name the record
                extents.append(extent_of(value))
        if not extents:
            return cls(name)
        counts, sides = zip(*extents, strict=True)
        size = int(fitting_length(sides, 16, 64))
        return cls(name, frames=int(fitting_length(counts, 2, 8 if size > 32 else 16)), size=size)

    @classmethod
    def trial(cls, name: str = "value", values: Sequence[object] = ()) -> Self:
        return cls(name, frames=2, size=32)

    def widget(self) -> Widget:
        return Widget("video")

    def shown(self, value: Raw) -> Shown:
        """Its first frame."""
        return Shown(picture=png(self.decode(value)[0]))

    def explain(self, probe: Probe) -> InputExplanation:
        """The same patch of all frames at once."""
        caption = "what is lost when a patch is covered in all frames, over the first frame"
        return InputExplanation(self.kind, {"occlusion": patches(probe)}, caption, shown=probe.example[0])

    def vectorizer(self) -> Each:
        """Means and deviations of what is seen in the frames."""
        small = replace(self, size=SIDE)

        def vector(value: Raw) -> np.ndarray:
            seen = np.stack([picture_vector(frame) for frame in small.decode(value)])
            return np.concatenate([seen.mean(axis=0), seen.std(axis=0)])

        return Each(vector, f"watching {self.name}")

    @classmethod
    def is_described(cls, about: InputDescription) -> bool:
        high, wide, channels = about["shape"][2:]
        return bool(high == wide and channels == 3)

    @classmethod
    def client(cls, about: InputDescription) -> Callable[[Raw], np.ndarray]:
        """An array uint8 (any, H, W, 3): frames at even distances."""
        _, count, size, *_ = about["shape"]

        def decode(value: Raw) -> np.ndarray:
            clip = value if isinstance(value, np.ndarray) else np.zeros(0)
            require(
                clip.ndim == 4 and clip.shape[-1] == 3 and clip.dtype == np.uint8 and clip.size,
                f"Video '{about['name']}' must be an array uint8 (frames, height, width, 3); "
                "decode a file with mmzoo.predict.",
            )
            return np.stack([squeezed(frame, size) for frame in clip[even(len(clip), count)]])

        return decode


def extent_of(value: Raw) -> tuple[int, int]:
    """How many frames a clip has, and the pixels of its longer side.

    Raises:
        MMZooError: it cannot be read.
    """
    value = unwrapped(value)
    if not isinstance(value, FILES):
        count, *sides = np.asarray(value).shape[:3]
        return count, max(sides)
    data, origin = read_bytes(value, "video")
    if data[:4] == b"GIF8":
        walk, count = walked(data, origin)
        return count, max(walk.width, walk.height)
    count, _ = count_frames(data, origin)
    _, first = next(iter(frames(data, origin, {0})))
    return count, max(first.shape[:2])


def even(count: int, wanted: int) -> np.ndarray:
    """`wanted` places at even distances among `count`: the middles of equal parts."""
    return ((np.arange(wanted) + 0.5) * count / wanted).astype(int)


def timed(count: int, wanted: int, step: float) -> np.ndarray:
    """`wanted` places among `count`, `step` apart from the first on; the last again where there are no more."""
    places: np.ndarray = np.minimum((np.arange(wanted) * step).astype(int), count - 1)
    return places
