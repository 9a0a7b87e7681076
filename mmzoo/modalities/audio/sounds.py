"""Sound files of any kind, by their path or their bytes, to samples."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import DataError, MMZooError, require_data
from mmzoo.files import open_plain
from mmzoo.modalities.audio.containers import container_of, read_track
from mmzoo.modalities.audio.wav import CHANNELS, RATES, mended, read_plain, reader
from mmzoo.modalities.audio.waveforms import mono, waveform
from mmzoo.modalities.files import File, origin_of, read_bytes, reading

if TYPE_CHECKING:
    import soundfile

BLOCK = 2**22
"""Samples, of all channels together, that are decoded at once: a file of zeros may hold 10,000 times its own length."""
SIZED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")
"""Formats whose header says how many bytes of samples follow, so that one without any is known to be whole."""


class Sound(NamedTuple):
    """Samples int16 or float32, (N,) or (N, channels), their rate, and how many the whole file has as far as known."""

    samples: np.ndarray
    rate: int
    frames: int


def read_sound(value: File, seconds: float) -> Sound:
    """The first `seconds` of a sound file or of the sound of a video.

    Args:
        value: its path or its bytes.

    Raises:
        MMZooError: it is missing, is no plain file, damaged, or lies; or needs PyAV, which is not installed.
    """
    value = value if isinstance(value, (str, os.PathLike)) else bytes(value)
    if plain := read_plain(value, seconds):
        return Sound(*plain)
    with source(value) as (given, head, origin):
        form = container_of(head)
        if form and (form != "ogg" or b"theora" in head):
            return Sound(*read_track(read_bytes(value, "audio")[0], origin, seconds))
        with by_libsndfile(given, origin) as file:
            wanted, parts = int(seconds * file.samplerate), []
            while wanted > 0:
                block = file.read(min(wanted, BLOCK // file.channels), dtype="float32", always_2d=True)
                if not len(block):
                    break
                wanted -= len(block)
                parts.append(mono(block))
            cut = f"{origin} holds no samples that can be read; it is cut short or damaged, so leave this input out."
            require_data(parts or (not file.frames and file.format in SIZED), "empty_audio", cut)
            samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
            return Sound(samples, file.samplerate, max(file.frames, len(samples)))


class Extent(NamedTuple):
    """How many samples a second a sound has, and how many seconds it lasts."""

    rate: float
    seconds: float


def extent_of(value: File) -> Extent:
    """The rate of the sound in a file and how long it lasts, as its header says.

    Raises:
        MMZooError: see `read_sound`.
    """
    with source(value if isinstance(value, (str, os.PathLike)) else bytes(value)) as (given, head, origin):
        if container_of(head):
            found = read_sound(value, 0.1)
            return Extent(found.rate, found.frames / found.rate)
        with by_libsndfile(given, origin) as file:
            return Extent(file.samplerate, file.frames / file.samplerate)


@contextmanager
def source(value: str | os.PathLike[str] | bytes) -> Iterator[tuple[BinaryIO | int, bytes, str]]:
    """What libsndfile reads a file from, the first 200 bytes, and how an error calls it."""
    origin = origin_of(value, "audio")
    if not isinstance(value, bytes):
        with reading(origin):
            file, size = open_plain(value)
        try:
            if size:
                read = reader(file)
                fault = mended(read, size, origin)
                if fault is None and os.name == "posix":
                    head = read(0, 200)
                    os.lseek(file, 0, os.SEEK_SET)
                    yield file, head, origin  # in half the time that it takes for bytes
                    return
        finally:
            os.close(file)
    data, origin = read_bytes(value, "audio")
    fault = mended(lambda at, length: data[at : at + length], len(data), origin)
    if fault:
        at, right = fault
        data = data[:at] + right + data[at + len(right) :]
    yield Bytes(data), data[:200], origin


class Bytes(io.BytesIO):
    """Bytes as a file that stays where it is if it is told to go before its start, as headers that lie tell libsndfile.

    An error could not reach whoever called the library; it would only be printed.
    """

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


@contextmanager
def by_libsndfile(given: BinaryIO | int, origin: str) -> Iterator[soundfile.SoundFile]:
    """An open `soundfile.SoundFile`, whose rate and channels are ones that there are.

    Raises:
        DataError: it is no sound that libsndfile reads, or is damaged, here or within the `with`.
    """
    import soundfile

    try:
        with soundfile.SoundFile(given, closefd=False) as file:
            odd = f"{origin} claims {file.samplerate} Hz in {file.channels} channels; repair its header."
            require_data(file.samplerate in RATES and file.channels in CHANNELS, "lying_audio", odd)
            yield file
    except MMZooError:
        raise
    except Exception as error:  # soundfile's own, and those of a header whose numbers are made up
        why = getattr(error, "error_string", str(error)).rstrip(".") or "damaged"
        message = f"{origin} is not a sound file that can be read ({why}); convert it to WAV, FLAC or Ogg."
        raise DataError(message, "junk_audio") from error


def to_wav(samples: Raw, rate: float) -> bytes:
    """A waveform (N,), (N, channels) or (channels, N) as a WAV file with the same samples, int16 or float32.

    Raises:
        DataError: it is no waveform, or a WAV file has no such rate, or not so many channels.
    """
    import soundfile

    file = io.BytesIO()
    samples = waveform(samples, "to be packed")
    try:
        require_data(rate == int(rate), "lying_audio", f"A WAV file has no rate of {rate} Hz; resample it.")
        subtype = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
        soundfile.write(file, samples, int(rate), format="WAV", subtype=subtype)
    except (RuntimeError, TypeError) as error:  # a LibsndfileError is a RuntimeError
        raise DataError(f"A waveform {samples.shape} cannot be a WAV file ({error}).", "junk_audio") from error
    return file.getvalue()
