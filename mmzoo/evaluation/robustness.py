"""How a model bears noise: each modality made worse in steps, the others left as they are."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.data.records import Records, decode, encode_labels
from mmzoo.evaluation.halves import halves, tower_of
from mmzoo.evaluation.metrics import BATCH, compiled, presence_of
from mmzoo.evaluation.verdict import worth_name
from mmzoo.modalities import Modality
from mmzoo.spec import Spec

MOST = 512  # records; more would only narrow the curves
VOICES = 4  # of other records, that make babble


@dataclass(frozen=True)
class Kind:
    """A way to make a modality worse.

    Args:
        unit: what `levels` are, mildest first.
        apply: `(values of the column, decoded examples, level, random, item) -> decoded examples`; None
            where a record lacks the modality.
    """

    unit: str
    levels: tuple[float, ...]
    apply: Callable[[list[Any], np.ndarray, float, np.random.Generator, Any], np.ndarray]


def noise_curves(model: keras.Model, records: Records) -> dict[str, dict[str, dict[str, Any]]]:
    """The first task's accuracy (or mean absolute error) against each kind of noise, by modality and kind.

    Each has `unit`, `levels`, and for each level `fused`, all modalities with this one noisy, and `alone`,
    only the noisy one; `clean`, both without noise; and `relative`, the share of the clean fused
    score that is left on average (Hendrycks & Dietterich 2019, arXiv:1903.12261, turned to scores).
    At most `MOST` records, those first.
    """
    spec: Spec = model.spec
    task, records = spec.tasks[0], records.take(MOST)
    inputs, labels = decode(spec, records), encode_labels(spec, records)[task.name]
    known = np.asarray(task.known(labels))
    found: dict[tuple[str, str, int, bool], list[np.ndarray]] = {}
    towers, fuse = (compiled(half) for half in halves(model))
    for start in range(0, len(records), BATCH):
        rows = slice(start, start + BATCH)
        present = inputs["present"][rows]
        tokens = towers(keras.tree.map_structure(lambda a, r=rows: tf.constant(a[r]), inputs))

        def note(key: tuple[str, str, int], chosen: dict[str, Any], here: np.ndarray = present) -> None:
            for alone in (False, True):
                some = presence_of(spec, here, [key[0]]) if alone else here
                logits = fuse({**chosen, "present": tf.constant(some)})[task.name].numpy()
                found.setdefault((*key, alone), []).append(np.asarray(task.finish(logits)))

        for item in spec.inputs:
            note((item.name, "", 0), tokens)
            column = [records.column(item.name)[k] for k in range(len(records))[rows]]
            for how, kind in KINDS.get(item.kind, {}).items():
                for step, level in enumerate(kind.levels):
                    random = np.random.default_rng([start, step])
                    worse = kind.apply(column, inputs[item.name][rows], level, random, item)
                    feed = {item.name: tf.constant(worse), "present": tf.constant(present)}
                    noisy = compiled(tower_of(model, item.name))(feed)
                    note((item.name, how, step), {**tokens, **noisy})
    sign = 1 if task.labels else -1

    def score(key: tuple[str, str, int, bool]) -> float:
        return float(sign * task.worth(labels[known], np.concatenate(found[key])[known]).mean())

    curves: dict[str, dict[str, dict[str, Any]]] = {}
    for item in spec.inputs:
        clean = {"fused": score((item.name, "", 0, False)), "alone": score((item.name, "", 0, True))}
        for how, kind in KINDS.get(item.kind, {}).items():
            fused, alone = (
                [score((item.name, how, step, only)) for step in range(len(kind.levels))] for only in (False, True)
            )
            mean = float(np.mean(fused))
            best, least = (mean, clean["fused"]) if task.labels else (clean["fused"], mean)
            curves.setdefault(item.name, {})[how] = {
                "metric": worth_name(task),
                "unit": kind.unit,
                "levels": list(kind.levels),
                "fused": fused,
                "alone": alone,
                "clean": clean,
                "relative": best / least if least else None,
            }
    return curves


def jpeg(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
    """Pictures uint8 (B, S, S, 3) through JPEG of this quality."""
    from PIL import Image

    out = np.empty_like(examples)
    for k, example in enumerate(examples):
        file = io.BytesIO()
        Image.fromarray(example).save(file, "JPEG", quality=int(level))
        out[k] = np.asarray(Image.open(file).convert("RGB"))
    return out


def blur(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
    """Pictures (..., S, S, 3) under a Gaussian whose deviation is `level` percent of their side."""
    from scipy.ndimage import gaussian_filter

    width = level / 100 * examples.shape[-2]
    still = (0,) * (examples.ndim - 3)
    return np.asarray(gaussian_filter(examples, (*still, width, width, 0)))


def grain(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
    """Pictures with Gaussian noise whose deviation is `level` of 255."""
    noisy = examples + random.normal(0, level, examples.shape)
    return np.asarray(noisy.round().clip(0, 255).astype(np.uint8))


def reworded(change: Callable[[str, float, Any], str]) -> Callable[..., np.ndarray]:
    """A change of a string as one of decoded examples."""

    def apply(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
        out = examples.copy()
        for k, value in enumerate(values):
            if value is not None:
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                out[k] = item.decode(change(text, level, random))
        return out

    return apply


def drop_words(text: str, level: float, random: Any) -> str:
    """Each word left out with probability `level`; one stays."""
    words = text.split()
    kept = [word for word in words if random.random() >= level]
    return " ".join(kept or words[:1])


def mistype(text: str, level: float, random: Any) -> str:
    """Each letter, with probability `level`, left out, doubled, changed, or swapped with the next."""
    letters = list(text)
    for k in np.flatnonzero(random.random(len(letters)) < level):
        if letters[k].isspace():
            continue
        kind = random.integers(4)
        if kind == 3 and k + 1 < len(letters):
            letters[k], letters[k + 1] = letters[k + 1], letters[k]
        else:
            letters[k] = ("", letters[k] * 2, chr(97 + random.integers(26)))[min(kind, 2)]
    return "".join(letters)


def mixed(waves: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    """Waveforms (B, N) with `noise` (B, N) at `level` dB of signal over noise, only up to each one's end."""
    out = waves.copy()
    for k, wave in enumerate(waves):
        heard = np.flatnonzero(wave)
        if len(heard):
            span = slice(0, heard[-1] + 1)
            loud, soft = np.square(wave[span]).mean(), max(np.square(noise[k, span]).mean(), 1e-12)
            out[k, span] += noise[k, span] * np.sqrt(loud / soft / 10 ** (level / 10))
    return out.astype(np.float32)


def white(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
    """White noise."""
    return mixed(examples, random.normal(0, 1, examples.shape), level)


def babble(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
    """The sum of other records' clips, each repeated to the full length."""
    clips = [np.trim_zeros(wave, "b") for wave in examples if wave.any()] or [np.ones(1, np.float32)]
    noise = np.zeros_like(examples)
    for k in range(len(examples)):
        for other in random.integers(0, len(clips), VOICES):
            clip = np.resize(clips[other], examples.shape[1])
            noise[k] += clip / max(np.sqrt(np.square(clip).mean()), 1e-9)
    return mixed(examples, noise, level)


def lose(values: list[Any], examples: np.ndarray, level: float, random: Any, item: Modality) -> np.ndarray:
    """A series' steps, or a row's columns, missing with probability `level`."""
    gone = random.random(examples.shape[:2]) < level
    absent = np.full(examples.shape[-1], np.nan, np.float32)
    if item.kind == "tabular":
        absent[len(item.numbers) :] = 0.0  # type: ignore[attr-defined]
        return np.where(gone, absent, examples)
    return np.where(gone[..., None], absent, examples)


KINDS: dict[str, dict[str, Kind]] = {
    "image": {
        "jpeg": Kind("quality", (50, 20, 10, 5), jpeg),
        "blur": Kind("% of the side", (1, 2, 4, 8), blur),
        "noise": Kind("of 255", (10, 25, 50, 100), grain),
    },
    "video": {"blur": Kind("% of the side", (1, 2, 4, 8), blur), "noise": Kind("of 255", (10, 25, 50, 100), grain)},
    "text": {
        "words left out": Kind("share", (0.2, 0.4, 0.6, 0.8), reworded(drop_words)),
        "typos": Kind("share of letters", (0.05, 0.1, 0.2, 0.4), reworded(mistype)),
    },
    "audio": {
        "white noise": Kind("dB", (20, 10, 0, -10), white),
        "babble": Kind("dB", (20, 10, 0, -10), babble),
    },
    "sensor": {"gaps": Kind("share of steps", (0.2, 0.4, 0.6, 0.8), lose)},
    "tabular": {"gaps": Kind("share of columns", (0.2, 0.4, 0.6, 0.8), lose)},
}
