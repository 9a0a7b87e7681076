"""What the towers over a sequence share: how each modality becomes one, and how an encoder becomes a tower.

An encoder takes `Tokens` to `Tokens`; registered once, it serves every modality that is a sequence:
the tokens of a text, the frames of a sound, the steps of a sensor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from mmzoo.declared import embedding, frozen_features
from mmzoo.modalities import Modality
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.spectrogram import GivenFrames, LogMel, Mfcc
from mmzoo.modalities.sensor import Sensor
from mmzoo.modalities.sensor.gaps import FillGaps
from mmzoo.modalities.text import Text
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers

Encoder = Callable[..., Tokens]
SEQUENCES = ("audio", "sensor", "text")


def sequence_tower(name: str) -> Callable[[Encoder], Encoder]:
    """Decorator: register `encoder(tokens, name, *, width, ...)` as a tower for every sequence.

    `name` in the call is the maker of layer names. The decorated function stays as it is.
    """

    def add(encoder: Encoder) -> Encoder:
        def tower(x: Any, item: Any, **options: Any) -> Tokens:
            width = options.get("width", parameters["width"].default)
            return encoder(sequence(x, item, width), scoped(item), **options)

        parameters = inspect.signature(encoder).parameters
        own = [p for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
        given = list(inspect.signature(tower).parameters.values())[:2]
        tower.__signature__ = inspect.Signature([*given, *own])  # type: ignore[attr-defined]
        tower.__doc__, tower.__name__ = encoder.__doc__, name
        tower.encoder = encoder  # type: ignore[attr-defined]
        towers.register(name, serves=SEQUENCES)(tower)
        return encoder

    return add


def sequence(x: Any, item: Modality, width: int) -> Tokens:
    """A decoded batch as `Tokens`: words (B, tokens, width), frames (B, T, bands) or steps (B, T, 2 channels)."""
    if isinstance(item, Text):
        return embedded(x, item, width)
    if isinstance(item, Audio):
        return frames(x, item)
    assert isinstance(item, Sensor)
    item.check_fitted()
    layer = frozen_features(item, FillGaps(item.means, item.deviations, name=scoped(item)("trunk")))
    return Tokens(*layer(x))


def token_ids(x: Any, item: Text) -> Any:
    """The ids int32 (B, tokens) of a text, 0 for padding."""
    item.check_fitted()
    if not item.in_graph:
        return x
    return frozen_features(item, item.made_tokenizer.layer(item.tokens, scoped(item)("trunk")))(x)


def embedded(x: Any, item: Text, width: int) -> Tokens:
    """A text's tokens in an embedding that trains from scratch."""
    ids = token_ids(x, item)
    layer = embedding(item, keras.layers.Embedding(item.size, width, name=scoped(item)("embedding")))
    return Tokens(layer(ids), ids > 0)


def frames(x: Any, item: Audio, name: str = "") -> Tokens:
    """The frames of a sound: log-mel or MFCC in the graph, or those that were given.

    Args:
        name: of the layer, where something behind it is what never trains.
    """
    called = name or scoped(item)("trunk")
    if item.frames:
        layer = GivenFrames(name=called)
    else:
        kind = {"log_mel": LogMel, "mfcc": Mfcc}[item.features]
        layer = kind(item.sample_rate, bands=item.bands, name=called)
    if not name:
        frozen_features(item, layer)
    return Tokens(*layer(x))


def without_padding(tokens: Tokens) -> Any:
    """The values, zero where they are padding: what a convolution may look at."""
    return ops.where(tokens.mask[..., None], tokens.values, 0.0)
