"""What PyAV is given: few formats, decoders with limits, and nothing that opens files or addresses."""

from __future__ import annotations

import io
import struct
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmzoo
from mmzoo.errors import DataError
from mmzoo.modalities.audio import containers
from tests.modalities.media import FRAMES, VIDEOS, track, video

av = pytest.importorskip("av")

CLIP = mmzoo.Video("clip", frames=4, size=16)
SOUND = mmzoo.Audio("sound", sample_rate=8000, seconds=0.1)

SDP = (
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n%s\n#EXT-X-ENDLIST\n"
STRANGE = {
    "sdp": SDP,
    "hls of an address": HLS % b"http://127.0.0.1:9/x.ts",
    "hls of a file": HLS % b"file:///etc/passwd",
    "hls of a part": HLS % b"subfile,,start,0,end,9,,:/etc/passwd",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
    b"<BaseURL>http://127.0.0.1:9/a</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "asx": b"<asx version='3.0'><entry><ref href='http://127.0.0.1:9/a'/></entry></asx>",
    "rtsp": b"RTSPtext\nrtsp://127.0.0.1:9/x",
    "an address": b"http://127.0.0.1:9/x.mp4",
    "imf": b"<CompositionPlaylist xmlns='http://www.smpte-ra.org/schemas/2067-3/2016'/>",
    "ffmetadata": b";FFMETADATA1\ntitle=x\n",
    "subrip": b"1\n00:00:00,000 --> 00:00:10,000\nhi\n",
    "webvtt": b"WEBVTT\n\n00:00.000 --> 00:10.000\nhi\n",
    "ass": b"[Script Info]\nScriptType: v4.00+\n",
    "vobsub": b"# VobSub index file, v7\nid: en\n",
    "a filter": b"testsrc=size=64x64",
    "xbin": b"XBIN\x1a" + bytes(100),
    "ansi": b"\x1b[2J" * 2000,
    "a text": b"A" * 4096,
    "rtp": bytes([0x80, 96]) + bytes(300),
    "nut": b"nut/multimedia container\0" + bytes(50),
    "y4m": b"YUV4MPEG2 W64 H64 F25:1\nFRAME\n" + bytes(6144),
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(100),
    "flv": b"FLV\1\5\0\0\0\x09" + bytes(100),
}


@pytest.mark.parametrize("what", STRANGE)
def test_other_formats_never_reach_pyav(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "open", lambda *args, **kwargs: pytest.fail("it was opened"))
    values: list[Any] = [STRANGE[what]]
    for ending in (".mp4", ".webm", ".wav", ".m4a", ".sdp", ".m3u8"):
        values.append(tmp_path / f"value{ending}")
        values[-1].write_bytes(STRANGE[what])
    start = time.process_time()
    for item in (CLIP, SOUND):
        for value in values:
            with pytest.raises(DataError, match=r"^[^\n]+ that can be read [^\n]+\.$"):
                item.decode(value)
    assert time.process_time() - start < 2


def test_whatever_format_it_were_ffmpeg_opens_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The list of formats and of protocols is kept by FFmpeg, too: it would not open these even if it were asked."""
    asked: list[dict[str, Any]] = []
    real, data = av.open, video()
    monkeypatch.setattr(av, "open", lambda *args, **kwargs: asked.append(kwargs) or real(*args, **kwargs))
    CLIP.decode(data)
    (options,) = {str(each["container_options"]): each["container_options"] for each in asked}.values()
    (tmp_path / "secret").write_bytes(video("ts"))
    secret = str(tmp_path / "secret").encode()
    lists = {"sdp": SDP, "hls": HLS % (b"file://" + secret), "concat": b"ffconcat version 1.0\nfile " + secret + b"\n"}
    for form, data in lists.items():
        for kept in (options, {**options, "format_whitelist": f"{form},mpegts"}):
            start = time.process_time()
            with pytest.raises(av.error.FFmpegError), real(io.BytesIO(data), format=form, container_options=kept):
                pass
            assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "head", [b"\0\0\0\x18ftypmp42", b"\x1aE\xdf\xa3", b"OggS", b"RIFF\0\0\0\0AVI ", b"\0\0\1\xba", b"G"]
)
@pytest.mark.parametrize("what", ["sdp", "hls of a file", "concat"])
def test_the_first_bytes_alone_do_not_help(head: bytes, what: str) -> None:
    for data in (head + STRANGE[what], head + bytes(188 - len(head)) + head + STRANGE[what]):
        start = time.process_time()
        for item in (CLIP, SOUND):
            with pytest.raises(DataError, match=r"^[^\n]+\.$"):
                item.decode(data)
        assert time.process_time() - start < 1


def levels(clip: np.ndarray) -> list[int]:
    return [round(float(frame.mean()) / 20) for frame in clip]


@pytest.mark.parametrize("kind", VIDEOS)
def test_every_kind_of_video(kind: str, tmp_path: Path) -> None:
    data = video(kind)
    (tmp_path / "clip").write_bytes(data)
    for value in (data, tmp_path / "clip", {"bytes": data, "path": None}):
        assert levels(CLIP.decode(value)) == [1, 4, 7, 10]
    assert containers.count_frames(data, "it")[0] == 12
    assert [number for number, _ in containers.frames(data, "it", {3, 5})] == [3, 5]


def test_frames_that_come_in_another_order() -> None:
    for kind in ("h264", "ts"):
        data = video(kind, **({"bf": "3"} if kind == "h264" else {"bf": "2"}))
        assert levels(CLIP.decode(data)) == [1, 4, 7, 10]


@pytest.mark.parametrize("kind", VIDEOS)
def test_frames_larger_than_is_allowed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_PIXELS", 32 * 32 - 1)
    with pytest.raises(DataError, match=r"over the limit of 1023|damaged or cut short"):
        CLIP.decode(video(kind))


def test_frames_larger_than_the_container_says(monkeypatch: pytest.MonkeyPatch) -> None:
    data = video("mkv", FRAMES.repeat(2, axis=1))
    small = data.replace(b"\xba\x81\x40", b"\xba\x81\x10")  # PixelHeight 64 -> 16
    assert small != data
    assert levels(CLIP.decode(small)) == [1, 4, 7, 10]
    monkeypatch.setattr(containers, "MAX_PIXELS", 32 * 32)
    with pytest.raises(DataError, match=r"damaged or cut short|32 x 64 pixels, over the limit"):
        CLIP.decode(small)


def test_more_frames_or_pixels_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    many = video("mkv", [FRAMES[0]] * 20_001)
    start = time.process_time()
    with pytest.raises(DataError, match="over 20000 frames; cut it into parts") as caught:
        CLIP.decode(many)
    assert time.process_time() - start < 2
    assert caught.value.cause == "too_large_video"
    monkeypatch.setattr(containers, "MAX_DECODED", 32 * 32 * 5)
    with pytest.raises(DataError, match="over 5120 pixels in all its frames") as caught:
        CLIP.decode(video("mkv"))
    assert caught.value.cause == "too_large_video"


def test_frames_that_change_their_size() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream = file.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for part, side in enumerate((32, 64)):
            coder = av.CodecContext.create("libvpx", "w")
            coder.width = coder.height = side
            coder.pix_fmt, coder.time_base, coder.framerate = "yuv420p", Fraction(1, 25), 25
            packets = []
            for k in range(6):
                picture = np.full((side, side, 3), 20 * (6 * part + k), np.uint8)
                packets += coder.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
            for number, packet in enumerate([*packets, *coder.encode()]):
                packet.stream, packet.pts, packet.dts = stream, 40 * (6 * part + number), 40 * (6 * part + number)
                file.mux(packet)
    assert levels(CLIP.decode(out.getvalue())) == [1, 4, 7, 10]


@pytest.mark.parametrize(("turn", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))])
def test_a_video_is_turned_as_its_camera_says(turn: int, matrix: tuple[int, ...]) -> None:
    """The matrix of an MP4's track, clockwise, against numpy.rot90."""
    if not hasattr(av.VideoFrame, "rotation"):
        pytest.skip("this PyAV does not tell")
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:16, :16] = 250  # the left upper quarter is white
    data = video("mp4", [picture] * 4)
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (each * 65536 for each in matrix)
    turned = data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 2**30) + data[at + 36 :]
    wanted = np.rot90(CLIP.decode(data), -turn // 90, axes=(1, 2))
    assert np.abs(CLIP.decode(turned).astype(int) - wanted).mean() < 2


def test_decoders_that_are_not_of_the_list() -> None:
    data = io.BytesIO()
    with av.open(data, "w", format="mov") as file:
        stream = file.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
        for packet in [*stream.encode(av.VideoFrame.from_ndarray(FRAMES[3], format="rgb24")), *stream.encode()]:
            file.mux(packet)
    with pytest.raises(DataError, match="it is coded in png"):
        CLIP.decode(data.getvalue())


def test_the_decoders_of_the_list_are_ffmpegs() -> None:
    names = {*containers.VIDEO_DECODERS, *containers.AUDIO_DECODERS}
    assert all(name.startswith("lib") for name in names - av.codecs_available), "only some builds have libraries"


def test_a_path_with_braces(tmp_path: Path) -> None:
    path = tmp_path / "{clip}.mp4"
    path.write_bytes(b"no video")
    for item in (CLIP, SOUND):
        with pytest.raises(DataError, match=r"\{clip\}\.mp4' is not"):
            item.decode(path)


def test_a_video_as_a_sound_and_a_sound_as_a_video() -> None:
    with pytest.raises(DataError, match="it has no audio"):
        SOUND.decode(video())
    with pytest.raises(DataError, match="it has no video"):
        CLIP.decode(track("mp4", "aac"))


@pytest.mark.parametrize("value", [3, None, [1, 2], [FRAMES[0], FRAMES[0][:5]], {"other": 1}, np.zeros((2, 8, 8, 3))])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"^[^\n]+\.$"):
        CLIP.decode(value)
