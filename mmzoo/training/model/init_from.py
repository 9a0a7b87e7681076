"""A model that begins with the weights of a trained one, or with its most important channels."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import keras
import numpy as np

from mmzoo.choice import Tower
from mmzoo.errors import MMZooError, require
from mmzoo.spec import Spec
from mmzoo.training.finished import load_finished

if TYPE_CHECKING:
    from mmzoo.graph.build import Multimodal

CHAINS = ("small_cnn", "spectrogram_cnn", "waveform_cnn")
"""Towers whose channels can be pruned: convolutions one after the other, as many as the option `filters` says."""


def init_from(model: keras.Model, folder: str) -> None:
    """Give `model` the weights of a run's model; of a wider one, the most important channels. Temperatures are 1 again.

    Raises:
        MMZooError: the run's model has other layers, or is narrower.
    """
    model.set_weights(narrowed(load_finished(folder), model, folder))
    for heads in model.parts.heads.values():
        if heads.temperature is not None:
            heads.temperature.reset()


def narrowed(old: keras.Model, new: Multimodal, origin: str) -> list[np.ndarray]:
    """The weights of `old` in the shapes of `new`.

    A convolution keeps the filters of the largest L1 norm (Li et al. 2017, arXiv:1608.08710); what follows it in the
    tower of its input keeps what reads them.
    """
    found = {}
    chosen: dict[str, np.ndarray] = {}
    other = f"The run '{origin}' has a model of other layers; begin with one of the same spec, or of wider towers."
    require(len(old.layers) == len(new.layers), other)
    for before, after in zip(old.layers, new.layers, strict=True):
        require(len(before.variables) == len(after.variables), other)
        tower = new.parts.owner_of(after)
        kept = chosen.get(tower)
        for source, target in zip(before.variables, after.variables, strict=True):
            value = np.asarray(source.numpy())
            fair = value.ndim == len(target.shape) and all(
                a >= b for a, b in zip(value.shape, target.shape, strict=True)
            )
            require(fair, other)
            if value.ndim > 1 and value.shape[-2] != target.shape[-2]:
                if kept is None:
                    raise MMZooError(other)
                value = np.take(value, spread(kept, value.shape[-2], target.shape[-2]), axis=-2)
            if value.shape and value.shape[-1] != target.shape[-1]:
                if value.ndim > 1:
                    norm = np.abs(value).sum(axis=tuple(range(value.ndim - 1)))
                    kept = chosen[tower] = np.sort(np.argsort(-norm, kind="stable")[: target.shape[-1]])
                if kept is None:
                    raise MMZooError(other)
                value = np.take(value, kept, axis=-1)
            require(value.shape == tuple(target.shape), other)
            found[id(target)] = value
    return [found[id(variable)] for variable in new.weights]


def spread(kept: np.ndarray, old: int, new: int) -> np.ndarray:
    """The places of the channels `kept` where `old` numbers stand side by side, the channels of one place together."""
    places = new // len(kept)
    width = old // places
    return np.concatenate([place * width + kept for place in range(places)])


def with_fewer_channels(spec: Spec, share: float) -> Spec:
    """The spec whose towers of the kinds in `CHAINS` have that share of their filters less, at least one each.

    Raises:
        MMZooError: no input has such a tower.
    """
    from mmzoo.towers import towers

    inputs = []
    for item in spec.inputs:
        tower = Tower.of(item.tower)
        if tower.name in CHAINS:
            usual = inspect.signature(towers[tower.name]).parameters["filters"].default
            filters = cast(Sequence[int], tower.options.get("filters", usual))
            fewer = [max(round(count * (1 - share)), 1) for count in filters]
            item = replace(item, tower=Tower(tower.name, **{**tower.options, "filters": fewer}))
        inputs.append(item)
    require(
        inputs != list(spec.inputs),
        f"No tower of this model has channels that can be pruned; those that have are {', '.join(CHAINS)}. "
        "Leave --channels out to prune single weights.",
    )
    return replace(spec, inputs=inputs)
