"""A sound as the frames that towers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmzoo.aliases import Tensor
from mmzoo.declared import frozen_features
from mmzoo.modalities.audio.spectrogram import GivenFrames, LogMel, Mfcc
from mmzoo.tokens import Tokens

if TYPE_CHECKING:
    from mmzoo.modalities.audio import Audio


def frames(x: Tensor, item: Audio, name: str = "") -> Tokens:
    """The frames of a sound: log-mel or MFCC in the graph, or those that were given.

    Args:
        name: of the layer, where something behind it is what never trains.
    """
    called = name or f"{item.name}.frozen_features"
    if item.frames:
        layer = GivenFrames(name=called)
    else:
        kind = {"log_mel": LogMel, "mfcc": Mfcc}[item.features]
        layer = kind(item.sample_rate, num_mel_bins=item.num_mel_bins, name=called)
    if not name:
        frozen_features(item, layer)
    return Tokens(*layer(x))
