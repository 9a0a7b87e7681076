"""Whisper's encoder: against log-mel and forward pass in plain NumPy, and cut, tuned and exported as others are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import pytest

import mmzoo
from mmzoo.errors import MMZooError
from mmzoo.modalities.audio.slaney import PowerMel, WhisperMel, slaney_weights
from mmzoo.towers.whisper import FILE, TINY_EN
from mmzoo.tuning.model import tune
from mmzoo.weights import find, is_installed
from mmzoo.weights.ctranslate2_format import read_ctranslate2
from tests.conftest import usual
from tests.zoo import TASK

installed = pytest.mark.skipif(not is_installed(TINY_EN), reason=f"needs {TINY_EN.install}")
LENGTHS = (6400, 4000, 3333)  # samples at 16 kHz


def make_item(rate: int = 16000, weights: str | None = TINY_EN.name, **options: Any) -> mmzoo.Audio:
    tower = mmzoo.Tower("whisper", weights=weights, **options)
    return mmzoo.Audio("x", sample_rate=rate, seconds=0.41, tower=tower, augmentations=())


def waves(rate: int = 16000) -> list[np.ndarray]:
    """A few chirps and noise below 4 kHz, the same at every rate."""
    found = []
    for k, length in enumerate(LENGTHS):
        at = np.arange(length * rate // 16000) / rate
        wave = np.sin(2 * np.pi * (300 + 200 * k) * at * (1 + 3 * at)) + 0.1 * np.sin(2 * np.pi * 2700 * at)
        found.append((0.2 * wave * np.hanning(len(at))).astype(np.float32))
    return found


def batch_of(item: mmzoo.Audio) -> dict[str, np.ndarray]:
    x = np.stack([item.decode(wave) for wave in waves(item.sample_rate)])
    return {"x": x, "present": np.ones((len(x), 1), bool)}


def mel_hertz(count: int) -> np.ndarray:
    """The corners of Slaney's filters: 200 / 3 Hz a mel up to 1 kHz, then 27 mels for a factor of 6.4."""
    top = 15 + 27 * math.log(8000 / 1000) / math.log(6.4)
    mels = [top * k / (count + 1) for k in range(count + 2)]
    return np.array([mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27) for mel in mels])


def power_mel(wave: np.ndarray, frames: int, bands: int) -> np.ndarray:
    """By NumPy's FFT: (frames, bands) of a sound at 16 kHz with silence behind it."""
    x = np.concatenate([wave[200:0:-1], wave, np.zeros(160 * frames + 400)]).astype(np.float64)
    windowed = [x[160 * t : 160 * t + 400] * (0.5 - 0.5 * np.cos(np.pi * np.arange(400) / 200)) for t in range(frames)]
    power = np.abs(np.fft.rfft(windowed)) ** 2
    corners, found = mel_hertz(bands), np.zeros((frames, bands))
    for band in range(bands):
        low, middle, high = corners[band : band + 3]
        triangle = np.interp(np.arange(201) * 40.0, [low, middle, high], [0.0, 2 / (high - low), 0.0])
        found[:, band] = power @ triangle
    return found


def whisper_mel(wave: np.ndarray, frames: int) -> np.ndarray:
    log = np.log10(np.maximum(power_mel(wave, frames, 80), 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def norm(x: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return x * arrays[f"{name}/gamma"] + arrays[f"{name}/beta"]


def dense(x: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ arrays[f"{name}/weight"].T + arrays[f"{name}/bias"]


def convolve(x: np.ndarray, arrays: dict[str, np.ndarray], name: str, stride: int) -> np.ndarray:
    kernel, x = arrays[f"{name}/weight"], np.pad(x, ((1, 1), (0, 0)))
    taps = [x[k : len(x) - 2 + k : stride] @ kernel[:, :, k].T for k in range(3)]
    return gelu(sum(taps) + arrays[f"{name}/bias"])


def forward(mel: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(frames, 80) -> (frames / 2, 384), with the tensors as their file has them."""
    x = convolve(convolve(mel, arrays, "encoder/conv1", 1), arrays, "encoder/conv2", 2)
    x = x + arrays["encoder/position_encodings/encodings"][: len(x)]
    heads = int(arrays["encoder/num_heads"])
    for layer in (f"encoder/layer_{k}" for k in range(4)):
        own = norm(x, arrays, f"{layer}/self_attention/layer_norm")
        parts = np.split(dense(own, arrays, f"{layer}/self_attention/linear_0"), 3, axis=1)
        q, k, v = (part.reshape(len(x), heads, -1).transpose(1, 0, 2) for part in parts)
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[2])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = weights / weights.sum(axis=-1, keepdims=True) @ v
        x = x + dense(mixed.transpose(1, 0, 2).reshape(x.shape), arrays, f"{layer}/self_attention/linear_1")
        inner = gelu(dense(norm(x, arrays, f"{layer}/ffn/layer_norm"), arrays, f"{layer}/ffn/linear_0"))
        x = x + dense(inner, arrays, f"{layer}/ffn/linear_1")
    return norm(x, arrays, "encoder/layer_norm")


def tower_tokens(item: mmzoo.Audio) -> tuple[keras.Model, np.ndarray, np.ndarray]:
    model = mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8))
    values, mask = keras.Model(model.input, model.parts.tower_tokens("x"))(batch_of(item))
    return model, np.asarray(values), np.asarray(mask)


def test_filters() -> None:
    corners, found = mel_hertz(40), slaney_weights(40)
    assert np.abs(found.sum(axis=0) * 40.0 - 1).max() < 0.35, "each has the area 1, but for the bins' width"
    assert all((found[:, k] > 0).any() for k in range(40))
    assert [int(np.flatnonzero(found[:, k])[0]) for k in (5, 39)] == [int(corners[k] // 40) + 1 for k in (5, 39)]


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_log_mel_against_numpy(rate: int) -> None:
    """At each rate what it is at 16 kHz, where the sound has nothing above 4 kHz."""
    item = make_item(rate, None)
    found, mask = WhisperMel(rate)(batch_of(item)["x"])
    for row, wave in enumerate(waves()):
        wanted = whisper_mel(wave, found.shape[1])
        off = np.abs(np.asarray(found[row]) - wanted)[:, : 80 if rate == 16000 else 55]
        assert off.max() < (1e-4 if rate == 16000 else 0.05)
        assert int(np.asarray(mask[row]).sum()) == -(-(LENGTHS[row] - 1) // 320)  # the last sample of each is 0
    assert found.shape[1:] == (42, 80)
    assert mask.shape[1] == 21


def test_power_mel_against_numpy() -> None:
    found, mask = PowerMel(16000, num_mel_bins=40)(batch_of(make_item(weights=None))["x"])
    for row, wave in enumerate(waves()):
        np.testing.assert_allclose(found[row], power_mel(wave, 41, 40), rtol=1e-4, atol=1e-5)
    assert np.asarray(mask).sum(axis=1).tolist() == [-(-(length - 1) // 160) for length in LENGTHS]


@installed
def test_tower_against_numpy_in_float64() -> None:
    arrays = read_ctranslate2(find(TINY_EN.name)[FILE], "WhisperSpec")
    arrays = {name: array.astype(np.float64) for name, array in arrays.items() if name.startswith("encoder")}
    model, values, mask = tower_tokens(make_item())
    assert values.shape == (3, 21, 384)
    for row, wave in enumerate(waves()):
        wanted = forward(whisper_mel(wave, 42), arrays)
        np.testing.assert_allclose(values[row], wanted, atol=1e-4)
        assert mask[row].sum() == -(-(LENGTHS[row] - 1) // 320)
    (part,) = model.parts.inputs.values()
    assert part.frozen_network
    assert sum(math.prod(weight.shape) for weight in part.frozen.weights) == TINY_EN.parameters - (1500 - 21) * 384


@installed
def test_the_decoder_can_be_read() -> None:
    arrays = read_ctranslate2(find(TINY_EN.name)[FILE], "WhisperSpec")
    assert arrays["decoder/embeddings/weight"].shape == (51864, 384)
    assert arrays["decoder/projection/weight"] is arrays["decoder/embeddings/weight"]
    assert arrays["decoder/layer_3/attention/linear_1/weight"].shape == (768, 384)


@pytest.mark.long
@installed
@pytest.mark.parametrize(
    "options", usual([{"trainable_blocks": 1}, {"trainable_blocks": 5}, {"adapters": 4}], [{"trainable_blocks": 1}])
)
def test_blocks_and_adapters_begin_as_the_frozen_encoder(options: dict[str, int]) -> None:
    _, wanted, _ = tower_tokens(make_item())
    model, found, _ = tower_tokens(make_item(**options))
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    (part,) = model.parts.inputs.values()
    assert part.frozen_network == (options != {"trainable_blocks": 5})
    names = {variable.path for layer in part.layers for variable in layer.trainable_variables}
    if "adapters" in options:
        assert {name.split("/")[-3] for name in names if "adapter" in name} == {f"adapter{k}" for k in range(1, 5)}
    else:
        assert any("layer_3" in name for name in names)
        assert any("layer_2" in name for name in names) == (options["trainable_blocks"] > 1)
        assert tune(model, mmzoo.Training(tune=mmzoo.Tune("lora", rank=2))).additions


def test_a_silent_or_absent_sound_has_no_tokens() -> None:
    item = make_item(weights=None, width=8, layers=1)
    model = mmzoo.build(mmzoo.Spec([item], "concat", [TASK], dim=8))
    tokens = keras.Model(model.input, model.parts.tower_tokens("x"))
    x = np.zeros((2, *item.shape), np.float32)
    values, mask = tokens({"x": x, "present": np.array([[True], [False]])})
    assert not np.asarray(mask).any()
    assert np.isfinite(np.asarray(values)).all()


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 32}
    source = keras_hub.models.WhisperBackbone(
        20, **sizes, max_encoder_sequence_length=60, max_decoder_sequence_length=4
    )
    source.save_to_preset(folder)
    return folder


def test_a_preset_hears_as_kerashubs_own(preset: Path) -> None:
    item = make_item(weights=str(preset))
    _, values, _ = tower_tokens(item)
    source = keras_hub.models.WhisperBackbone.from_preset(str(preset))
    encoder = keras.Model(source.input["encoder_features"], source.output["encoder_sequence_output"])
    wanted = encoder(WhisperMel(16000)(batch_of(item)["x"])[0])
    np.testing.assert_allclose(values, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({"sample_rate": 11025}, {}, "sample_rate=16000"),
        ({"seconds": 31.0}, {}, "seconds=30"),
        ({"frames": 10}, {}, "leave frames at 0"),
        ({}, {"weights": None, "width": 9}, "must divide by its heads"),
        ({}, {"trainable_blocks": 6}, "trainable_blocks"),
        ({}, {"weights": None, "adapters": 4}, "go between pretrained blocks"),
    ],
)
def test_what_it_cannot_read(changes: dict[str, Any], options: dict[str, Any], said: str) -> None:
    item = mmzoo.Audio("x", **changes, tower=mmzoo.Tower("whisper", **options))
    with pytest.raises(MMZooError, match=said):
        mmzoo.Spec([item], "concat", [TASK])


@pytest.mark.parametrize(("rate", "taken"), [(8000, 8000), (11025, 16000), (44100, 16000)])
def test_a_table_of_sounds_takes_it_where_it_is_installed(
    rate: int, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [(np.ones(rate, np.float32), rate)] * 3
    monkeypatch.setattr("mmzoo.modalities.audio.is_installed", lambda weights: weights is TINY_EN)
    found = mmzoo.Audio.guessed("x", values)
    assert (mmzoo.Tower.of(found.tower).name, found.sample_rate, found.seconds) == ("whisper", taken, 1.0)
    monkeypatch.setattr("mmzoo.modalities.audio.is_installed", lambda weights: False)
    assert mmzoo.Tower.of(mmzoo.Audio.guessed("x", values).tower).name == "rocket"
