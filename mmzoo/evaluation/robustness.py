"""How a model bears noise: each modality made worse in steps, the others left as they are."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mmzoo.data.records import Records, decode
from mmzoo.graph.cut import fusing, tower_of
from mmzoo.inference.running import BATCH, compiled, finish
from mmzoo.inference.subsets import presence_of, run_towers
from mmzoo.labels import encode_labels
from mmzoo.modalities import Modality
from mmzoo.spec import Spec
from mmzoo.tasks import Task

MOST = 256  # records; more would only narrow the curves
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


def noise_curves(model: keras.Model, records: Records) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Each task's score against each kind of noise, by task, modality and kind; none of a task without labels.

    Each has `unit`, `levels`, and for each level `fused`, all modalities with this one noisy, `alone`, only the noisy
    one, and `late`, the mean of what each modality answers by itself; `clean`, all three without noise. Over the levels
    (Liang et al. 2021, arXiv:2107.07502; Hendrycks & Dietterich 2019, arXiv:1903.12261, turned to scores):
    `relative`, the share of the clean fused score that is left on average; `effective`, how much less of the score is
    lost on average than by `late`, which knows the same modalities and does not fuse them.
    Of at most `MOST` records a task, the first with a label.
    """
    spec: Spec = model.spec
    labels = encode_labels(spec.tasks, records, unasked=True)
    known = {task.name: np.flatnonzero(np.asarray(task.known(labels[task.name])))[:MOST] for task in spec.tasks}
    chosen = np.unique(np.concatenate([*known.values()]))
    records = records.select(chosen.tolist())
    found = noisy_answers(model, records)
    curves: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for task in spec.tasks:
        if len(known[task.name]):
            rows = np.searchsorted(chosen, known[task.name])
            curves[task.name] = task_curves(spec, task, found, labels[task.name][known[task.name]], rows)
    return curves


Noisy = dict[tuple[str, str, int], dict[str, dict[str, np.ndarray]]]
"""By input, kind of noise and step, what `three_ways` gives; without noise under `(input, "", 0)`."""


def noisy_answers(model: keras.Model, records: Records) -> Noisy:
    """What the model answers under each kind and step of noise; the towers of the others run once."""
    spec: Spec = model.spec
    inputs = decode(spec, records)
    found: dict[tuple[str, str, int], list[dict[str, dict[str, np.ndarray]]]] = {}
    for start in range(0, len(records), BATCH):
        rows = slice(start, start + BATCH)
        present = inputs["present"][rows]
        tokens = run_towers(model, {name: tf.constant(values[rows]) for name, values in inputs.items()})

        single = {name: ask(model, tokens, presence_of(spec, present, [name])) for name in spec.input_names}
        for item in spec.inputs:
            name = item.name
            found.setdefault((name, "", 0), []).append(three_ways(model, name, tokens, present, single))
            column = [records.column(name)[k] for k in range(len(records))[rows]]
            for how, kind in KINDS.get(item.kind, {}).items():
                for step, level in enumerate(kind.levels):
                    random = np.random.default_rng([start, step])
                    worse = kind.apply(column, inputs[name][rows], level, random, item)
                    feed = {name: tf.constant(worse), "present": tf.constant(present)}
                    noisy = {**tokens, **compiled(tower_of(model, name))(feed)}
                    found.setdefault((name, how, step), []).append(three_ways(model, name, noisy, present, single))
    return {key: keras.tree.map_structure(lambda *parts: np.concatenate(parts), *each) for key, each in found.items()}


def task_curves(
    spec: Spec, task: Task, found: Noisy, labels: np.ndarray, rows: np.ndarray
) -> dict[str, dict[str, dict[str, Any]]]:
    """One task's curves by modality and kind, from the answers to the `rows` that have these `labels`."""
    sign = task.score_sign

    def scores(key: tuple[str, str, int]) -> dict[str, float]:
        """Of "fused", "alone" and "late"."""
        return {how: float(sign * task.worth(labels, each[task.name][rows]).mean()) for how, each in found[key].items()}

    curves: dict[str, dict[str, dict[str, Any]]] = {}
    for item in spec.inputs:
        clean = scores((item.name, "", 0))
        for how, kind in KINDS.get(item.kind, {}).items():
            steps = [scores((item.name, how, step)) for step in range(len(kind.levels))]
            each = {key: [step[key] for step in steps] for key in clean}
            mean = {key: float(np.mean(values)) for key, values in each.items()}
            best, least = (mean, clean) if task.greater_is_better else (clean, mean)
            curves.setdefault(item.name, {})[how] = {
                "metric": task.score_name,
                "unit": kind.unit,
                "levels": list(kind.levels),
                **each,
                "clean": clean,
                "relative": best["fused"] / least["fused"] if least["fused"] else None,
                "effective": sign * ((mean["fused"] - clean["fused"]) - (mean["late"] - clean["late"])),
            }
    return curves


def ask(model: keras.Model, tokens: dict[str, Any], present: np.ndarray) -> dict[str, np.ndarray]:
    """By task, the finished answers (B, K) to what the towers made of a batch."""
    return finish(model.spec, compiled(fusing(model))({**tokens, "present": tf.constant(present)}))


def three_ways(
    model: keras.Model,
    name: str,
    tokens: dict[str, Any],
    present: np.ndarray,
    single: dict[str, dict[str, np.ndarray]],
) -> dict[str, dict[str, np.ndarray]]:
    """By task, answers of all modalities, of `name` alone, and the mean of each by itself, the others' in `single`."""
    alone = ask(model, tokens, presence_of(model.spec, present, [name]))

    def late(task: str) -> np.ndarray:
        each = np.stack([answers[task] for answers in {**single, name: alone}.values()], axis=1)
        return np.asarray((each * present[..., None]).sum(axis=1) / present.sum(axis=1)[:, None])

    return {"fused": ask(model, tokens, present), "alone": alone, "late": {task: late(task) for task in alone}}


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
