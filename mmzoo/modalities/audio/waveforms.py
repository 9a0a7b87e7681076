"""Sounds given as arrays: what their numbers mean and which axis is time, or a refusal where that is unclear."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.aliases import Raw
from mmzoo.errors import require_data
from mmzoo.modalities.arrays import numeric
from mmzoo.modalities.audio.wav import CHANNELS, RATES

LOUDEST = 8.0
"""Of float samples, whose full scale is 1: mixes and lossy coders overshoot by less, integers as floats by more."""


def with_rate(value: Raw, usual: float, what: str) -> tuple[Raw, float]:
    """A waveform and its rate: `(samples, rate)`, Hugging Face's `{"array", "sampling_rate"}`, or at the usual rate.

    Raises:
        DataError: the rate is none.
    """
    if isinstance(value, Mapping) and "array" in value:
        value = value["array"], value.get("sampling_rate")
    if not isinstance(value, tuple):
        return value, usual
    rate = value[1] if len(value) == 2 else None
    require_data(
        isinstance(rate, (int, float, np.number)) and RATES[0] <= rate <= RATES[-1],
        "wrong_kind",
        f"Audio {what} with its own rate must be (samples, rate), the rate {RATES[0]} to {RATES[-1]} Hz.",
    )
    return value


def waveform(value: Raw, what: str) -> np.ndarray:
    """A sound (N,), (N, channels) or (channels, N), as (N,) or (N, channels), float32 or int16, full scale 1 or 32768.

    Integers of 8, 16 and 32 bits are scaled by their type (those without a sign rest at half of its range); those of 64
    bits, which lists and datasets have, are taken for 16 bits if they fit.

    Raises:
        DataError: it is no such array, or it is not clear which of its axes is time, or what its numbers mean.
    """
    array = numeric(value, f"audio {what}")
    kind, bits = array.dtype.kind, array.dtype.itemsize * 8
    say = "; give int16, or float in -1..1."
    require_data(kind != "b", "junk_array", f"Audio {what} is an array of truth values{say}")
    if kind in "iu":
        far = max(-int(array.min(initial=0)), int(array.max(initial=0)))
        if bits == 64:
            require_data(far <= 2**15, "wrong_scale", f"Audio {what} has 64-bit integers up to {far}{say}")
            array = np.clip(array, -(2**15), 2**15 - 1).astype(np.int16)
        elif (kind, bits) == ("i", 32):
            # Nothing that was recorded is 96 dB below full scale from end to end.
            unclear = f"Audio {what} has 32-bit integers, yet none over {far}, as if they were of 16 bits{say}"
            require_data(far == 0 or far > 2**15, "wrong_scale", unclear)
    return oriented(scaled(array), what)


def scaled(array: np.ndarray) -> np.ndarray:
    """Samples as float32, whose full scale is 1, by their type; int16 stays what it is."""
    kind, bits = array.dtype.kind, array.dtype.itemsize * 8
    if kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            return array.astype(np.float32, copy=False)
    if (kind, bits) == ("i", 16):
        return array.astype(np.int16, copy=False)
    rest = 0 if kind == "i" else 2 ** (bits - 1)
    whole = array.astype(np.float64)
    return np.asarray((whole - rest) / 2 ** (bits - 1), np.float32)


def oriented(array: np.ndarray, what: str) -> np.ndarray:
    """(N,) or (N, channels) of an array whose channels may come first: the axis that can only be channels is them."""
    shape = f"Audio {what} must have shape (N,), (N, channels) or (channels, N), not {array.shape}."
    require_data(array.ndim in (1, 2), "wrong_shape", shape)
    if array.ndim == 1 or not array.size:
        return array.reshape(-1)
    few = [axis for axis in (0, 1) if array.shape[axis] in CHANNELS]
    single = [axis for axis in few if array.shape[axis] == 1]
    channels = single or few
    unclear = f"Audio {what} of shape {array.shape} may be either way round; give (N,), its channels mixed."
    require_data(len(channels) == 1 or single, "wrong_shape", unclear if few else shape)
    return array.T if channels[0] == 0 else array


def mono(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels of (N,) or (N, channels), float32 (N,) in full scale 1."""
    if samples.dtype == np.int16:
        samples = np.multiply(samples, np.float32(1 / 32768), dtype=np.float32)
    if samples.ndim == 1 or samples.shape[1] == 1:
        return samples.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
        return np.asarray(samples.mean(axis=1, dtype=np.float32))
