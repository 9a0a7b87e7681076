"""Why a model said what it said to one record: the modalities' shares, and what counted inside each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.evaluation.attention import Attended, attended, mean_weights
from mmzoo.evaluation.case import Case, make_case, spectrum_layer
from mmzoo.evaluation.gradients import at_layer, grad_cam, integrated_gradients
from mmzoo.evaluation.occlusion import columns, patches, quiet, stretches, tiles, words
from mmzoo.evaluation.shapley import coalitions, interactions, shapley
from mmzoo.words import one_line

COARSE = 16  # places a side, of a picture's attribution as JSON has it


@dataclass(frozen=True)
class Inside:
    """What counted inside one modality.

    Args:
        maps: by method ("occlusion", "integrated_gradients", "grad_cam"), where the answer comes from, in
            units of the logit; Grad-CAM from 0 to 1; "attention" what the fusion attended to, in shares.
        pieces: what the places of a one-dimensional map are called: words, channels, columns.
        gap: by how much of the difference integrated gradients miss it.
        shown: what the maps lie over: a picture, a spectrogram.
    """

    kind: str
    maps: dict[str, np.ndarray]
    pieces: list[str] = field(default_factory=list)
    gap: float | None = None
    shown: np.ndarray | None = None

    def to_json(self) -> dict[str, Any]:
        maps = {how: rounded(coarse(values)) for how, values in self.maps.items()}
        said: dict[str, Any] = {"kind": self.kind, **maps}
        if self.pieces:
            said["pieces"] = self.pieces
        if self.gap is not None:
            said["completeness_gap"] = self.gap
        return said


@dataclass(frozen=True)
class Explanation:
    """One answer taken apart.

    Args:
        case: the record and the answer.
        values: for each subset of the record's modalities, its logit and its probability.
        shares: "logit" and "probability": by modality, its Shapley value; an absent one has 0.
        pairs: the same, by `"a+b"`, what two are worth beyond their sum.
        inside: by modality, what counted in it.
        attention: what the fusion attended to; nothing where it does not attend.
    """

    case: Case
    values: dict[str, dict[tuple[str, ...], float]]
    shares: dict[str, dict[str, float]]
    pairs: dict[str, dict[str, float]]
    inside: dict[str, Inside]
    attention: list[Attended]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data; of a picture's attribution the sums over a coarse grid."""
        everything = tuple(self.case.names)
        return {
            "task": self.case.task.name,
            "answer": self.case.target_name,
            "output": {scale: found[everything] for scale, found in self.values.items()},
            "empty": {scale: found[()] for scale, found in self.values.items()},
            "modalities": self.shares,
            "interactions": self.pairs,
            "inside": {name: found.to_json() for name, found in self.inside.items()},
            "attention": [found.to_json() for found in self.attention],
        }

    def text(self) -> str:
        """The answer, and a line a modality: its share of the probability and of the logit."""
        everything = tuple(self.case.names)
        rows = [("without any", {scale: found[()] for scale, found in self.values.items()}, "")]
        for name in self.case.spec.input_names:
            rows.append((name, {scale: shares[name] for scale, shares in self.shares.items()}, "+"))
        rows.append(("all of them", {scale: found[everything] for scale, found in self.values.items()}, ""))
        width = max(len(name) for name, _, _ in rows)
        heads = ("probability", "logit") if self.case.task.tags.probabilistic else ("answer", "")
        said = one_line(self.case.target_name)
        lines = [f"{self.case.task.name}: {said}", f"{'':<{width}}  {heads[0]:>11}  {heads[1]:>7}"]
        for name, found, sign in rows:
            logit = f"  {found['logit']:>{sign}7.2f}" if self.case.task.tags.probabilistic else ""
            lines.append(f"{name:<{width}}  {found['probability']:>{sign}11.3f}{logit}")
        return "\n".join(lines)

    def draw(self, path: str | Path) -> None:
        """Write one picture (PNG): the shares of the modalities, and each modality with what counted in it."""
        from mmzoo.evaluation.picture import draw

        draw(self, Path(path))


def explain(
    model: keras.Model,
    record: dict[str, Any],
    *,
    task: str | None = None,
    label: str | None = None,
    inside: bool = True,
) -> Explanation:
    """Why `model` answers `record` as it does: exact shares of the modalities, and attribution inside each.

    Args:
        record: any subset of the inputs by name, each a path, bytes, an array or a string.
        task: which task, the first if not given.
        label: which answer, the likeliest if not given.
        inside: look into the modalities too, not only at their shares.

    Raises:
        MMZooError: an input, task or label is unknown or cannot be decoded, or there are more than six inputs.
    """
    case = make_case(model, record, task, label)
    names = case.names
    subsets = coalitions(names)
    logits = case.with_subsets(subsets)
    values, shares, pairs = {}, {}, {}
    for scale, score in (("logit", case.logit(logits)), ("probability", case.probability(logits))):
        by_subset = dict(zip(subsets, score, strict=True))
        values[scale] = {chosen: float(number) for chosen, number in by_subset.items()}
        found = shapley(by_subset, names)
        shares[scale] = {name: float(found.get(name, 0.0)) for name in case.spec.input_names}
        pairs[scale] = {pair: float(number) for pair, number in interactions(by_subset, names).items()}
    kinds = {item.name: item.kind for item in case.spec.inputs}
    looks = {name: LOOKS[kinds[name]](case, name) for name in names if inside and kinds[name] in LOOKS}
    rows = attended(case) if inside else []
    for name, look in looks.items():
        add_attention(look, mean_weights(rows, name), case.tokens[name][1][0], model.parts.of(name).grid)
    return Explanation(case, values, shares, pairs, looks, rows)


def add_attention(look: Inside, weights: np.ndarray | None, real: np.ndarray, grid: tuple[int, int] | None) -> None:
    """Put the weights of a modality's tokens among its maps, where their places can be shown.

    Args:
        weights: what the fusion attended to, (T,).
        real: which of the tokens are real, bool (T,).
        grid: rows and columns, where the tokens are the places of a map.
    """
    if weights is None or len(weights) == 1:
        return
    if look.kind == "image" and grid:
        look.maps["attention"] = weights.reshape(grid)
    elif look.kind == "audio" and look.shown is not None and look.shown.ndim == 2:
        look.maps["attention"] = weights[real][:, None]
    elif look.kind in ("text", "tabular") and int(real.sum()) == len(look.pieces):
        look.maps["attention"] = weights[real]


def look_at_image(case: Case, name: str) -> Inside:
    """Integrated gradients from a flat picture of the mean colour, Grad-CAM where there is a map, and patches."""
    parts = case.model.parts.of(name)
    x, _ = at_layer(case, name, parts.gate)
    baseline = np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape).astype(np.float32)
    shares, gap = integrated_gradients(case, name, parts.gate, x, baseline)
    maps = {"integrated_gradients": shares.sum(axis=-1), "occlusion": patches(case, name)}
    if parts.feature_map is not None:
        maps["grad_cam"] = grad_cam(case, name, parts.feature_map)
    return Inside("image", maps, gap=gap, shown=case.inputs[name][0])


def look_at_text(case: Case, name: str) -> Inside:
    """Each word left out; where a word is a token of an embedding, integrated gradients from vectors of zeros too."""
    pieces, losses = words(case, name)
    maps, gap, at = {"occlusion": losses}, None, case.model.parts.of(name).embedding
    if at is not None:
        x, ids = at_layer(case, name, at)
        assert ids is not None
        if pieces and int((ids > 0).sum()) == len(pieces):
            shares, gap = integrated_gradients(case, name, at, x, np.zeros_like(x), ids)
            maps["integrated_gradients"] = shares[: len(pieces)].sum(axis=-1)
    return Inside("text", maps, pieces, gap)


def look_at_audio(case: Case, name: str) -> Inside:
    """Integrated gradients from a quiet clip on the log-mel, and its tiles; else silent stretches of time."""
    at = spectrum_layer(case.model, name)
    if at is None:
        return Inside("audio", {"occlusion": stretches(case, name)}, shown=case.inputs[name][0])
    x, mask = at_layer(case, name, at)
    assert mask is not None
    shares, gap = integrated_gradients(case, name, at, x, quiet(x, mask), mask)
    real = max(int(mask.sum()), 1)
    maps = {"integrated_gradients": shares[:real], "occlusion": tiles(case, name, at, x, mask)}
    return Inside("audio", maps, gap=gap, shown=x[0, :real])


def look_at_video(case: Case, name: str) -> Inside:
    """The same patch of all frames at once."""
    return Inside("video", {"occlusion": patches(case, name)}, shown=case.inputs[name][0][0])


def look_at_sensor(case: Case, name: str) -> Inside:
    """Each channel as if it had not been measured, and integrated gradients from channels that stay at their means."""
    count = case.inputs[name].shape[-1]
    maps = {"occlusion": columns(case, name, np.full(count, np.nan, np.float32))}
    names, gap = [f"channel {k + 1}" for k in range(count)], None
    at = case.model.parts.of(name).frozen
    if at is not None:
        # Behind the gaps: the channels at mean 0, then what was measured, which stays.
        x, mask = at_layer(case, name, at)
        baseline = np.concatenate([np.zeros_like(x[..., :count]), x[..., count:]], axis=-1)
        shares, gap = integrated_gradients(case, name, at, x, baseline, mask)
        maps["integrated_gradients"] = shares[:, :count].sum(axis=0)
    return Inside("sensor", maps, names, gap, shown=case.inputs[name][0])


def look_at_table(case: Case, name: str) -> Inside:
    """Each column as if it were missing, and for numbers alone integrated gradients from their means."""
    item: Any = next(item for item in case.spec.inputs if item.name == name)
    absent = np.array([np.nan] * len(item.numbers) + [0.0] * len(item.categories), np.float32)
    maps, gap = {"occlusion": columns(case, name, absent)}, None
    if not item.categories:
        gate = case.model.parts.of(name).gate
        x, _ = at_layer(case, name, gate)
        baseline = np.where(np.isnan(x), x, np.array(item.means, np.float32))
        maps["integrated_gradients"], gap = integrated_gradients(case, name, gate, x, baseline)
    return Inside("tabular", maps, [*item.numbers, *item.categories], gap)


LOOKS: dict[str, Callable[[Case, str], Inside]] = {
    "image": look_at_image,
    "text": look_at_text,
    "audio": look_at_audio,
    "video": look_at_video,
    "sensor": look_at_sensor,
    "tabular": look_at_table,
}


def coarse(values: np.ndarray) -> np.ndarray:
    """Sums over a grid of at most `COARSE` places a side; what is smaller stays."""
    for axis in range(values.ndim if values.ndim > 1 else 0):
        size = values.shape[axis]
        if size > COARSE:
            values = np.add.reduceat(values, np.linspace(0, size, COARSE, endpoint=False).astype(int), axis=axis)
    return values


def rounded(values: np.ndarray) -> Any:
    """Plain lists of numbers with six decimals."""
    return np.round(values.astype(float), 6).tolist()
