"""Files that PyAV reads: which ones it is given, and how little it may do with them.

FFmpeg reads hundreds of formats, among them texts that name other files, addresses and devices to open. So the first
bytes must be those of one of few formats, which is then the only one that FFmpeg may take it for; it may open nothing
else; and no decoder runs but those of this list, each with a limit on the size of a frame.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mmzoo.aliases import Untyped
from mmzoo.errors import DataError, MMZooError, require_data
from mmzoo.modalities.audio.wav import CHANNELS, RATES
from mmzoo.modalities.audio.waveforms import mono

MAX_PIXELS = 2**24
"""Of one frame. A decoder holds up to 17 frames, of 1.5 bytes a pixel in 8 bits and 4:2:0, of 6 at most."""
MAX_FRAMES = 20_000
"""Of one video."""
MAX_DECODED = 2**35
"""Pixels that are decoded of one video, the frames before those that are wanted included."""
MAX_PACKETS = 2**20
"""Of one sound."""

VIDEO_DECODERS = (
    *("av1", "dnxhd", "dvvideo", "ffv1", "ffvhuff", "flv", "h263", "h264", "hevc", "huffyuv", "libaom-av1"),
    *("libdav1d", "libvpx", "libvpx-vp9", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4"),
    *("msmpeg4v1", "msmpeg4v2", "prores", "qtrle", "rawvideo", "theora", "vc1", "vp8", "vp9", "wmv1", "wmv2"),
    "wmv3",
)
AUDIO_DECODERS = (
    *("aac", "aac_latm", "ac3", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "alac", "amrnb", "amrwb", "dca"),
    *("eac3", "flac", "libopencore_amrnb", "libopencore_amrwb", "libopus", "libspeex", "libvorbis", "mp1"),
    *("mp1float", "mp2", "mp2float", "mp3", "mp3float", "opus", "pcm_alaw", "pcm_f32be", "pcm_f32le"),
    *("pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be"),
    *("pcm_s32le", "pcm_s8", "pcm_u8", "speex", "truehd", "vorbis", "wmapro", "wmav1", "wmav2"),
)
THINGS = {"video": ("video", "MP4 or WebM"), "audio": ("sound file", "WAV, FLAC or Ogg")}
"""How an error calls what is asked for, and what it may be converted to."""


def container_of(head: bytes) -> str:
    """What FFmpeg calls the format of a file, by its first 200 bytes; "" unless it is one of those that are read."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"  # MP4, M4A, MOV, 3GP
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"  # WebM, MKV, MKA
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:16] == bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"):
        return "asf"  # WMV, WMA
    if head[:4] == b"\0\0\1\xba":
        return "mpeg"
    if head[:1] + head[188:189] == b"GG" or head[4:5] + head[196:197] == b"GG":
        return "mpegts"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    return ""


@contextmanager
def opened(data: bytes, origin: str, kind: str) -> Iterator[tuple[Untyped, Untyped]]:
    """A container and its first stream of `kind` ("video" or "audio"), whose decoder is not started yet.

    Raises:
        MMZooError: PyAV is not installed.
        DataError: it is of no format that is read, has no such stream, or PyAV fails on it, here or within the `with`.
    """
    what, other = THINGS[kind]

    def unread(why: str) -> str:
        return f"{origin} is not a {what} that can be read ({why}); convert it to {other}."

    form = container_of(data[:200])
    require_data(form, f"junk_{kind}", unread("it is of no format that is known here"))
    try:
        import av
    except ImportError as error:
        install = f"{origin} needs PyAV; install it: pip install 'mmzoo[video]', or convert it"
        raise MMZooError(f"{install} to {'a GIF' if kind == 'video' else other}.") from error
    # With no decoder allowed here, FFmpeg does not decode to find out more than the headers say: that would be without
    # a limit. Not `options`: with formats that have no header PyAV 14 crashes on them.
    closed = {"format_whitelist": form, "protocol_whitelist": "none", "codec_whitelist": "none"}
    try:
        with av.open(io.BytesIO(data), "r", format=form, container_options=closed, metadata_errors="replace") as file:
            streams = getattr(file.streams, kind)
            require_data(streams, f"junk_{kind}", unread(f"it has no {kind}"))
            context = streams[0].codec_context
            name = context.name if context is not None else "an unknown way"
            known = VIDEO_DECODERS if kind == "video" else AUDIO_DECODERS
            require_data(name in known, f"junk_{kind}", unread(f"it is coded in {name}"))
            context.options = {"max_pixels": str(MAX_PIXELS)}
            if name == "h264":
                # Where the stream does not say by how much frames are reordered: as much as is allowed.
                context.options = {**context.options, "strict": "1"}
            yield file, streams[0]
    except MMZooError:
        raise
    except Exception as error:  # PyAV raises a dozen kinds
        raise DataError(unread("it is damaged or cut short"), f"junk_{kind}") from error


def count_frames(data: bytes, origin: str) -> tuple[int, float]:
    """How many frames a video has, whatever its header says, and how many a second; nothing is decoded.

    Raises:
        DataError: see `opened`; it has none, or more than `MAX_FRAMES`.
    """
    large = f"{origin} has over {MAX_FRAMES} frames; cut it into parts, or keep fewer frames a second."
    with opened(data, origin, "video") as (file, stream):
        count = 0
        for packet in file.demux(stream):
            count += packet.size > 0
            require_data(count <= MAX_FRAMES, "too_large_video", large)
        require_data(count, "empty_video", f"{origin} has no pictures; give a complete file or leave this input out.")
        return count, float(stream.average_rate or 25)


def frames(data: bytes, origin: str, wanted: set[int]) -> Iterator[tuple[int, np.ndarray]]:
    """The frames with these numbers, uint8 (H, W, 3), each turned as the camera says; their sizes may differ.

    Raises:
        DataError: see `opened`; a frame is too large, or all of them together are.
    """
    many = f"{origin} has over {MAX_DECODED} pixels in all its frames; scale it down or cut it into parts."
    with opened(data, origin, "video") as (file, stream):
        large = f"{origin} has {stream.width} x {stream.height} pixels, over the limit of {MAX_PIXELS}; scale it down."
        require_data(stream.width * stream.height <= MAX_PIXELS, "too_large_video", large)
        number, pixels, last = 0, 0, max(wanted)
        for packet in file.demux(stream):
            pixels += stream.width * stream.height  # of the frame before, also where none comes out of the packet
            require_data(pixels <= MAX_DECODED, "too_large_video", many)
            for frame in packet.decode():
                if number in wanted:
                    turns = round(getattr(frame, "rotation", 0) / 90)  # PyAV 14.0 does not tell
                    yield number, np.rot90(frame.to_ndarray(format="rgb24"), turns)
                if number >= last:
                    return
                number += 1


def read_track(data: bytes, origin: str, seconds: float) -> tuple[np.ndarray, int, int]:
    """The first `seconds` of the sound of a file, its channels mixed, float32 (N,); the rate; how many the header says.

    Raises:
        DataError: see `opened`; it changes its rate on the way, or its header lies.
    """
    with opened(data, origin, "audio") as (file, stream):
        import av

        many = f"{origin} has too many packets; convert it to WAV."
        resampler = av.AudioResampler(
            format="flt"
        )  # interleaved: of separate channels PyAV reads the ninth where none is
        parts: list[np.ndarray] = []
        rate = length = 0
        for number, packet in enumerate(file.demux(stream)):
            require_data(number < MAX_PACKETS, "lying_audio", many)
            for frame in packet.decode():
                rate = rate or frame.sample_rate
                odd = f"{origin} claims {frame.sample_rate} Hz in {frame.layout.nb_channels} channels; convert it."
                fair = frame.sample_rate == rate and rate in RATES and frame.layout.nb_channels in CHANNELS
                require_data(fair, "lying_audio", odd)
                for each in resampler.resample(frame):
                    parts.append(mono(each.to_ndarray().reshape(-1, each.layout.nb_channels)))
                    length += len(parts[-1])
            if length and length >= seconds * rate:
                break
        empty = f"{origin} has no samples that can be read; give a complete file or leave this input out."
        require_data(length, "empty_audio", empty)
        samples = np.concatenate(parts)[: math.ceil(seconds * rate)]
        return samples, rate, max(int((file.duration or 0) / av.time_base * rate), len(samples))
