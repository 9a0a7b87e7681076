"""Who speaks: Resemblyzer's speaker encoder, with weights that pip can install."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from mmzoo.aliases import Tensor
from mmzoo.declared import frozen_features
from mmzoo.errors import require
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.slaney import STEP, VoiceMel
from mmzoo.tokens import Tokens
from mmzoo.towers import scoped, towers
from mmzoo.towers.backbone import check_tuning, load_pretrained, run_backbone
from mmzoo.weights import Weights, find
from mmzoo.weights import weights as known_weights
from mmzoo.weights.torch_format import read_torch

FILE = "resemblyzer/pretrained.pt"
WIDTH, LAYERS = 256, 3

RESEMBLYZER = known_weights.register(
    Weights(
        "resemblyzer",
        towers=("voice",),
        package="Resemblyzer",
        version="0.1.4",
        files={FILE: "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"},
        install="pip install --no-deps Resemblyzer==0.1.4",
        licence="Apache-2.0",
        source="https://github.com/resemble-ai/Resemblyzer",
        parameters=1_420_544,
        megabytes=17.1,
        note="Trained to tell speakers apart, whatever they say: for voices, not for words.",
    )
)


def check_voice(
    item: Audio, *, weights: str | None, width: int, layers: int, trainable_blocks: int, **options: int
) -> None:
    """The sound is a waveform that the spectrogram can be made of, and the encoder can train in that way."""
    require(not item.frames, f"Tower 'voice' of input '{item.name}' reads waveforms; leave frames at 0.")
    require(
        item.sample_rate % STEP == 0,
        f"Tower 'voice' hears sounds at a rate that {STEP} divides; give input '{item.name}' sample_rate=16000, to "
        "which files are resampled.",
    )
    blocks = (LAYERS if weights else layers) + 1
    check_tuning(item, weights=weights, blocks=blocks, trainable_blocks=trainable_blocks, **options)


@towers.register("voice", check_voice, serves="audio")
def voice(
    x: Tensor,
    item: Audio,
    *,
    weights: str | None = RESEMBLYZER.name,
    trainable_blocks: int = 0,
    adapters: int = 0,
    width: int = WIDTH,
    layers: int = LAYERS,
) -> Tokens:
    """Resemblyzer's speaker encoder: LSTMs on a mel spectrogram (GE2E; Wan et al. 2018, arXiv:1710.10467).

    float32 (B, N) -> `Tokens` (B, windows of 1.6 seconds, width), each of length 1. Its blocks are the LSTMs, and the
    dense layer behind them.

    Args:
        weights: "resemblyzer" (from the pip package Resemblyzer, no network at run time: 3 LSTMs of 256), None
            (random, all of it trains) or a .weights.h5 file.
        trainable_blocks: with weights, how many of the last blocks train.
        adapters: with weights, all blocks stay frozen, and behind each but the first is an adapter of that width.
        width, layers: of the LSTMs without weights. Weights bring their own.
    """
    width, layers = (WIDTH, LAYERS) if weights else (width, layers)
    mel = VoiceMel(item.sample_rate, name=scoped(item)("mel"))
    frozen_features(item, mel)  # where no block is frozen with it
    count = mel.windows(item.shape[0])
    encoder = load_pretrained(
        item,
        "voice",
        weights,
        lambda: network(count, width, layers),
        lambda _: with_package(network(count, width, layers)),
    )
    ends = [f"block{number}" for number in range(1, layers + 1)]
    return Tokens(*run_backbone(x, item, encoder, mel, ends, trainable_blocks if weights else None, adapters))


def network(count: int, width: int, layers: int) -> keras.Model:
    """float32 (B, count, 160, 40) -> (B, count, width). Layers are called as they are in the package's file."""
    start = keras.Input((count, VoiceMel.LENGTH, 40))
    x = ops.reshape(start, (-1, VoiceMel.LENGTH, 40))
    for number in range(layers):
        x = keras.layers.LSTM(width, return_sequences=number < layers - 1, name=f"lstm{number}")(x)
        x = keras.layers.Identity(name=f"block{number + 1}")(x)
    x = keras.layers.Dense(width, activation="relu", name="linear")(x)
    x = keras.layers.UnitNormalization(name="unit")(x)
    x = keras.layers.Identity(name="windows")(ops.reshape(x, (-1, count, width)))
    return keras.Model(start, x, name="voice")


def with_package(encoder: keras.Model) -> keras.Model:
    """The encoder with the arrays of the installed package, torch's axis order turned into Keras'."""
    arrays = read_torch(find(RESEMBLYZER.name)[FILE])
    arrays = {name.removeprefix("model_state."): array for name, array in arrays.items()}
    for number in range(LAYERS):
        kernels = [arrays[f"lstm.weight_{part}_l{number}"].T for part in ("ih", "hh")]
        bias: np.ndarray = arrays[f"lstm.bias_ih_l{number}"] + arrays[f"lstm.bias_hh_l{number}"]
        encoder.get_layer(f"lstm{number}").set_weights([*kernels, bias])
    encoder.get_layer("linear").set_weights([arrays["linear.weight"].T, arrays["linear.bias"]])
    return encoder
